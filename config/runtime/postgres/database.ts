/** A PostgreSQL database behind the interface by which roles use SQLite (`../sql.ts`). */
import type { SqlDatabase, SqlResult, SqlStatement, SqlTransaction } from "../sql.ts";
import type { Connection } from "./connection.ts";
import { SqlError } from "./faults.ts";
import { numberParameters } from "./sql-text.ts";
import { ownBytes, type Rows, type SqlValue } from "./wire.ts";

/** Statements that the server keeps prepared. Lists of values make texts of their own, without end. */
const MAX_KEPT = 512;
/** Runs of one statement that go out together. */
const RUNS_AT_A_TIME = 1_000;

export interface PostgresDatabaseOptions {
  readonly connection: Connection;
  /** Shown in errors. */
  readonly name: string;
  readonly schema: string;
  readonly schemaNumber: number;
  /** Opens a transaction. */
  readonly begin: string;
  /** Opens one beside which nobody writes. */
  readonly beginImmediate: string;
}

export class PostgresDatabase implements SqlDatabase {
  readonly engine = "postgres";
  readonly name: string;
  readonly schema: string;
  /** By which the server knows the schema. */
  readonly schemaNumber: number;
  readonly #connection: Connection;
  /** Opens a transaction. */
  readonly begin: string;
  readonly #beginImmediate: string;
  readonly #kept = new Map<string, string | undefined>();
  #keptCount = 0;
  #depth = 0;

  constructor({ connection, name, schema, schemaNumber, begin, beginImmediate }: PostgresDatabaseOptions) {
    this.#connection = connection;
    this.name = name;
    this.schema = schema;
    this.schemaNumber = schemaNumber;
    this.begin = begin;
    this.#beginImmediate = beginImmediate;
  }

  get inTransaction(): boolean {
    return this.#depth > 0;
  }

  /** Of texts that are used again the server keeps what it has read of them. */
  #nameOf(sql: string): string | undefined {
    const name = this.#kept.get(sql);
    if (name !== undefined) return name;
    if (this.#keptCount >= MAX_KEPT) return undefined;
    if (!this.#kept.has(sql)) {
      if (this.#kept.size >= 2 * MAX_KEPT)
        for (const [text, given] of this.#kept) if (given === undefined) this.#kept.delete(text);
      this.#kept.set(sql, undefined);
      return undefined;
    }
    const given = `s${++this.#keptCount}`;
    this.#kept.set(sql, given);
    return given;
  }

  /** Runs a statement of PostgreSQL once for each list of parameters. */
  execute(sql: string, runs: readonly (readonly unknown[])[]): Rows {
    return this.#connection.execute({ sql, runs: runs.map((run) => run.map(valueOf)), name: this.#nameOf(sql) });
  }

  /** Rows as objects, for a statement of PostgreSQL. */
  query(
    sql: string,
    values: readonly unknown[],
  ): { rows: Record<string, unknown>[]; changes: number; command: string } {
    const { columns, rows, changes, command } = this.execute(sql, [values]);
    return { rows: rows.map((row) => objectOf(columns, row)), changes, command };
  }

  prepare<P extends unknown[] = unknown[], R = unknown>(sql: string): SqlStatement<P, R> {
    return new PostgresStatement<P, R>(this, sql);
  }

  exec(script: string): this {
    this.run(script);
    return this;
  }

  /** Throws SqlError where the server takes back what should be committed: a statement of it had failed before. */
  run(script: string): void {
    const { command } = this.#connection.execute({ sql: script, runs: [], script: true });
    if (command !== "ROLLBACK" || !/^COMMIT$/i.test(script)) return;
    throw new SqlError({ message: "a statement of the transaction had failed: nothing of it was kept", code: "25P02" });
  }

  transaction<T>(work: () => T): SqlTransaction<T> {
    const run = (): T => this.#inTransaction(work, this.begin);
    return Object.assign(run, { immediate: () => this.#inTransaction(work, this.#beginImmediate) });
  }

  /** Within another one it is a part that can be taken back by itself. */
  #inTransaction<T>(work: () => T, opening: string): T {
    const point = `p${this.#depth}`;
    const [begin, commit, rollback] =
      this.#depth === 0
        ? [opening, "COMMIT", "ROLLBACK"]
        : [`SAVEPOINT ${point}`, `RELEASE ${point}`, `ROLLBACK TO ${point}; RELEASE ${point}`];
    this.exec(begin);
    this.#depth++;
    let result: T;
    try {
      result = work();
    } catch (error) {
      this.#depth--;
      this.#takeBack(rollback);
      throw error;
    }
    this.#depth--;
    this.run(commit);
    return result;
  }

  /** Why it is taken back is what the caller hears of, also where the connection is lost by then. */
  #takeBack(rollback: string): void {
    try {
      this.exec(rollback);
    } catch {
      // The server takes back what was never committed.
    }
  }

  close(): this {
    this.#connection.close();
    return this;
  }
}

class PostgresStatement<P extends unknown[], R> implements SqlStatement<P, R> {
  readonly #database: PostgresDatabase;
  readonly #sql: string;
  readonly #names: readonly string[];
  #isPlucked = false;

  constructor(database: PostgresDatabase, sql: string) {
    this.#database = database;
    const numbered = numberParameters(sql);
    this.#sql = numbered.sql;
    this.#names = numbered.names;
  }

  pluck(toggle = true): this {
    this.#isPlucked = toggle;
    return this;
  }

  run(...values: P): SqlResult {
    return { changes: this.#execute([values]).changes };
  }

  /** Once for each row of parameters, in one message. */
  runAll(rows: Iterable<P>): void {
    let some: P[] = [];
    for (const row of rows) {
      some.push(row);
      if (some.length < RUNS_AT_A_TIME) continue;
      this.#execute(some);
      some = [];
    }
    if (some.length > 0) this.#execute(some);
  }

  get(...values: P): R | undefined {
    return this.all(...values)[0];
  }

  all(...values: P): R[] {
    const { columns, rows } = this.#execute([values]);
    if (this.#isPlucked) return rows.map((row) => shown(row[0] ?? null) as R);
    return rows.map((row) => objectOf(columns, row) as R);
  }

  iterate(...values: P): IterableIterator<R> {
    return this.all(...values).values();
  }

  #execute(runs: readonly P[]): Rows {
    return this.#database.execute(
      this.#sql,
      this.#names.length === 0 ? runs : runs.map(([named]) => this.#named(named)),
    );
  }

  #named(values: unknown): unknown[] {
    return this.#names.map((name) => {
      const value = (values as Readonly<Record<string, unknown>>)[name];
      if (value === undefined) throw new RangeError(`Missing named parameter "${name}"`);
      return value;
    });
  }
}

function objectOf(columns: readonly string[], row: readonly SqlValue[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [i, column] of columns.entries()) object[column] = shown(row[i] ?? null);
  return object;
}

/** Bytes are buffers, as better-sqlite3 has them. */
function shown(value: SqlValue): unknown {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;
}

/** Throws TypeError for what SQLite would not take either: a value that only one of both takes would be found late. */
function valueOf(value: unknown): SqlValue {
  if (value instanceof Uint8Array) return ownBytes(value);
  if (value === null || typeof value === "string" || typeof value === "bigint") return value;
  if (typeof value === "number") return value;
  throw new TypeError(`expected a number, a text, bytes or null, got ${typeof value}`);
}
