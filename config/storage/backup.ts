/**
 * Copies of a party's database, made while the party runs, and put back while it is stopped. A copy of a file is a database
 * file; that of a schema on a server is an archive of pg_dump. What was there before is kept beside it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { ExplainedError } from "../faults.ts";
import { lockDatabase, openDatabase, partialOf, storageError } from "../runtime/database.ts";
import type { StoreOf } from "./stores.ts";
import { isPostgres, openPostgres, shownAddress, UNFINISHED_RESTORE } from "../runtime/postgres/open.ts";
import { tablesOfPostgres } from "../runtime/postgres/sql-text.ts";

export class BackupError extends ExplainedError {}

/** Writes a copy of what is at `place` to `file`, which must not be there. Throws BackupError, StorageError. */
export async function backup(place: string, file: string): Promise<void> {
  if (existsSync(file)) throw new BackupError(`${file} is there already: a backup replaces nothing`);
  const partial = `${file}.partial`;
  rmSync(partial, { force: true });
  closeSync(openSync(partial, "ax", 0o600));
  try {
    await (isPostgres(place) ? dump(place, partial) : copy(place, partial));
    await check(place, partial);
    settle(partial, file);
  } finally {
    rmSync(partial, { force: true });
  }
}

async function copy(place: string, partial: string): Promise<void> {
  const database = openDatabase(place, { synchronous: "NORMAL", readonly: true });
  try {
    await database.backup(partial);
  } catch (error) {
    throw storageError(error, partial);
  } finally {
    database.close();
  }
}

async function dump(place: string, partial: string): Promise<void> {
  const { url, schema } = partsOf(place);
  openPostgres(place, { synchronous: "NORMAL", readonly: true }).close();
  const flags = ["--format=custom", "--no-owner", "--no-privileges", `--schema=${schema}`, `--file=${partial}`];
  await run("pg_dump", [...flags, "--dbname", url]);
}

/** Throws BackupError for a file that is no whole copy of a database of this kind, or of one without the tables `marks`. */
async function check(place: string, file: string, marks: readonly string[] = []): Promise<void> {
  if (isPostgres(place)) {
    const { schema } = partsOf(place);
    const held = new Set([...(await archiveList(file)).matchAll(/ TABLE DATA (\S+) /g)].map(([, name]) => name));
    if (held.size === 0) throw new BackupError(`${file} holds no tables`);
    if (!held.has(schema) || held.size > 1) {
      throw new BackupError(
        `${file} is a copy of another schema: it holds ${[...held].join(", ")}, expected ${schema}`,
      );
    }
    return;
  }
  // Whoever only reads leaves these beside the copy, for want of a right to tidy up.
  const left = ["-wal", "-shm"].map((end) => file + end).filter((beside) => !existsSync(beside));
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { readonly: true, fileMustExist: true });
    const answer = database.pragma("integrity_check(1)", { simple: true });
    if (answer !== "ok") throw new BackupError(`${file} is damaged: ${String(answer)}`);
    const names = database.prepare<[], string>("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all();
    const lacking = marks.find((mark) => !names.includes(mark));
    if (lacking !== undefined) {
      throw new BackupError(`${file} is no copy of ${place}: it has no table ${lacking}, so it is another party's`);
    }
  } catch (error) {
    if (error instanceof BackupError) throw error;
    throw new BackupError(`${file} is no backup of a database file: ${(error as Error).message}`);
  } finally {
    database?.close();
    for (const beside of left) rmSync(beside, { force: true });
  }
}

/** On the disk under its own name, or not at all. */
function settle(partial: string, file: string): void {
  for (const one of [partial, path.dirname(partial)]) {
    const descriptor = openSync(one, "r");
    fsyncSync(descriptor);
    closeSync(descriptor);
  }
  renameSync(partial, file);
}

/**
 * Puts a copy in the place of what is there, and returns where that is kept; undefined if there was nothing. Throws
 * StorageError `locked` while the party runs, BackupError for a file that is no copy, or one of a file without the tables
 * `marks`; an archive says itself of which party it is. `onRestore` is done in it before anybody can use it.
 */
export async function restore(
  place: string,
  file: string,
  now: Date,
  { marks = [], onRestore }: Partial<Pick<StoreOf, "marks" | "onRestore">> = {},
): Promise<string | undefined> {
  if (!existsSync(file)) throw new BackupError(`${file} does not exist`);
  await check(place, file, marks);
  const stamp = now.toISOString().replaceAll(/[-:]|\.\d+/g, "");
  return isPostgres(place)
    ? await restoreSchema(place, file, stamp, onRestore)
    : restoreFile(place, file, stamp, onRestore);
}

function restoreFile(place: string, file: string, stamp: string, onRestore: string | undefined): string | undefined {
  const lock = lockDatabase(place);
  try {
    const partial = partialOf(place);
    copyFileSync(file, partial);
    chmodSync(partial, 0o600);
    if (onRestore !== undefined) {
      const database = new Database(partial);
      database.exec(onRestore);
      database.close();
    }
    const kept = `${place}.${stamp}`;
    const had = existsSync(place);
    // A journal belongs to its file: beside another one it would be played into that.
    for (const end of ["-wal", "-shm", ""]) if (existsSync(place + end)) renameSync(place + end, kept + end);
    settle(partial, place);
    return had ? kept : undefined;
  } finally {
    lock.close();
  }
}

async function restoreSchema(
  place: string,
  file: string,
  stamp: string,
  onRestore: string | undefined,
): Promise<string | undefined> {
  const { url, schema } = partsOf(place);
  const database = openPostgres(place, { synchronous: "FULL", alone: true });
  try {
    const tables = database.prepare<[], { kind: string; name: string }>(
      `SELECT CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind, relname AS name FROM pg_class
       WHERE relnamespace = to_regnamespace(current_schema()) AND relkind IN ('r', 'p', 'v') ORDER BY relkind DESC`,
    );
    const before = tables.all();
    const hasTables = before.some(({ name }) => name !== UNFINISHED_RESTORE);
    const kept = hasTables ? `${file}.${stamp}` : undefined;
    if (kept !== undefined) await dump(place, kept);
    database.transaction(() => {
      for (const { kind, name } of before) database.exec(`DROP ${kind} IF EXISTS ${schema}."${name}" CASCADE`);
      database.exec(`CREATE TABLE ${UNFINISHED_RESTORE} (one BIGINT)`);
    })();
    await fillSchema(url, file).catch((error: unknown) => {
      if (!(error instanceof BackupError)) throw error;
      const last = kept === undefined ? "there was nothing before" : `what was there is in ${kept}: restore that`;
      throw new BackupError(`${error.message}\n${shownAddress(place)} is empty now; ${last}`, { cause: error });
    });
    if (onRestore !== undefined) database.exec(tablesOfPostgres(onRestore));
    database.exec(`DROP TABLE ${UNFINISHED_RESTORE}`);
    return kept;
  } finally {
    database.close();
  }
}

/** All of the archive but the schema itself: a party's login may not make one. */
async function fillSchema(url: string, file: string): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "wattveil-restore-"));
  try {
    const list = path.join(folder, "list");
    const entries = (await archiveList(file)).split("\n").filter((line) => !line.includes(" SCHEMA - "));
    writeFileSync(list, entries.join("\n"));
    const flags = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", `--use-list=${list}`];
    await run("pg_restore", [...flags, "--dbname", url, file]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function archiveList(file: string): Promise<string> {
  return await run("pg_restore", ["--list", file]);
}

function partsOf(place: string): { url: string; schema: string } {
  const url = new URL(place);
  const schema = url.hash.slice(1);
  url.hash = "";
  return { url: url.href, schema };
}

/** Runs a program of PostgreSQL and returns what it prints. Throws BackupError with what it complains of. */
async function run(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", error: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.error += chunk.toString()));
  const ended = once(child, "close") as Promise<[code: number | null]>;
  const [code] = await ended.catch((error: unknown) => {
    throw new BackupError(`${program} cannot be started (Debian: postgresql-client): ${(error as Error).message}`);
  });
  if (code === 0) return said.out;
  const address = args.find((one) => isPostgres(one));
  const where = address === undefined ? "" : ` (${shownAddress(address)})`;
  throw new BackupError(`${program}${where}: ${said.error.trim() || `exit code ${String(code)}`}`);
}
