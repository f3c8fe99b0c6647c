/**
 * Where the time of billing rounds goes, seen from outside: how many rounds stand in which state, looked up again and
 * again in the utility's database. The times of rounds that go on side by side overlap.
 */
import { join } from "node:path";
import Database from "better-sqlite3";
import type { BenchSystem } from "./bench-system.ts";

/** What a round in this state waits for, or does. */
const PHASES: Readonly<Record<string, string>> = {
  opened: "open to set (manifests, agreement, rules)",
  fixed: "set to endorsed",
  endorsed: "endorsed to bills (sums, interpolation, invoices, database)",
};

export class PhaseWatch {
  readonly #db;
  readonly #counts;
  readonly #startedAt = performance.now();
  readonly #seen = new Map<string, { first: number; last: number; roundSeconds: number }>();
  #lookedAt = performance.now();

  constructor(system: BenchSystem) {
    this.#db = new Database(join(system.data, "utility", "utility.db"), { readonly: true });
    this.#counts = this.#db.prepare<[], { state: string; rounds: number }>(
      `SELECT state, count(*) AS rounds FROM rounds
       WHERE purpose = 'billing' AND state IN ('opened', 'fixed', 'endorsed') GROUP BY state`,
    );
  }

  look(): void {
    const now = performance.now();
    for (const { state, rounds } of this.#counts.all()) {
      const known = this.#seen.get(state) ?? { first: now, last: now, roundSeconds: 0 };
      known.last = now;
      known.roundSeconds += (rounds * (now - this.#lookedAt)) / 1_000;
      this.#seen.set(state, known);
    }
    this.#lookedAt = now;
  }

  /** Per phase: when the first round was seen in it and when the last one, since the start, and the sum over rounds. */
  close(): Record<string, { from: number; to: number; roundSeconds: number }> {
    this.#db.close();
    const since = (time: number): number => Math.round(time - this.#startedAt) / 1_000;
    return Object.fromEntries(
      Object.entries(PHASES).flatMap(([state, name]) => {
        const seen = this.#seen.get(state);
        if (seen === undefined) return [];
        const roundSeconds = Math.round(seen.roundSeconds * 1_000) / 1_000;
        return [[name, { from: since(seen.first), to: since(seen.last), roundSeconds }]];
      }),
    );
  }
}
