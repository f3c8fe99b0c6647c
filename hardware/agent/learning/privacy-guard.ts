/**
 * What a household is willing to risk: asked before its data leave in anything noised, and it alone decides. What was charged is
 * durable and never taken back, whatever becomes of the round: the vector might have left.
 */
import type { Database } from "better-sqlite3";
import { type CoveredCost, type PrivacyBudget, type RoundCost, usedPart } from "../../../protocol/learning/index.ts";

/** Why a household does not take part; `detail` is for its owner and the log. */
export interface Refusal {
  readonly code: string;
  readonly detail: string;
}

export interface PrivacyGuard {
  /** Why a round would be refused; charges nothing. */
  refusal(round: string, cost: RoundCost): Refusal | undefined;
  /** Charges a round once. Runs within the caller's transaction, and throws nothing that would leave it half done. */
  charge(round: string, cost: RoundCost): "charged" | "already" | Refusal;
}

export interface PrivacySpent {
  /** Part of the budget that is used. */
  readonly used: number;
  /** Rounds that were charged, and rounds without noise, which the budget does not cover. */
  readonly rounds: number;
  readonly uncovered: number;
}

/** The account of one meter in the outbox's database. */
export class DurablePrivacyGuard implements PrivacyGuard {
  readonly #meter: number;
  readonly #budget: PrivacyBudget;
  readonly #statements;

  /** `meter` is its number in the database. */
  constructor(db: Database, meter: number, budget: PrivacyBudget) {
    this.#meter = meter;
    this.#budget = budget;
    db.prepare("INSERT OR REPLACE INTO privacy_budgets (meter, epsilon, delta) VALUES (?, ?, ?)").run(
      ...([meter, budget.epsilon, budget.delta] as const),
    );
    this.#statements = {
      of: db.prepare<[number, string], { id: number }>("SELECT id FROM privacy_charges WHERE meter = ? AND round = ?"),
      all: db.prepare<[number], { rdp: string | null }>("SELECT rdp FROM privacy_charges WHERE meter = ?"),
      add: db.prepare<[number, string, string | null]>(
        "INSERT INTO privacy_charges (meter, round, rdp) VALUES (?, ?, ?)",
      ),
    };
  }

  refusal(round: string, cost: RoundCost): Refusal | undefined {
    if (cost.rdp === undefined || this.#statements.of.get(this.#meter, round) !== undefined) return undefined;
    const { epsilon, delta } = this.#budget;
    const before = this.#charged();
    const after = usedPart([...before, cost], this.#budget);
    if (after <= 1) return undefined;
    const detail =
      `it would use ${percent(after)} of the budget (epsilon ${epsilon} at delta ${delta}); ` +
      `${percent(usedPart(before, this.#budget))} are used`;
    return { code: "over-budget", detail };
  }

  charge(round: string, cost: RoundCost): "charged" | "already" | Refusal {
    if (this.#statements.of.get(this.#meter, round) !== undefined) return "already";
    const refused = this.refusal(round, cost);
    if (refused !== undefined) return refused;
    this.#statements.add.run(this.#meter, round, cost.rdp === undefined ? null : textOf(cost));
    return "charged";
  }

  spent(): PrivacySpent {
    const rows = this.#statements.all.all(this.#meter);
    const charged = this.#charged();
    return { used: usedPart(charged, this.#budget), rounds: charged.length, uncovered: rows.length - charged.length };
  }

  #charged(): CoveredCost[] {
    return this.#statements.all.all(this.#meter).flatMap(({ rdp }) => (rdp === null ? [] : [costFrom(rdp)]));
  }
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}

/** What is kept of a charge: an array of the values at all orders; in an object where there is something missed, too. */
function textOf({ rdp, missed }: CoveredCost): string {
  return JSON.stringify(missed === undefined ? rdp : { rdp, missed });
}

export function costFrom(text: string): CoveredCost {
  const parsed = JSON.parse(text) as readonly number[] | CoveredCost;
  return "rdp" in parsed ? parsed : { rdp: parsed };
}
