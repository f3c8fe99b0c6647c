/** Opens a party's schema on a PostgreSQL server the one way that all parties use, as `../database.ts` opens a file. */
import { SERVER_SECONDS } from "../../checks-storage.ts";
import { type DatabaseOptions, StorageError } from "../database.ts";
import type { StoreMigration } from "../sql.ts";
import { Connection } from "./connection.ts";
import { PostgresDatabase } from "./database.ts";
import { tablesOfPostgres } from "./sql-text.ts";

const CONNECT_MILLISECONDS = 30_000;
const ANSWER_MILLISECONDS = SERVER_SECONDS * 1_000;
/** A process that was killed may still be at the server for a moment; another one is there for longer. */
const LOCK_MILLISECONDS = 5_000;
/**
 * Where several write, one may work for long beside which the others may not. Whoever stops in the middle is cut off, so that
 * this is waited for by those alone whose server is slow.
 */
const TURN_MILLISECONDS = 60_000;
/** Tells these locks from those of other programs on the database. The schema's number comes behind them. */
const ALONE_LOCK = 0x57_56_01;
const WRITE_LOCK = 0x57_56_02;
/** While a schema is made, which has no number yet: of two at once, `IF NOT EXISTS` lets one fail. */
const MAKING_LOCK = 0x57_56_03;
/** In this order by their bytes, as in SQLite and everywhere in this program. */
const SORTED = "-A-bBaä";
const READ_ONLY = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

export interface PostgresOptions extends DatabaseOptions {
  /**
   * One of several processes that write here, each what is its own: their plain transactions run beside each other,
   * immediate ones by themselves. Shuts out whoever is `alone`, and the reverse. One that says nothing for so many seconds
   * loses its connection, and with it its locks. `name`: by which the server's lists of connections tell it from others.
   */
  readonly several?: { readonly name: string; readonly silentSeconds: number } | undefined;
  readonly connectMilliseconds?: number;
  readonly answerMilliseconds?: number;
}

/** Whether a place is an address of PostgreSQL, not a file. */
export function isPostgres(place: string): boolean {
  return /^postgres(ql)?:\/\//.test(place);
}

/**
 * Opens `place`: `postgresql://user@host/database#schema`. The schema is made where it is missing and the login may.
 * Throws StorageError.
 */
export function openPostgres(place: string, options: PostgresOptions): PostgresDatabase {
  const { readonly = false, synchronous, busyMilliseconds = LOCK_MILLISECONDS } = options;
  const url = new URL(place);
  const schema = decodeURIComponent(url.hash.slice(1));
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(schema)) throw new RangeError(`place: expected #schema behind it, got ${place}`);
  url.hash = "";
  const name = shownAddress(place);
  const connection = connectToPostgres(url.href, options, name);
  try {
    connection.execute({ sql: sessionOf(readonly, synchronous, busyMilliseconds), runs: [], script: true });
    const value = (sql: string): unknown => connection.execute({ sql, runs: [[]] }).rows[0]?.[0];
    const sorted = value(`SELECT string_agg(x, '' ORDER BY x) FROM (VALUES ('a'), ('B'), ('-b'), ('ä'), ('-A')) v(x)`);
    if (sorted !== SORTED) {
      const advice = "create it with TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'";
      throw new StorageError("io", `${name}: the database does not sort texts by their bytes; ${advice}`);
    }
    if (value(`SELECT to_regnamespace('${schema}')::text`) === null) {
      if (readonly) throw new StorageError("absent", `${name} does not exist (yet); check the address`);
      const making = `BEGIN; SELECT pg_advisory_xact_lock(${lockKey(MAKING_LOCK, 0)})`;
      connection.execute({ sql: `${making}; CREATE SCHEMA IF NOT EXISTS ${schema}; COMMIT`, runs: [], script: true });
    }
    const number = Number(value(`SELECT '${schema}'::regnamespace::oid`));
    if (options.alone === true) takeAlone(connection, number, name, "");
    if (options.several !== undefined) {
      const { name: called, silentSeconds } = options.several;
      const named = `SET application_name = 'wattveil ${schema} ${called.replaceAll("'", "")}'`;
      connection.execute({ sql: `${named}; ${silenceOf(silentSeconds)}`, runs: [], script: true });
      takeAlone(connection, number, name, "_shared");
      connection.execute({ sql: `SET lock_timeout = ${TURN_MILLISECONDS}`, runs: [], script: true });
    }
    const lock = (kind: "" | "_shared"): string =>
      `SELECT pg_advisory_xact_lock${kind}(${lockKey(WRITE_LOCK, number)})`;
    const [begin, beginImmediate] = readonly
      ? [READ_ONLY, READ_ONLY]
      : [`BEGIN; ${lock(options.several === undefined ? "" : "_shared")}`, `BEGIN; ${lock("")}`];
    connection.execute({ sql: `SET search_path TO ${schema}`, runs: [], script: true });
    return new PostgresDatabase({ connection, name, schema, schemaNumber: number, begin, beginImmediate });
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Connects, and no more. Throws StorageError. */
export function connectToPostgres(
  url: string,
  options: Pick<PostgresOptions, "connectMilliseconds" | "answerMilliseconds">,
  name = shownAddress(url),
): Connection {
  return new Connection({
    ...{ name, url, application: `wattveil ${new URL(name).hash.slice(1)}` },
    connectMilliseconds: options.connectMilliseconds ?? CONNECT_MILLISECONDS,
    answerMilliseconds: options.answerMilliseconds ?? ANSWER_MILLISECONDS,
  });
}

/** A table in a schema that a restore has emptied and not filled yet. */
export const UNFINISHED_RESTORE = "unfinished_restore";

/** In an emptied schema a party would begin anew, as if it had never done anything. Throws StorageError `lost`. */
export function assertRestored(database: PostgresDatabase): void {
  const found = database.prepare<[]>(`SELECT CAST(to_regclass('${UNFINISHED_RESTORE}') AS text)`).pluck().get();
  if (found === null || found === undefined) return;
  const remedy = "restore a copy again; what was there is beside the copy that was taken first";
  throw new StorageError("lost", `${database.name} is empty: a restore was cut off; ${remedy}`);
}

/** For messages and logs: a password never stands in an address that the configuration takes, and if so, not here. */
export function shownAddress(place: string): string {
  const url = new URL(place);
  url.password = "";
  url.search = "";
  return url.href;
}

/**
 * A server that does not hear of us for half a minute lets go of our lock, and of a query that nobody waits for. Times are
 * in milliseconds and seconds as PostgreSQL takes them.
 */
function sessionOf(readonly: boolean, synchronous: DatabaseOptions["synchronous"], lockMilliseconds: number): string {
  return [
    `SET lock_timeout = ${lockMilliseconds}`,
    `SET synchronous_commit = ${synchronous === "FULL" ? "on" : "off"}`,
    ...(readonly ? ["SET default_transaction_read_only = on"] : []),
    ...["SET tcp_keepalives_idle = 10", "SET tcp_keepalives_interval = 5", "SET tcp_keepalives_count = 4"],
    "SET client_connection_check_interval = 5000",
    "SET client_min_messages = warning",
  ].join("; ");
}

/** Whoever is stopped in the middle of a transaction holds up the others: it is cut off before they give up. */
function silenceOf(seconds: number): string {
  const inTransaction = Math.min(1_000 * seconds, 0.8 * LOCK_MILLISECONDS);
  return [
    `SET idle_session_timeout = ${Math.ceil(1_000 * seconds)}`,
    `SET idle_in_transaction_session_timeout = ${Math.ceil(inTransaction)}`,
  ].join("; ");
}

/** The lock is the connection's: it goes with it, whatever becomes of the process. `_shared`: several may have it. */
function takeAlone(connection: Connection, schemaNumber: number, name: string, kind: "" | "_shared"): void {
  try {
    connection.execute({ sql: `SELECT pg_advisory_lock${kind}(${lockKey(ALONE_LOCK, schemaNumber)})`, runs: [[]] });
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== "locked") throw error;
    throw new StorageError("locked", `${name} is in use by another process; stop that one first`, { cause: error });
  }
}

/** An advisory lock of a schema; in `pg_locks` the kind is `classid` and the schema's number `objid`. */
export function lockKey(kind: number, schemaNumber: number): string {
  return String((BigInt(kind) << 32n) | BigInt(schemaNumber));
}

/** How many migrations a schema has had. */
export function tablesVersion(database: PostgresDatabase): number {
  const isThere = database.prepare<[], string | null>("SELECT to_regclass('schema_version')::text").pluck().get();
  if (isThere === null) return 0;
  return database.prepare<[], number | null>("SELECT max(version) FROM schema_version").pluck().get() ?? 0;
}

/** As `migrate` for files: each step in its own transaction, its number in the table `schema_version`. */
export function migratePostgres(database: PostgresDatabase, migrations: readonly StoreMigration[]): void {
  assertRestored(database);
  // Alone: where two make a table at once, the second one's `IF NOT EXISTS` fails.
  const begin = database.transaction(() => {
    database.exec("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)");
  });
  begin.immediate();
  const version = (): number => tablesVersion(database);
  if (version() > migrations.length) {
    const known = `version ${version()}, this program knows up to ${migrations.length}`;
    throw new StorageError("newer", `${database.name} was written by a newer program (${known}); update this one`);
  }
  for (const [index, script] of migrations.entries()) {
    const step = database.transaction(() => {
      // Another process may have come first.
      if (index < version()) return;
      database.exec(typeof script === "string" ? tablesOfPostgres(script) : script.postgres);
      database.exec(`DELETE FROM schema_version; INSERT INTO schema_version VALUES (${index + 1})`);
    });
    step.immediate();
  }
}
