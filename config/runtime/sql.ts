/**
 * A database as roles use it, whichever it is: statements are run where they stand and return when they are done. An
 * SQLite database of better-sqlite3 is one as it is; PostgreSQL is one by `postgres/`.
 */

export interface SqlResult {
  /** Rows that were written or deleted. */
  readonly changes: number;
}

export interface SqlStatement<P extends unknown[] = unknown[], R = unknown> {
  run(...values: P): SqlResult;
  get(...values: P): R | undefined;
  all(...values: P): R[];
  iterate(...values: P): IterableIterator<R>;
  /** Results are the first column alone. */
  pluck(toggle?: boolean): this;
}

/** Runs in one transaction. `immediate`: no other process writes from its begin on, as it always is in PostgreSQL. */
export interface SqlTransaction<T> {
  (): T;
  immediate(): T;
}

export interface SqlDatabase {
  /** Its file, or its address without a password. */
  readonly name: string;
  readonly inTransaction: boolean;
  prepare<P extends unknown[] = unknown[], R = unknown>(sql: string): SqlStatement<P, R>;
  /** Several statements, without parameters and results. */
  exec(script: string): unknown;
  transaction<T>(work: () => T): SqlTransaction<T>;
  close(): unknown;
}

/** A step of the schema: a script for both, its types in SQLite's words, or one for each. */
export type StoreMigration = string | { readonly sqlite: string; readonly postgres: string };

/** A statement that can take many rows of parameters in one message. */
interface ManyRuns<P extends unknown[]> {
  runAll(rows: Iterable<P>): void;
}

/** Runs a statement once for each row of parameters; within a transaction, since some may fail. */
export function runAll<P extends unknown[]>(statement: SqlStatement<P>, rows: Iterable<P>): void {
  if ("runAll" in statement) (statement as SqlStatement<P> & ManyRuns<P>).runAll(rows);
  else for (const row of rows) statement.run(...row);
}
