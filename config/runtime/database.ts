/**
 * Opens a party's SQLite database the one way that all parties use: WAL, checked, readable by its owner alone. Faults
 * of the medium become `StorageError`, whose text says what to do; the process stops rather than guess.
 */
import { chmodSync, closeSync, existsSync, openSync, statSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { ExplainedError } from "../faults.ts";
import { makeFolder } from "./folders.ts";
import type { SqlDatabase, StoreMigration } from "./sql.ts";

export type SqliteDatabase = Database.Database;

export type StorageErrorCode = "locked" | "corrupt" | "full" | "io" | "newer" | "foreign" | "lost" | "absent";

/** The database cannot be used; nothing that depended on it was acknowledged. */
export class StorageError extends ExplainedError {
  readonly code: StorageErrorCode;

  constructor(code: StorageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StorageError";
    this.code = code;
  }
}

export interface DatabaseOptions {
  /** FULL: durable when a transaction returns. NORMAL: a power cut may lose the last ones (a killed process not). */
  readonly synchronous: "FULL" | "NORMAL";
  readonly readonly?: boolean;
  /** Refuses, as `locked`, while another process has the database open in the same way. Readers are not shut out. */
  readonly alone?: boolean;
  /** How long to wait for another process's lock, in milliseconds. */
  readonly busyMilliseconds?: number;
  /** After an unclean stop the file is checked as a whole only up to this size; larger ones by their header. */
  readonly checkBytes?: number;
}

const BUSY_MILLISECONDS = 5_000;
/** A process that is just ending may still hold its lock. */
const LOCK_MILLISECONDS = 2_000;
const CHECK_BYTES = 64 * 1024 * 1024; // quick_check reads some 200 MB a second: a third of a second at start

/**
 * Opens, and creates if need be, the database at `file`. SQLite removes the `-wal` file when the last connection closes
 * cleanly; one that is still there means a crash or a kill, and `PRAGMA quick_check` then runs before anything else.
 * Throws StorageError.
 */
export function openDatabase(file: string, options: DatabaseOptions): SqliteDatabase {
  const { synchronous, readonly = false, busyMilliseconds = BUSY_MILLISECONDS, checkBytes = CHECK_BYTES } = options;
  let database: SqliteDatabase | undefined;
  let lock: SqliteDatabase | undefined;
  try {
    if (!readonly && !existsSync(file) && existsSync(partialOf(file))) {
      throw new StorageError("lost", `${file} is missing: a restore was cut off; restore a copy again`);
    }
    if (!readonly) prepareFile(file);
    if (options.alone === true) lock = lockFor(file);
    else if (!existsSync(file)) throw new StorageError("absent", `${file} does not exist (yet); check the path`);
    const unclean = existsSync(`${file}-wal`) && statSync(`${file}-wal`).size > 0;
    database = new Database(file, { readonly, fileMustExist: readonly, timeout: busyMilliseconds });
    if (!readonly) database.pragma("journal_mode = WAL");
    database.pragma(`synchronous = ${synchronous}`);
    database.pragma("foreign_keys = ON");
    database.pragma("schema_version"); // reads the header: a file that is no database shows here
    if (unclean && statSync(file).size <= checkBytes) checkPages(database, file);
    return lock === undefined ? database : closingWith(database, lock);
  } catch (error) {
    database?.close();
    lock?.close();
    throw storageError(error, file);
  }
}

/** What a restore puts beside the file, whose place it takes. */
export function partialOf(file: string): string {
  return `${file}.partial`;
}

/** Two processes that each keep part of a database in memory would undo each other's work. A dead process locks nothing. */
function lockFor(file: string): SqliteDatabase {
  prepareFile(`${file}.lock`);
  const lock = new Database(`${file}.lock`, { timeout: LOCK_MILLISECONDS });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Keeps the one process away that opens the file `alone`, whatever is in the file, until it is closed. Throws StorageError. */
export function lockDatabase(file: string): { readonly close: () => void } {
  try {
    const lock = lockFor(file);
    return { close: () => void lock.close() };
  } catch (error) {
    throw storageError(error, file);
  }
}

function closingWith(database: SqliteDatabase, lock: SqliteDatabase): SqliteDatabase {
  const close = database.close.bind(database);
  database.close = () => {
    close();
    lock.close();
    return database;
  };
  return database;
}

/** The file is made before SQLite does, so that it is never readable by others, not even for a moment. */
function prepareFile(file: string): void {
  makeFolder(path.dirname(file), { mode: 0o700 });
  closeSync(openSync(file, "a", 0o600));
  chmodSync(file, 0o600);
}

function checkPages(database: SqliteDatabase, file: string): void {
  const answer = database.pragma("quick_check(1)", { simple: true });
  if (answer !== "ok") throw corrupt(file, String(answer));
}

function corrupt(file: string, detail: string, cause?: unknown): StorageError {
  return new StorageError(
    "corrupt",
    `${file} is damaged (${detail}); put back a backup, or move the file with its -wal and -shm away and start again`,
    { cause },
  );
}

/** Turns SQLite's and the file system's errors into StorageError; anything else is returned as it is. */
export function storageError(error: unknown, file: string): unknown {
  if (error instanceof StorageError || !(error instanceof Error)) return error;
  const code = (error as { code?: unknown }).code;
  if (typeof code !== "string") return error;
  const cause = { cause: error };
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) {
    return new StorageError("locked", `${file} is in use by another process; stop that one first`, cause);
  }
  if (code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB") return corrupt(file, error.message, error);
  if (code === "SQLITE_FULL" || code === "ENOSPC" || code === "EDQUOT") {
    return new StorageError("full", `no room left for ${file}; free disk space and start again`, cause);
  }
  if (/^(SQLITE_(IOERR|CANTOPEN|READONLY|PERM|AUTH)|E[A-Z]+$)/.test(code)) {
    return new StorageError("io", `${file} cannot be read or written (${code}); check disk, path and rights`, cause);
  }
  return error;
}

/** Runs `work` and throws faults of the medium as StorageError. */
export function guardStorage<T>(database: { readonly name: string }, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storageError(error, database.name);
  }
}

/**
 * Writes what may as well be written another time: another process's lock is not waited for. False while there is one.
 * On a server, which locks rows and no files, it is written. Throws StorageError for any other fault.
 */
export function writeIfFree(database: SqlDatabase, work: () => void): boolean {
  if (!(database instanceof Database)) {
    guardStorage(database, work);
    return true;
  }
  const wait = Number(database.pragma("busy_timeout", { simple: true }));
  database.pragma("busy_timeout = 0");
  try {
    guardStorage(database, work);
    return true;
  } catch (error) {
    if (error instanceof StorageError && error.code === "locked") return false;
    throw error;
  } finally {
    database.pragma(`busy_timeout = ${wait}`);
  }
}

/**
 * Brings the schema up to date: `migrations[i]` leads from `user_version` i to i + 1, each in its own transaction.
 * Throws StorageError `newer` when the file was written by a later version of the program, `foreign` for another party's.
 */
export function migrate(database: SqliteDatabase, migrations: readonly StoreMigration[]): void {
  guardStorage(database, () => {
    const version = Number(database.pragma("user_version", { simple: true }));
    assertOwn(database, version, migrations);
    if (version > migrations.length) {
      const known = `version ${version}, this program knows up to ${migrations.length}`;
      throw new StorageError("newer", `${database.name} was written by a newer program (${known}); update this one`);
    }
    for (const [index, script] of migrations.entries()) {
      if (index < version) continue;
      database
        .transaction(() => {
          database.exec(sqliteOf(script));
          database.pragma(`user_version = ${index + 1}`);
        })
        .immediate();
    }
  });
}

/** Another party's file would be given the tables of this one, which would go on as if it had never done anything. */
function assertOwn(database: SqliteDatabase, version: number, migrations: readonly StoreMigration[]): void {
  const there = tablesOf(database);
  const wanted = tablesAfter(migrations.slice(0, version));
  const lacking = wanted.filter((table) => !there.includes(table));
  const isNewer = version > migrations.length; // may have given up some
  const isOwn = isNewer ? lacking.length < wanted.length : lacking.length === 0 && (version > 0 || there.length === 0);
  if (isOwn || there.length === 0) return;
  const what = `it holds ${there.slice(0, 3).join(", ")}${lacking.length > 0 ? ` and lacks ${lacking[0]}` : ""}`;
  throw new StorageError("foreign", `${database.name} is another program's database (${what}); put back the right one`);
}

function tablesAfter(migrations: readonly StoreMigration[]): string[] {
  const model = new Database(":memory:");
  try {
    for (const script of migrations) model.exec(sqliteOf(script));
    return tablesOf(model);
  } finally {
    model.close();
  }
}

function tablesOf(database: SqliteDatabase): string[] {
  const names =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
  return database.prepare<[], string>(names).pluck().all();
}

function sqliteOf(script: StoreMigration): string {
  return typeof script === "string" ? script : script.sqlite;
}
