/**
 * What this aggregator may have endorsed and no longer knows: its database was put back from a copy (`npm run database --
 * restore`, which writes a row into table `restored`). What it would endorse of slots from before that moment is left to the
 * others, where one aggregator that forgets is enough for two sets whose difference is somebody's reading.
 */
import type { SqlDatabase } from "../../config/runtime/sql.ts";

/** Why it does not endorse. */
export const MAY_HAVE_FORGOTTEN = "this aggregator goes on from a copy, and may have endorsed another set";

export interface LostHistoryOptions {
  readonly db: SqlDatabase;
  readonly slotSeconds: number;
  /** Unix seconds; undefined while the time is not known. */
  readonly now: () => number | undefined;
  /** Aggregators, and how many endorse a set. */
  readonly n: number;
  readonly q: number;
}

export class LostHistory {
  readonly #options: LostHistoryOptions;
  readonly #select;
  #before: number | undefined;

  constructor(options: LostHistoryOptions) {
    const { db, n, q } = options;
    this.#options = options;
    this.#select = db.prepare<[], number | null>("SELECT before_slot FROM restored").pluck();
    // Two quorums share at least 2q - n aggregators: with two of them, one may forget (docs/decisions/002-release-rules.md).
    if (2 * q - n >= 2 || this.#select.get() === undefined) this.#before = 0;
  }

  /** Of slots from this one on nothing is forgotten: 0 where nothing was put back, Infinity until the time is known. */
  get before(): number {
    if (this.#before !== undefined) return this.#before;
    const { db, now, slotSeconds } = this.#options;
    const time = now();
    const known = this.#select.get() ?? undefined;
    if (known === undefined && time === undefined) return Number.POSITIVE_INFINITY;
    this.#before = known ?? Math.floor(time! / slotSeconds) + 1;
    if (known === undefined) db.prepare<[number]>("UPDATE restored SET before_slot = ?").run(this.#before);
    return this.#before;
  }
}
