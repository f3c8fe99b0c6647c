/**
 * Locks of one connection on things of its schema that have numbers. The server gives each to one connection at a time and
 * takes them back when it ends, however it ends: whoever has one needs no other proof that nobody else has it.
 */
import type { PostgresDatabase } from "./database.ts";
import { lockKey } from "./open.ts";

/** Beyond those of `open.ts`; the kinds of locks below count from here. */
const FIRST = 0x57_57_00_00;

export class SessionLocks {
  readonly #database: PostgresDatabase;
  readonly #holders;

  constructor(database: PostgresDatabase) {
    this.#database = database;
    this.#holders = database.prepare<[number, number, number], number>(
      `SELECT classid::bigint - ${FIRST} AS number FROM pg_locks
       WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND objid::bigint = ?
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND classid::bigint BETWEEN ${FIRST} + ? AND ${FIRST} + ? ORDER BY 1`,
    );
  }

  #keys(numbers: readonly number[]): string {
    return numbers.map((number) => `(${number}, ${lockKey(FIRST + number, this.#database.schemaNumber)})`).join(", ");
  }

  /** Takes those that nobody has, without waiting for the others. Returns what it got; take none that is held already. */
  take(numbers: readonly number[]): number[] {
    if (numbers.length === 0) return [];
    const { rows } = this.#database.execute(
      `SELECT number FROM (VALUES ${this.#keys(numbers)}) v(number, key) WHERE pg_try_advisory_lock(key)`,
      [[]],
    );
    return rows.map(([number]) => Number(number));
  }

  /** Gives back what this connection has. */
  giveBack(numbers: readonly number[]): void {
    if (numbers.length === 0) return;
    const keys = this.#keys(numbers);
    this.#database.execute(`SELECT number, pg_advisory_unlock(key) FROM (VALUES ${keys}) v(number, key)`, [[]]);
  }

  /** The numbers from `first` to `last` that any connection holds, in order. */
  held(first: number, last: number): number[] {
    return this.#holders.pluck().all(this.#database.schemaNumber, first, last);
  }
}
