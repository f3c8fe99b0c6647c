/**
 * All rows of a party's SQLite file into an empty schema on a PostgreSQL server. The party's own program makes the tables;
 * the rows go over in one transaction, are read back, and are compared by count and checksum before it is committed. The file
 * is only read.
 */
import { createHash } from "node:crypto";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ExplainedError } from "../faults.ts";
import { lockDatabase, openDatabase, type SqliteDatabase, storageError } from "../runtime/database.ts";
import type { PostgresDatabase } from "../runtime/postgres/database.ts";
import { openPostgres, shownAddress } from "../runtime/postgres/open.ts";
import type { SqlValue } from "../runtime/postgres/wire.ts";
import { runAll } from "../runtime/sql.ts";

export class MoveError extends ExplainedError {}

export interface MovedTable {
  readonly table: string;
  readonly rows: number;
  /** Of all rows in any order, in hex: the sum of their SHA-256. */
  readonly checksum: string;
}

export interface MoveOptions {
  readonly file: string;
  /** `postgresql://user@host/database#schema`. */
  readonly place: string;
  /** The program that makes the party's tables. */
  readonly maker: string;
  /** Told now and then of a table under way. */
  readonly progress?: (table: string, rows: number, of: number) => void;
}

const START = fileURLToPath(new URL("../runtime/start.mjs", import.meta.url));
const ROWS_AT_A_TIME = 1_000;
/** What says of which version the tables are; it is compared, not copied. */
const VERSIONS = new Set(["schema_version", "kysely_migration", "kysely_migration_lock"]);
/** Stands in a schema whose tables are not filled yet: a move that was cut off may begin anew. */
const UNFINISHED = "unfinished_move";

type Row = readonly SqlValue[];

/** Throws MoveError, and StorageError `locked` while the party runs. */
export async function move({ file, place, maker, progress = () => {} }: MoveOptions): Promise<MovedTable[]> {
  if (!existsSync(file)) throw new MoveError(`${file} does not exist: there is nothing to move`);
  const lock = lockDatabase(file);
  let source: SqliteDatabase | undefined;
  let target: PostgresDatabase | undefined;
  try {
    source = openDatabase(file, { synchronous: "NORMAL", readonly: true });
    target = openPostgres(place, { synchronous: "FULL", alone: true });
    clearPlace(target, shownAddress(place));
    await makeTables(maker, place, file);
    assertSameVersion(source, target, file);
    return copyAll(source, target, progress);
  } catch (error) {
    throw storageError(error, file);
  } finally {
    source?.close();
    target?.close();
    lock.close();
  }
}

function tablesOf(target: PostgresDatabase): string[] {
  const tables = `SELECT relname FROM pg_class WHERE relnamespace = CAST(to_regnamespace(current_schema()) AS oid)
    AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname`;
  return target.prepare<[], string>(tables).pluck().all();
}

/** Throws MoveError where there are tables, unless a move that was cut off has made them. */
function clearPlace(target: PostgresDatabase, shown: string): void {
  const tables = tablesOf(target);
  if (tables.length > 0 && !tables.includes(UNFINISHED)) {
    throw new MoveError(`${shown} is not empty (${tables.slice(0, 3).join(", ")}, ...): a move replaces nothing`);
  }
  target.transaction(() => {
    const views = "SELECT viewname FROM pg_views WHERE schemaname = current_schema()";
    for (const view of target.prepare<[], string>(views).pluck().all())
      target.exec(`DROP VIEW IF EXISTS ${view} CASCADE`);
    for (const table of tables) target.exec(`DROP TABLE ${table} CASCADE`);
    target.exec(`CREATE TABLE ${UNFINISHED} (one BIGINT)`);
  })();
}

async function makeTables(maker: string, place: string, file: string): Promise<void> {
  const child = spawn(process.execPath, [START, maker, place, file], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new MoveError(`${maker}: the tables could not be made: ${said.trim().slice(-2_000)}`);
}

function assertSameVersion(source: SqliteDatabase, target: PostgresDatabase, file: string): void {
  const tables = new Set(tablesOf(target));
  const has = (name: string): boolean =>
    source.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(name) !== undefined;
  const [numbers, names] = [
    "SELECT max(version) FROM schema_version",
    "SELECT name FROM kysely_migration ORDER BY name",
  ];
  const before = has("kysely_migration")
    ? source.prepare(names).pluck().all()
    : [source.pragma("user_version", { simple: true })];
  const now = target
    .prepare(tables.has("kysely_migration") ? names : numbers)
    .pluck()
    .all();
  if (String(before) !== String(now)) {
    const versions = `its version is ${String(before.at(-1))}, this program's ${String(now.at(-1))}`;
    throw new MoveError(
      `${file} is not of this program's version (${versions}): start the party with it once, and stop it`,
    );
  }
}

function copyAll(
  source: SqliteDatabase,
  target: PostgresDatabase,
  progress: NonNullable<MoveOptions["progress"]>,
): MovedTable[] {
  const tables = inOrder(source);
  const there = tablesOf(target).filter((name) => name !== UNFINISHED && !VERSIONS.has(name));
  if (String(tables.toSorted()) !== String(there)) {
    throw new MoveError(`the tables differ: ${tables.toSorted().join(", ")} and ${there.join(", ")}`);
  }
  const moved: MovedTable[] = [];
  target.transaction(() => {
    // Rows that a new store begins with.
    for (const table of tables.toReversed()) target.exec(`DELETE FROM ${table}`);
    for (const table of tables) moved.push(copyTable(source, target, table, progress));
    target.exec(`DROP TABLE ${UNFINISHED}`);
  })();
  return moved;
}

/** Those that others refer to first. */
function inOrder(source: SqliteDatabase): string[] {
  const names = source
    .prepare<[], string>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )
    .pluck()
    .all()
    .filter((name) => !VERSIONS.has(name));
  const ordered = new Set<string>();
  const visit = (name: string): void => {
    if (ordered.has(name)) return;
    const parents = source.pragma(`foreign_key_list(${name})`) as { table: string }[];
    for (const { table } of parents) if (table !== name) visit(table);
    ordered.add(name);
  };
  for (const name of names) visit(name);
  return [...ordered];
}

function copyTable(
  source: SqliteDatabase,
  target: PostgresDatabase,
  table: string,
  progress: NonNullable<MoveOptions["progress"]>,
): MovedTable {
  const all = `SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ? ORDER BY ordinal_position`;
  const columns = target.prepare<[string], string>(all).pluck().all(table);
  // Columns that are computed from others are columns, too.
  const own = source.prepare<[string], string>("SELECT name FROM pragma_table_xinfo(?)").pluck().all(table);
  if (String(own.toSorted()) !== String(columns.toSorted())) {
    throw new MoveError(`table ${table} has other columns: ${own.join(", ")} and ${columns.join(", ")}`);
  }
  const list = columns.map((name) => `"${name}"`).join(", ");
  const total = source.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? 0;
  const insert = target.prepare(`INSERT INTO ${table} (${list}) VALUES (${columns.map(() => "?").join(", ")})`);
  const [sent, kept] = [new RowSum(), new RowSum()];
  let rows: Row[] = [];
  const write = (): void => {
    runAll(insert, rows as SqlValue[][]);
    rows = [];
    progress(table, sent.rows, total);
  };
  for (const row of source.prepare<[], Row>(`SELECT ${list} FROM ${table}`).raw().iterate()) {
    sent.add(row);
    rows.push(row);
    if (rows.length === ROWS_AT_A_TIME) write();
  }
  write();
  goOnCounting(source, target, table);
  for (const row of readBack(target, table, list)) kept.add(row);
  if (kept.rows !== sent.rows || kept.checksum !== sent.checksum) {
    throw new MoveError(
      `table ${table}: ${sent.rows} rows were sent, and ${kept.rows} are there or they differ: nothing was moved`,
    );
  }
  return { table, rows: kept.rows, checksum: kept.checksum };
}

/** Rows that the database numbers go on where they were, also behind numbers whose rows have gone. */
function goOnCounting(source: SqliteDatabase, target: PostgresDatabase, table: string): void {
  const identity = `SELECT column_name FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = ? AND is_identity = 'YES'`;
  const column = target.prepare<[string], string>(identity).pluck().get(table);
  if (column === undefined) return;
  const counts = source.prepare("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").get() !== undefined;
  const given = counts
    ? source.prepare<[string], number>("SELECT seq FROM sqlite_sequence WHERE name = ?").pluck().get(table)
    : undefined;
  const last = source.prepare<[], number | null>(`SELECT max("${column}") FROM ${table}`).pluck().get();
  const number = Math.max(given ?? 0, last ?? 0);
  if (number === 0) return;
  const sequence = `pg_get_serial_sequence('${target.schema}.${table}', '${column}')`;
  target.prepare<[number]>(`SELECT setval(${sequence}, ?)`).all(number);
}

function* readBack(target: PostgresDatabase, table: string, list: string): Generator<Row> {
  target.exec(`DECLARE moved_${table} NO SCROLL CURSOR FOR SELECT ${list} FROM ${table}`);
  for (;;) {
    const { rows } = target.execute(`FETCH ${ROWS_AT_A_TIME} FROM moved_${table}`, [[]]);
    yield* rows;
    if (rows.length < ROWS_AT_A_TIME) break;
  }
  target.exec(`CLOSE moved_${table}`);
}

/** A checksum of rows that comes in any order: each row's SHA-256, added up modulo 2^256. */
class RowSum {
  rows = 0;
  #sum = 0n;

  add(row: Row): void {
    const hash = createHash("sha256");
    for (const value of row) {
      if (value instanceof Uint8Array) hash.update(`b${value.length}:`).update(value);
      else if (value === null) hash.update("n");
      else if (typeof value === "string") hash.update(`s${Buffer.byteLength(value)}:`).update(value);
      else hash.update(`i${String(value)};`);
    }
    this.#sum = (this.#sum + BigInt(`0x${hash.digest("hex")}`)) % 2n ** 256n;
    this.rows++;
  }

  get checksum(): string {
    return this.#sum.toString(16).padStart(64, "0");
  }
}
