/** Databases: what is asked of SQLite, and that every fault of the medium has a clear text. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, statSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { StorageError, guardStorage, migrate, openDatabase, writeIfFree } from "./database.ts";
import type { DatabaseOptions, SqliteDatabase, StorageErrorCode } from "./database.ts";

const FULL: DatabaseOptions = { synchronous: "FULL" };
const DATABASE = path.join(import.meta.dirname, "database.ts");

function newFile(): string {
  return path.join(mkdtempSync(path.join(tmpdir(), "wv-db-")), "party", "party.db");
}

function is(code: StorageErrorCode, text: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StorageError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, text);
    return true;
  };
}

/** A database of many pages; closed cleanly. */
function filled(file: string): void {
  const database = openDatabase(file, FULL);
  migrate(database, ["CREATE TABLE shares(id INTEGER PRIMARY KEY, body BLOB NOT NULL)"]);
  fill(database, 200);
  database.close();
}

function fill(database: SqliteDatabase, rows: number): void {
  const insert = database.prepare("INSERT INTO shares(body) VALUES (?)");
  database.transaction(() => {
    for (let i = 0; i < rows; i++) insert.run(Buffer.alloc(1_000, i));
  })();
}

function overwrite(file: string, offset: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, bytes, 0, bytes.length, offset);
  closeSync(descriptor);
}

test("opens with WAL, the synchronous level asked for and foreign keys, readable by its owner alone", () => {
  const file = newFile();
  for (const [synchronous, level] of [
    ["FULL", 2],
    ["NORMAL", 1],
  ] as const) {
    const database = openDatabase(file, { synchronous });
    assert.equal(database.pragma("journal_mode", { simple: true }), "wal");
    assert.equal(database.pragma("synchronous", { simple: true }), level);
    assert.equal(database.pragma("foreign_keys", { simple: true }), 1);
    database.exec("CREATE TABLE IF NOT EXISTS x(y)");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(`${file}-wal`).mode & 0o777, 0o600);
    database.close();
  }
  assert.equal(statSync(path.dirname(file)).mode & 0o777, 0o700);
});

test("reads a database that another connection holds open", () => {
  const file = newFile();
  filled(file);
  const writer = openDatabase(file, FULL);
  const reader = openDatabase(file, { synchronous: "NORMAL", readonly: true });
  assert.deepEqual(reader.prepare("SELECT count(*) AS n FROM shares").get(), { n: 200 });
  assert.throws(() => guardStorage(reader, () => reader.exec("DELETE FROM shares")), is("io", /cannot be .*written/));
  reader.close();
  writer.close();
});

test("says that a file to read does not exist, and creates nothing", () => {
  const file = newFile();
  assert.throws(() => openDatabase(file, { synchronous: "FULL", readonly: true }), is("absent", /does not exist/));
  assert.equal(existsSync(file), false);
});

test("refuses a file that is no database", () => {
  const file = newFile();
  mkdirSync(path.dirname(file));
  writeFileSync(file, "this is a text of more than sixteen bytes".repeat(40));
  assert.throws(() => openDatabase(file, FULL), is("corrupt", /is damaged .*put back a backup/));
});

test("finds a damaged page at the next start after a kill", () => {
  const file = newFile();
  const script = `
    import { openDatabase } from ${JSON.stringify(DATABASE)};
    const database = openDatabase(${JSON.stringify(file)}, { synchronous: "FULL" });
    database.exec("CREATE TABLE shares(id INTEGER PRIMARY KEY, body BLOB NOT NULL)");
    const insert = database.prepare("INSERT INTO shares(body) VALUES (?)");
    for (let i = 0; i < 200; i++) insert.run(Buffer.alloc(1000, i));
    database.pragma("wal_checkpoint(PASSIVE)");
    insert.run(Buffer.alloc(10));
    process.kill(process.pid, "SIGKILL");`;
  const args = ["--import", import.meta.resolve("tsx"), "--input-type=module", "-e", script];
  assert.equal(spawnSync(process.execPath, args).signal, "SIGKILL");
  assert.ok(statSync(`${file}-wal`).size > 0);
  overwrite(file, 10 * 4_096, Buffer.alloc(3 * 4_096, 0xa5));
  assert.throws(() => openDatabase(file, FULL), is("corrupt", /is damaged/));
  // Larger than what may be read at a start: the damage shows when the page is read.
  const late = openDatabase(file, { ...FULL, checkBytes: 0 });
  const readAll = (): unknown => late.prepare("SELECT sum(length(body)) FROM shares").get();
  assert.throws(() => guardStorage(late, readAll), is("corrupt", /malformed/));
  late.close();
});

test("opens after a kill without damage, with everything that was committed", () => {
  const file = newFile();
  const script = `
    import { openDatabase } from ${JSON.stringify(DATABASE)};
    const database = openDatabase(${JSON.stringify(file)}, { synchronous: "FULL" });
    database.exec("CREATE TABLE x(y); INSERT INTO x VALUES (1), (2)");
    process.kill(process.pid, "SIGKILL");`;
  spawnSync(process.execPath, ["--import", import.meta.resolve("tsx"), "--input-type=module", "-e", script]);
  const database = openDatabase(file, FULL);
  assert.deepEqual(database.prepare("SELECT count(*) AS n FROM x").get(), { n: 2 });
  database.close();
});

test("says that the disk is full, and keeps what was committed", () => {
  const file = newFile();
  filled(file);
  const database = openDatabase(file, FULL);
  const pages = Number(database.pragma("page_count", { simple: true }));
  database.pragma(`max_page_count = ${pages + 2}`);
  assert.throws(() => guardStorage(database, () => fill(database, 200)), is("full", /free disk space/));
  assert.deepEqual(database.prepare("SELECT count(*) AS n FROM shares").get(), { n: 200 });
  database.close();
});

test("says that another process holds the lock", () => {
  const file = newFile();
  filled(file);
  const holder = openDatabase(file, FULL);
  holder.exec("BEGIN IMMEDIATE");
  const other = openDatabase(file, { ...FULL, busyMilliseconds: 1 });
  assert.throws(() => guardStorage(other, () => fill(other, 1)), is("locked", /in use by another process/));
  holder.exec("ROLLBACK");
  guardStorage(other, () => fill(other, 1));
  holder.close();
  other.close();
});

test("migrates step by step, once, and takes back a step that fails", () => {
  const file = newFile();
  const database = openDatabase(file, FULL);
  migrate(database, ["CREATE TABLE a(x)"]);
  assert.throws(
    () => migrate(database, ["CREATE TABLE a(x)", "CREATE TABLE b(x); CREATE TABLE a(x)"]),
    /already exists/,
  );
  assert.equal(database.pragma("user_version", { simple: true }), 1);
  migrate(database, ["CREATE TABLE a(x)", "CREATE TABLE b(x)"]);
  migrate(database, ["CREATE TABLE a(x)", "CREATE TABLE b(x)"]);
  assert.equal(database.pragma("user_version", { simple: true }), 2);
  database.close();
});

test("refuses a database of another party, of whatever version, and leaves it as it is", () => {
  const own = ["CREATE TABLE cells(x)", "CREATE TABLE sets(x)", "CREATE TABLE periods(x)"];
  const others: readonly (readonly string[])[] = [
    ["CREATE TABLE bills(x)"],
    ["CREATE TABLE cells(x)", "CREATE TABLE bills(x)"], // one table of the same name
    ["CREATE TABLE bills(x)", ...Array.from({ length: 4 }, (_, i) => `CREATE TABLE more_${i}(x)`)],
  ];
  for (const tables of others) {
    const file = newFile();
    const database = openDatabase(file, FULL);
    migrate(database, tables);
    assert.throws(() => migrate(database, own), is("foreign", /is another program's database \(it holds bills|cells/));
    assert.equal(database.pragma("user_version", { simple: true }), tables.length);
    migrate(database, tables);
    database.close();
  }
  const unversioned = openDatabase(newFile(), FULL);
  unversioned.exec("CREATE TABLE bills(x)");
  assert.throws(() => migrate(unversioned, own), is("foreign", /it holds bills\)/));
  unversioned.close();
});

test("refuses a database of a newer program", () => {
  const file = newFile();
  const database = openDatabase(file, FULL);
  database.pragma("user_version = 3");
  assert.throws(() => migrate(database, ["CREATE TABLE a(x)"]), is("newer", /version 3, this program knows up to 1/));
  database.close();
});

test("leaves errors that are not of the medium as they are", () => {
  const database = openDatabase(newFile(), FULL);
  const wrong = (): unknown => database.exec("CREATE TABLE");
  assert.throws(
    () => guardStorage(database, wrong),
    (error: Error) => error.name === "SqliteError",
  );
  assert.throws(
    () =>
      guardStorage(database, () => {
        throw new RangeError("own");
      }),
    RangeError,
  );
  database.close();
});

test("a database opened alone shuts out a second such opening, not readers, and frees itself", () => {
  const file = newFile();
  const first = openDatabase(file, { ...FULL, alone: true });
  assert.throws(() => openDatabase(file, { ...FULL, alone: true }), is("locked", /in use by another process/));
  openDatabase(file, { ...FULL, readonly: true }).close();
  first.close();
  openDatabase(file, { ...FULL, alone: true }).close();
});

test("what may be written another time does not wait for another process's lock, and says so", () => {
  const file = newFile();
  filled(file);
  const holder = openDatabase(file, FULL);
  holder.exec("BEGIN IMMEDIATE");
  const other = openDatabase(file, { ...FULL, busyMilliseconds: 60_000 });
  const count = (): unknown => other.prepare("SELECT count(*) FROM shares").pluck().get();
  assert.equal(
    writeIfFree(other, () => fill(other, 1)),
    false,
  );
  assert.equal(other.pragma("busy_timeout", { simple: true }), 60_000);
  assert.equal(count(), 200);
  holder.exec("ROLLBACK");
  assert.equal(
    writeIfFree(other, () => fill(other, 1)),
    true,
  );
  assert.equal(count(), 201);
  assert.throws(() => writeIfFree(other, () => other.exec("DELETE FROM absent")), /no such table/);
  holder.close();
  other.close();
});
