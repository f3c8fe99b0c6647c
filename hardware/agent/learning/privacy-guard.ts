/**
 * What a household is willing to risk: asked before its data leave in anything noised, and it alone decides. What was charged is
 * durable and never taken back, whatever becomes of the round: the vector might have left.
 */
import type { Database } from "better-sqlite3";
import { type CoveredCost, epsilonOfAll, type RoundCost } from "../../../protocol/learning/index.ts";

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

export interface PrivacyBudget {
  /** The most that all rounds together may cost, as epsilon at delta. */
  readonly epsilon: number;
  readonly delta: number;
}

export interface PrivacySpent {
  /** At the budget's delta. */
  readonly epsilon: number;
  /** Rounds that were charged, and rounds without noise, which epsilon does not cover. */
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
    const after = epsilonOfAll([...this.#charged(), cost], delta);
    if (after <= epsilon) return undefined;
    const { epsilon: spent } = this.spent();
    const detail = `epsilon would be ${after.toFixed(3)} at delta ${delta}; ${epsilon} is allowed, ${spent.toFixed(3)} spent`;
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
    const epsilon = epsilonOfAll(charged, this.#budget.delta);
    return { epsilon, rounds: charged.length, uncovered: rows.length - charged.length };
  }

  #charged(): CoveredCost[] {
    return this.#statements.all.all(this.#meter).flatMap(({ rdp }) => (rdp === null ? [] : [costFrom(rdp)]));
  }
}

/** What is kept of a charge: an array of the values at all orders; in an object where there is something missed, too. */
function textOf({ rdp, missed }: CoveredCost): string {
  return JSON.stringify(missed === undefined ? rdp : { rdp, missed });
}

export function costFrom(text: string): CoveredCost {
  const parsed = JSON.parse(text) as readonly number[] | CoveredCost;
  return "rdp" in parsed ? parsed : { rdp: parsed };
}
