/** What a household has risked so far, from its own database: for its owner, offline. */
import type { Database } from "better-sqlite3";
import { type CoveredCost, epsilonOfAll } from "../../../protocol/learning/index.ts";
import { EXACT } from "../../../protocol/privacy-labels.ts";
import { costFrom, type PrivacyBudget } from "./privacy-guard.ts";

export interface ChargedRound {
  readonly round: string;
  /** The campaign, or what a release is called. */
  readonly campaign: string | null;
  readonly step: number | null;
  /** `train`, `load` or `histogram`; null where it was not remembered. */
  readonly task: string | null;
  /** Of this round alone, at the budget's delta; null without noise: no budget covers it. */
  readonly epsilon: number | null;
}

/** All rounds of one name and task. */
export interface ChargedName {
  readonly name: string;
  readonly task: string | null;
  readonly rounds: number;
  /** Of these alone; null where none of them has noise. What they add to all others is less. */
  readonly epsilon: number | null;
}

export interface PrivacyStatement {
  readonly meter: string;
  /** Of all rounds together, what is allowed, and what is left of it. */
  readonly epsilon: number;
  readonly budget: PrivacyBudget;
  readonly left: number;
  /** Rounds without noise. */
  readonly uncovered: number;
  readonly names: readonly ChargedName[];
  readonly rounds: readonly ChargedRound[];
  /** What no account covers. */
  readonly notCovered: string;
}

interface Row {
  round: string;
  rdp: string | null;
  campaign: string | null;
  step: number | null;
  task: string | null;
}

/** Bills are the household's own; loads of its feeder are the sum of all its homes, at least release.minMeters. */
const NOT_COVERED = `Bills and loads of the feeder are ${EXACT}.`;
const TASKS: Readonly<Record<string, string>> = {
  train: "model",
  load: "noised load",
  histogram: "noised histogram",
};

/** The statement of one meter; works on a database opened for reading, and of an older version. */
export function privacyStatement(db: Database, meter: string, budget: PrivacyBudget): PrivacyStatement {
  const rows = chargedRows(db, meter);
  const costs = rows.map(({ rdp }) => (rdp === null ? undefined : costFrom(rdp)));
  const of = (some: readonly (CoveredCost | undefined)[]): number | null => {
    const covered = some.filter((cost) => cost !== undefined);
    return covered.length === 0 ? null : epsilonOfAll(covered, budget.delta);
  };
  const named = new Map<string, number[]>();
  for (const [i, { campaign, task }] of rows.entries()) {
    const key = JSON.stringify([campaign ?? "unknown", task]);
    named.set(key, [...(named.get(key) ?? []), i]);
  }
  const epsilon = of(costs) ?? 0;
  return {
    meter,
    epsilon,
    budget,
    left: Math.max(0, budget.epsilon - epsilon),
    uncovered: costs.filter((cost) => cost === undefined).length,
    names: [...named].map(([key, own]) => {
      const [name, task] = JSON.parse(key) as [string, string | null];
      return { name, task, rounds: own.length, epsilon: of(own.map((i) => costs[i])) };
    }),
    rounds: rows.map(({ round, campaign, step, task }, i) => ({
      round,
      campaign,
      step,
      task,
      epsilon: of([costs[i]]),
    })),
    notCovered: NOT_COVERED,
  };
}

function chargedRows(db: Database, meter: string): Row[] {
  const has = (sql: string): boolean => db.prepare(sql).get() !== undefined;
  if (!has("SELECT 1 FROM sqlite_master WHERE name = 'privacy_charges'")) return [];
  const task = has("SELECT 1 FROM pragma_table_info('updates') WHERE name = 'task'") ? "u.task" : "NULL AS task";
  return db
    .prepare<[string], Row>(
      `SELECT c.round, c.rdp, u.campaign, u.step, ${task} FROM privacy_charges c JOIN meters m ON c.meter = m.number
       LEFT JOIN updates u ON u.meter = c.meter AND u.round = c.round WHERE m.meter = ? ORDER BY c.id`,
    )
    .all(meter);
}

/** The same in words. */
export function statementText(statement: PrivacyStatement): string {
  const { meter, epsilon, budget, left, uncovered, names, rounds, notCovered } = statement;
  if (rounds.length === 0) return `${meter} has taken part in no round of learning.\n${notCovered}`;
  const count = (number: number): string => `${number} round${number === 1 ? "" : "s"}`;
  const lines = [
    `${meter} has spent epsilon ${epsilon.toFixed(3)} of ${budget.epsilon}, at delta ${budget.delta}, ` +
      `in ${count(rounds.length - uncovered)} of learning; ${left.toFixed(3)} is left.`,
  ];
  if (uncovered > 0) lines.push(`${count(uncovered)} without noise: no budget covers that.`);
  for (const { name, task, rounds: number, epsilon: own } of names) {
    const what = task === null ? "" : ` (${TASKS[task] ?? task})`;
    const cost = own === null ? "no noise" : `epsilon ${own.toFixed(3)} by ${number === 1 ? "itself" : "themselves"}`;
    lines.push(`  ${name}${what}: ${count(number)}, ${cost}`);
  }
  return [...lines, notCovered].join("\n");
}
