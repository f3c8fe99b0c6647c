/**
 * A worker's place among those of its aggregator, by locks that the database gives to one connection each: its own number,
 * the parts of the meters that it takes in, and the desk, which one of them has and which answers rounds. What a lock stands
 * for is used by its holder alone; whoever loses its connection has lost all of them, and cannot write any more.
 */
import { SessionLocks } from "../../config/runtime/postgres/session-locks.ts";
import type { PostgresDatabase } from "../../config/runtime/postgres/database.ts";
import { migratePostgres, tablesVersion } from "../../config/runtime/postgres/open.ts";
import { StorageError } from "../../config/runtime/database.ts";
import type { StoreMigration } from "../../config/runtime/sql.ts";
import { ownersOf, PARTS } from "./assignment.ts";

/** As many as client ids have room for (`broker/identity.ts`). */
export const MOST_WORKERS = 32;

const WORKERS = 0x100;
const DESK = 0x200;
const FIRST_PART = 0x1000;

/**
 * Brings the tables up to date before a worker takes its seat. Throws StorageError where workers run whose program knows them as
 * they are: they would go on with what they no longer understand.
 */
export function migrateForWorkers(db: PostgresDatabase, migrations: readonly StoreMigration[]): void {
  const others = workersOf(new SessionLocks(db));
  // In this order: whoever has brought them up to date has done so before it took its seat.
  if (others.length > 0 && tablesVersion(db) < migrations.length) {
    const which = `worker ${others.join(", ")} of an older version`;
    throw new StorageError(
      "locked",
      `${db.name} is in use by ${which}; stop all workers before the first new one starts`,
    );
  }
  migratePostgres(db, migrations);
}

function workersOf(locks: SessionLocks): number[] {
  return locks.held(WORKERS + 1, WORKERS + MOST_WORKERS).map((number) => number - WORKERS);
}

export class Seat {
  readonly number: number;
  readonly #locks: SessionLocks;
  readonly #parts = new Set<number>();
  #workers: readonly number[] = [];
  #owners: readonly (number | undefined)[] = [];
  #hasDesk = false;

  /** Takes the seat of this number, from 1 to `MOST_WORKERS`. Throws StorageError where another process has it. */
  constructor(db: PostgresDatabase, number: number) {
    this.number = number;
    this.#locks = new SessionLocks(db);
    if (this.#locks.take([WORKERS + number]).length === 0) {
      throw new StorageError("locked", `${db.name}: another process runs as worker ${number}; stop that one first`);
    }
  }

  /** The workers there are, as of the last look. */
  get workers(): readonly number[] {
    return this.#workers;
  }

  /** Whether this worker takes in the meters of a part. */
  has(part: number): boolean {
    return this.#parts.has(part);
  }

  get parts(): number {
    return this.#parts.size;
  }

  /** Whether this is the worker that answers rounds, jobs and enrolments. */
  get hasDesk(): boolean {
    return this.#hasDesk;
  }

  /** Takes the desk where nobody has it; it is kept until the connection ends. Whether it is this worker's. */
  takeDesk(): boolean {
    this.#hasDesk ||= this.#locks.take([DESK]).length > 0;
    return this.#hasDesk;
  }

  /**
   * Looks who is there, gives away the parts that belong to others and takes its own as they become free. `letGo` is called
   * before parts are given away: what they have in memory must be durable when it returns, and is another's then. Returns
   * the parts that it has got.
   */
  look(letGo: (parts: readonly number[]) => void): number[] {
    const workers = workersOf(this.#locks);
    if (workers.join() !== this.#workers.join()) {
      this.#workers = workers;
      this.#owners = ownersOf(workers);
    }
    const isOwn = (part: number): boolean => this.#owners[part] === this.number;
    const lost = [...this.#parts].filter((part) => !isOwn(part));
    if (lost.length > 0) this.#giveBack(lost, letGo);
    const wanted = Array.from({ length: PARTS }, (_, part) => part).filter((part) => isOwn(part) && !this.has(part));
    const gained = this.#locks.take(wanted.map((part) => FIRST_PART + part)).map((number) => number - FIRST_PART);
    for (const part of gained) this.#parts.add(part);
    return gained;
  }

  #giveBack(parts: readonly number[], letGo: (parts: readonly number[]) => void): void {
    letGo(parts);
    for (const part of parts) this.#parts.delete(part);
    this.#locks.giveBack(parts.map((part) => FIRST_PART + part));
  }
}
