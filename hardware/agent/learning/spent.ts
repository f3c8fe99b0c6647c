/** What a household has risked so far, from its own database: for its owner, offline. */
import type { Database } from "better-sqlite3";
import { epsilonOfAll } from "../../../protocol/learning/index.ts";
import { costFrom, type PrivacyBudget } from "./privacy-guard.ts";

export interface ChargedRound {
  readonly round: string;
  readonly campaign: string | null;
  readonly step: number | null;
  /** Of this round alone, at the budget's delta; null without noise: no budget covers it. */
  readonly epsilon: number | null;
}

export interface PrivacyStatement {
  readonly meter: string;
  /** Of all rounds together, and what is allowed. */
  readonly epsilon: number;
  readonly budget: PrivacyBudget;
  /** Rounds without noise. */
  readonly uncovered: number;
  readonly rounds: readonly ChargedRound[];
}

/** The statement of one meter; works on a database opened for reading, and of an older version. */
export function privacyStatement(db: Database, meter: string, budget: PrivacyBudget): PrivacyStatement {
  const kept = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'privacy_charges'").get() !== undefined;
  const rows = kept
    ? db
        .prepare<[string], { round: string; rdp: string | null; campaign: string | null; step: number | null }>(
          `SELECT c.round, c.rdp, u.campaign, u.step FROM privacy_charges c JOIN meters m ON c.meter = m.number
           LEFT JOIN updates u ON u.meter = c.meter AND u.round = c.round WHERE m.meter = ? ORDER BY c.id`,
        )
        .all(meter)
    : [];
  const costs = rows.map(({ rdp }) => (rdp === null ? undefined : costFrom(rdp)));
  const covered = costs.filter((cost) => cost !== undefined);
  return {
    meter,
    epsilon: epsilonOfAll(covered, budget.delta),
    budget,
    uncovered: costs.length - covered.length,
    rounds: rows.map(({ round, campaign, step }, i) => {
      const cost = costs[i];
      return { round, campaign, step, epsilon: cost === undefined ? null : epsilonOfAll([cost], budget.delta) };
    }),
  };
}

/** The same in words. */
export function statementText({ meter, epsilon, budget, uncovered, rounds }: PrivacyStatement): string {
  if (rounds.length === 0) return `${meter} has taken part in no round of learning.`;
  const count = (number: number): string => `${number} round${number === 1 ? "" : "s"}`;
  const lines = [
    `${meter} has spent epsilon ${epsilon.toFixed(3)} of ${budget.epsilon}, at delta ${budget.delta}, ` +
      `in ${count(rounds.length - uncovered)} of learning.`,
  ];
  if (uncovered > 0) lines.push(`${count(uncovered)} without noise: no budget covers that.`);
  const campaigns = new Map<string, number>();
  for (const { campaign } of rounds) {
    const name = campaign ?? "unknown";
    campaigns.set(name, (campaigns.get(name) ?? 0) + 1);
  }
  for (const [campaign, number] of campaigns) lines.push(`  ${campaign}: ${count(number)}`);
  return lines.join("\n");
}
