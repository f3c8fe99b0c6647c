/** Copies of databases: whole while somebody writes, put back only where nobody does, on both kinds of database. */
// needs: initdb pg_dump pg_restore
import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { StorageError } from "../runtime/database.ts";
import type { SqlDatabase } from "../runtime/sql.ts";
import { migrateStore, openStore } from "../runtime/store.ts";
import { TemporaryServer } from "../runtime/postgres/temporary-server.ts";
import { backup, BackupError, restore } from "./backup.ts";
import { storeOf } from "./stores.ts";

const FOLDER = mkdtempSync(path.join(tmpdir(), "wv-backup-"));
const TABLES = [
  "CREATE TABLE cells (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, body BLOB NOT NULL)",
  "CREATE VIEW names AS SELECT name FROM cells; CREATE TABLE later (a INTEGER)",
];
const NOW = new Date("2025-01-15T10:00:00Z");
let server: TemporaryServer;

before(async () => {
  server = await TemporaryServer.start();
  server.addParty("a-1");
});
after(async () => {
  await server.stop();
  rmSync(FOLDER, { recursive: true });
});

function open(place: string, migrations: readonly string[] = TABLES): SqlDatabase {
  const database = openStore(place, { synchronous: "FULL", alone: true });
  migrateStore(database, migrations);
  return database;
}

function add(database: SqlDatabase, from: number, to: number): void {
  const insert = database.prepare<[string, Uint8Array]>("INSERT INTO cells (name, body) VALUES (?, ?)");
  database.transaction(() => {
    for (let i = from; i < to; i++) insert.run(`n-${i}`, Buffer.alloc(500, i));
  })();
}

function countOf(database: SqlDatabase): number | undefined {
  return database.prepare<[], number>("SELECT count(*) FROM names").pluck().get();
}

for (const engine of ["sqlite", "postgres"] as const) {
  // The login of a party, which may make no schema.
  const placeOf = (): string =>
    engine === "sqlite" ? path.join(FOLDER, "a-1", "aggregator.db") : server.place("a_1", "wattveil_a_1");

  test(`${engine}: a copy is what was committed when it began, and restoring brings just that back`, async () => {
    const [place, file] = [placeOf(), path.join(FOLDER, `${engine}.backup`)];
    const database = open(place);
    add(database, 0, 2_000);
    const running = backup(place, file);
    add(database, 2_000, 2_500); // in one transaction: all of it is in the copy, or none
    await running;
    add(database, 2_500, 3_000);
    assert.equal(statSync(file).mode & 0o077, 0);
    const beside = readdirSync(FOLDER).filter((name) => name.startsWith(`${engine}.backup`));
    assert.deepEqual(beside, [`${engine}.backup`]);
    await assert.rejects(
      restore(place, file, NOW),
      (error) => error instanceof StorageError && error.code === "locked",
    );
    database.close();

    const kept = await restore(place, file, NOW);
    assert.deepEqual(
      readdirSync(FOLDER).filter((name) => /-(?:wal|shm)$/.test(name)),
      [],
    );
    const restored = open(place);
    assert.ok([2_000, 2_500].includes(countOf(restored) ?? 0), String(countOf(restored)));
    assert.deepEqual(
      restored.prepare<[], Buffer>("SELECT body FROM cells WHERE name = 'n-7'").pluck().get(),
      Buffer.alloc(500, 7),
    );
    // It goes on: numbers of rows are not given twice.
    add(restored, 4_000, 4_001);
    restored.close();

    // What was replaced is a copy itself.
    assert.ok(kept?.includes("20250115T100000Z"), kept);
    const onRestore = storeOf("a-1")?.onRestore ?? "";
    await restore(place, kept ?? "", new Date("2025-01-15T11:00:00Z"), { onRestore });
    const again = open(place);
    assert.equal(countOf(again), 3_000);
    // An aggregator is told that it may have forgotten something.
    assert.deepEqual(again.prepare<[]>("SELECT before_slot FROM restored").pluck().all(), [null]);
    again.close();
    await assert.rejects(backup(place, file), BackupError);
  });

  test(`${engine}: a copy of an older program is brought up to date, whatever newer tables were there`, async () => {
    const [place, file] = [placeOf(), path.join(FOLDER, `${engine}-old.backup`)];
    if (engine === "sqlite") rmSync(path.dirname(place), { recursive: true, force: true });
    else server.query("DROP SCHEMA a_1 CASCADE");
    if (engine === "postgres") server.query("CREATE SCHEMA a_1 AUTHORIZATION wattveil_a_1");
    open(place, TABLES.slice(0, 1)).close();
    await backup(place, file);
    open(place).close();
    await restore(place, file, NOW);
    const database = open(place);
    assert.equal(countOf(database), 0);
    database.close();
  });

  test(`${engine}: what is no copy is refused before anything is touched`, async () => {
    const [place, file] = [placeOf(), path.join(FOLDER, `${engine}-wrong`)];
    await assert.rejects(restore(place, file, NOW), /does not exist/);
    writeFileSync(file, "this is a text of more than sixteen bytes".repeat(40));
    await assert.rejects(restore(place, file, NOW), BackupError);
    const database = open(place);
    assert.equal(countOf(database), 0);
    database.close();
    assert.deepEqual(
      readdirSync(FOLDER).filter((name) => name.endsWith(".partial")),
      [],
    );
  });
}

test("nobody begins anew where a restore was killed between the file that was there and its copy", async () => {
  const place = path.join(FOLDER, "killed", "aggregator.db");
  const file = path.join(FOLDER, "killed.backup");
  const database = open(place);
  add(database, 0, 3);
  await backup(place, file);
  database.close();
  copyFileSync(file, `${place}.partial`);
  renameSync(place, `${place}.20250115T100000Z`);
  assert.throws(
    () => open(place),
    (error) =>
      error instanceof StorageError && error.code === "lost" && error.message.includes("a restore was cut off"),
  );
  await restore(place, file, NOW);
  const restored = open(place);
  assert.equal(countOf(restored), 3);
  restored.close();
});

test("a copy of another party's schema is refused before anything is touched", async () => {
  server.addParty("a-2");
  const [one, other] = [server.place("a_1", "wattveil_a_1"), server.place("a_2", "wattveil_a_2")];
  const file = path.join(FOLDER, "other.backup");
  open(one).close();
  await backup(one, file);
  const before = open(other);
  add(before, 0, 3);
  before.close();
  await assert.rejects(restore(other, file, NOW), /is a copy of another schema: it holds a_1, expected a_2/);
  const after = open(other);
  assert.equal(countOf(after), 3);
  after.close();
});

test("a copy that cannot be put back says where that is which was there, and nobody begins anew meanwhile", async () => {
  const place = server.place("a_1", "wattveil_a_1");
  const file = path.join(FOLDER, "cut.backup");
  const database = open(place);
  add(database, 5_000, 5_500);
  await backup(place, file);
  const count = countOf(database);
  database.close();
  truncateSync(file, statSync(file).size - 200); // its list of tables is at the beginning
  const fault = await restore(place, file, NOW).then(
    () => "restored",
    (error: unknown) => (error as Error).message,
  );
  const [, kept = ""] = /is empty now; what was there is in (\S+): restore that$/.exec(fault) ?? [];
  const emptied = openStore(place, { synchronous: "FULL", alone: true });
  assert.throws(
    () => migrateStore(emptied, TABLES),
    (error) =>
      error instanceof StorageError && error.code === "lost" && error.message.includes("a restore was cut off"),
  );
  emptied.close();
  assert.equal(await restore(place, kept, NOW), undefined, fault);
  const again = open(place);
  assert.equal(countOf(again), count);
  again.close();
});

test("a copy of what is not there leaves nothing behind", async () => {
  const file = path.join(FOLDER, "nothing.backup");
  await assert.rejects(backup(path.join(FOLDER, "none", "aggregator.db"), file), StorageError);
  await assert.rejects(backup(server.place("none"), file), StorageError);
  assert.equal(existsSync(file) || existsSync(`${file}.partial`), false);
});
