/** What a household has risked so far, from its own database: for its owner, offline. */
import type { Database } from "better-sqlite3";
import { type CoveredCost, epsilonOfAll, type PrivacyBudget, usedPart } from "../../../protocol/learning/index.ts";
import { EXACT } from "../../../protocol/privacy-labels.ts";
import { costFrom } from "./privacy-guard.ts";

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
  /** Of all rounds together, at the budget's delta. */
  readonly epsilon: number;
  readonly budget: PrivacyBudget;
  /** Part of the budget that is used, as the meter counts: adds up over rounds, which epsilon does not. */
  readonly used: number;
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

/**
 * The statement of one meter, by the budget that it last ran with, or else the given one; works on a database opened for
 * reading, and of an older version.
 */
export function privacyStatement(db: Database, meter: string, configured: PrivacyBudget): PrivacyStatement {
  const budget = budgetOf(db, meter) ?? configured;
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
  const used = usedPart(
    costs.filter((cost) => cost !== undefined),
    budget,
  );
  return {
    meter,
    epsilon,
    budget,
    used,
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

function hasTable(db: Database, name: string): boolean {
  return db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(name) !== undefined;
}

function budgetOf(db: Database, meter: string): PrivacyBudget | undefined {
  if (!hasTable(db, "privacy_budgets")) return undefined;
  return db
    .prepare<[string], PrivacyBudget>(
      "SELECT b.epsilon, b.delta FROM privacy_budgets b JOIN meters m ON b.meter = m.number WHERE m.meter = ?",
    )
    .get(meter);
}

function chargedRows(db: Database, meter: string): Row[] {
  if (!hasTable(db, "privacy_charges")) return [];
  const has = (sql: string): boolean => db.prepare(sql).get() !== undefined;
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
  const { meter, epsilon, budget, used, uncovered, names, rounds, notCovered } = statement;
  if (rounds.length === 0) return `${meter} has taken part in no round of learning.\n${notCovered}`;
  const count = (number: number): string => `${number} round${number === 1 ? "" : "s"}`;
  const lines = [
    `${meter} has used ${(100 * used).toFixed(1)} % of its budget (epsilon ${budget.epsilon} at delta ${budget.delta}) ` +
      `in ${count(rounds.length - uncovered)} of learning: epsilon ${epsilon.toFixed(3)}.`,
  ];
  if (uncovered > 0) lines.push(`${count(uncovered)} without noise: no budget covers that.`);
  for (const { name, task, rounds: number, epsilon: own } of names) {
    const what = task === null ? "" : ` (${TASKS[task] ?? task})`;
    const cost = own === null ? "no noise" : `epsilon ${own.toFixed(3)} by ${number === 1 ? "itself" : "themselves"}`;
    lines.push(`  ${name}${what}: ${count(number)}, ${cost}`);
  }
  return [...lines, notCovered].join("\n");
}
