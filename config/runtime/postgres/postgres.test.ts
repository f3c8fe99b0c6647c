/** PostgreSQL behind the interface of SQLite: the same answers, and clear words for every fault of server and way. */
// needs: initdb
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Client } from "pg";
import { type DatabaseOptions, StorageError, type StorageErrorCode } from "../database.ts";
import { runAll, type SqlDatabase } from "../sql.ts";
import { migrateStore, openStore } from "../store.ts";
import { lockKey, openPostgres, tablesVersion } from "./open.ts";
import { TemporaryServer } from "./temporary-server.ts";

const FULL: DatabaseOptions = { synchronous: "FULL" };
let server: TemporaryServer;
let schemas = 0;

before(async () => {
  server = await TemporaryServer.start();
});
after(() => server.stop());

function newPlace(): string {
  return server.place(`t_${++schemas}`);
}

function is(code: StorageErrorCode, text: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StorageError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, text);
    return true;
  };
}

const TABLES = [
  `CREATE TABLE cells (
     number INTEGER PRIMARY KEY, -- given by the database; isn't ?
     name TEXT NOT NULL UNIQUE,
     body BLOB,
     part REAL
   ) STRICT;
   CREATE TABLE seen (name TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
];

for (const engine of ["sqlite", "postgres"] as const) {
  const open = (): SqlDatabase => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), "wv-db-")), "party.db");
    const database = openStore(engine === "sqlite" ? file : newPlace(), FULL);
    migrateStore(database, TABLES);
    return database;
  };

  test(`${engine}: numbers, texts, bytes and nothing come back as they went in`, () => {
    const db = open();
    const add = db.prepare<[string, Uint8Array | null, number | null]>(
      "INSERT INTO cells (name, body, part) VALUES (?, ?, ?)",
    );
    assert.equal(add.run("a 'quoted' ? ä", Uint8Array.from([0, 255, 92]), 0.1).changes, 1);
    add.run("b", null, null);
    const rows = db.prepare("SELECT number, name, body, part FROM cells ORDER BY number").all();
    assert.deepEqual(rows, [
      { number: 1, name: "a 'quoted' ? ä", body: Buffer.from([0, 255, 92]), part: 0.1 },
      { number: 2, name: "b", body: null, part: null },
    ]);
    const count = db.prepare<[], number>("SELECT count(*) FROM cells WHERE body IS NULL").pluck();
    assert.equal(count.get(), 1);
    assert.deepEqual(
      [...db.prepare<[string], string>("SELECT name FROM cells WHERE name = ?").pluck().iterate("b")],
      ["b"],
    );
    assert.equal(db.prepare("SELECT 1 AS one FROM cells WHERE number = ?").get(7), undefined);
    const named = db.prepare<[{ most: number; name: string }], number>(
      "SELECT number FROM cells WHERE number <= @most AND name <> @name AND number >= @most - 1",
    );
    assert.deepEqual(named.pluck().all({ most: 2, name: "b" }), [1]);
    db.close();
  });

  test(`${engine}: a row for each list of parameters, a conflict changes nothing`, () => {
    const db = open();
    const put = db.prepare<[string, number]>("INSERT INTO seen (name, at) VALUES (?, ?) ON CONFLICT DO NOTHING");
    db.transaction(() =>
      runAll(
        put,
        Array.from({ length: 2_500 }, (_, i) => [`n-${i}`, 2 ** 40 + i]),
      ),
    )();
    assert.equal(put.run("n-1", 7).changes, 0);
    assert.deepEqual(db.prepare("SELECT count(*) AS n, max(at) AS newest FROM seen").get(), {
      n: 2_500,
      newest: 2 ** 40 + 2_499,
    });
    db.close();
  });

  test(`${engine}: a transaction is kept as a whole or not at all, and so is a part of one`, () => {
    const db = open();
    const add = db.prepare<[string]>("INSERT INTO cells (name) VALUES (?)");
    const names = db.prepare<[], string>("SELECT name FROM cells ORDER BY name").pluck();
    const failing = (name: string): void => {
      add.run(name);
      throw new RangeError("not so");
    };
    assert.throws(() => db.transaction(() => failing("a"))(), /not so/);
    assert.equal(db.inTransaction, false);
    db.transaction(() => {
      add.run("b");
      assert.throws(() => db.transaction(() => failing("c")).immediate(), /not so/);
      assert.equal(db.inTransaction, true);
      db.transaction(() => add.run("d"))();
    }).immediate();
    assert.deepEqual(names.all(), ["b", "d"]);
    assert.throws(() => db.transaction(() => runAll(add, [["e"], ["b"], ["f"]]))());
    assert.deepEqual(names.all(), ["b", "d"]);
    db.close();
  });

  test(`${engine}: a database of a newer program is refused`, () => {
    const db = open();
    migrateStore(db, [...TABLES, "CREATE TABLE more (a INTEGER)"]);
    assert.throws(() => migrateStore(db, TABLES), is("newer", /version 2, this program knows up to 1/));
    db.close();
  });
}

test("a transaction that went on after a failed statement is not taken for kept", () => {
  const db = openStore(newPlace(), FULL);
  migrateStore(db, TABLES);
  const work = db.transaction(() => {
    assert.throws(() => db.prepare("INSERT INTO cells (name) VALUES (NULL)").run());
  });
  assert.throws(() => work(), /nothing of it was kept/);
  db.close();
});

test("a step of the tables that fails is taken back, and integers beyond 2^53 are an error, not another number", () => {
  const db = openStore(newPlace(), FULL);
  assert.throws(() => migrateStore(db, [...TABLES, "CREATE TABLE b (x INTEGER); CREATE TABLE cells (x INTEGER)"]));
  assert.equal(db.prepare<[], number>("SELECT version FROM schema_version").pluck().get(), 1);
  assert.throws(() => db.prepare("SELECT 9007199254740993 AS n").all(), /below 2\^53, got 9007199254740993/);
  assert.deepEqual(db.prepare("SELECT 1 AS n").all(), [{ n: 1 }]);
  db.close();
});

test("opened alone it shuts out a second one until it is closed, not readers, who cannot write", () => {
  const place = newPlace();
  assert.throws(() => openStore(place, { ...FULL, readonly: true }), is("absent", /does not exist \(yet\)/));
  const first = openStore(place, { ...FULL, alone: true });
  migrateStore(first, TABLES);
  assert.throws(
    () => openStore(place, { ...FULL, alone: true, busyMilliseconds: 50 }),
    is("locked", /#t_\d+ is in use by another process/),
  );
  const reader = openStore(place, { ...FULL, readonly: true });
  assert.throws(() => reader.prepare("INSERT INTO seen VALUES ('a', 1)").run(), is("io", /cannot be written/));
  reader.close();
  first.close();
  openStore(place, { ...FULL, alone: true }).close();
});

test("what another process is just making, a schema or its first table, is waited for", async (t) => {
  const place = newPlace();
  const { port, pathname, hash } = new URL(place);
  const schema = hash.slice(1);
  const other = new Client({ host: "127.0.0.1", port: Number(port), database: pathname.slice(1), user: "wattveil" });
  await other.connect();
  t.after(() => other.end());
  const made = async (lock: string, statement: string): Promise<{ ended: Promise<unknown> }> => {
    await other.query(`BEGIN; SELECT pg_advisory_xact_lock(${lock}); ${statement}`);
    const ended = other.query("SELECT pg_sleep(1); COMMIT");
    // It is on its way, and this thread waits from now on.
    await nextTurn();
    return { ended };
  };
  const schemaMade = await made(lockKey(0x57_56_03, 0), `CREATE SCHEMA ${schema}`);
  const db = openPostgres(place, FULL);
  t.after(() => db.close());
  await schemaMade.ended;
  const table = `CREATE TABLE ${schema}.schema_version (version BIGINT NOT NULL)`;
  const tableMade = await made(lockKey(0x57_56_02, db.schemaNumber), table);
  migrateStore(db, TABLES);
  await tableMade.ended;
  assert.equal(tablesVersion(db), TABLES.length);
});

test("a reader's transaction sees one state while another writes", () => {
  const place = newPlace();
  const writer = openStore(place, FULL);
  migrateStore(writer, TABLES);
  const reader = openStore(place, { ...FULL, readonly: true });
  const count = reader.prepare<[], number>("SELECT count(*) FROM seen").pluck();
  reader.transaction(() => {
    assert.equal(count.get(), 0);
    writer.prepare("INSERT INTO seen VALUES ('a', 1)").run();
    assert.equal(count.get(), 0);
  })();
  assert.equal(count.get(), 1);
  reader.close();
  writer.close();
});

test("a lost connection is said, and never made anew: a commit that was not answered may be there or not", () => {
  const place = newPlace();
  const db = openStore(place, { ...FULL, alone: true });
  migrateStore(db, TABLES);
  const add = db.prepare<[string]>("INSERT INTO cells (name) VALUES (?)");
  add.run("a");
  const work = db.transaction(() => {
    add.run("b");
    server.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name <> '' AND pid <> pg_backend_pid()",
    );
    add.run("c");
  });
  const lost = is("lost", /#t_\d+: the connection is lost \(.*\); see that the server runs/);
  assert.throws(() => work(), lost);
  assert.throws(() => add.run("d"), lost);
  db.close();
  // The lock went with the connection, and what was not committed.
  const again = openStore(place, { ...FULL, alone: true });
  assert.deepEqual(again.prepare("SELECT name FROM cells").all(), [{ name: "a" }]);
  again.close();
});

test("names what is wrong with a server, a login or a database, without a password", async () => {
  const nobody = `postgresql://wattveil:secret@127.0.0.1:1/wattveil#a`;
  const options = { ...FULL, connectMilliseconds: 1_000 };
  assert.throws(
    () => openStore(nobody, options),
    (error: Error) => is("lost", /127\.0\.0\.1:1.*ECONNREFUSED/)(error) && !error.message.includes("secret"),
  );
  assert.throws(() => openStore(server.place("a", "stranger"), FULL), is("io", /login is refused.*"stranger"/));
  assert.throws(
    () => openStore(server.place("a").replace("/wattveil#", "/elsewhere#"), FULL),
    is("io", /there is no such database/),
  );
  server.query("CREATE ROLE guest LOGIN");
  assert.throws(() => openStore(server.place("guests", "guest"), FULL), is("io", /login may not do that/));
  server.query("CREATE DATABASE sorted TEMPLATE template0 LOCALE 'C' ICU_LOCALE 'en' LOCALE_PROVIDER icu");
  assert.throws(
    () => openStore(server.place("a").replace("/wattveil#", "/sorted#"), FULL),
    is("io", /does not sort texts by their bytes; create it with/),
  );
  await Promise.resolve();
});
