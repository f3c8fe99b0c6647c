/** What workers of one aggregator do in the same moment, over one schema: none of them fails, and none waits in vain. */
// needs: initdb
import assert from "node:assert/strict";
import { after, before, test, type TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Client } from "pg";
import { PostgresDatabase } from "../../config/runtime/postgres/database.ts";
import { lockKey, tablesVersion } from "../../config/runtime/postgres/open.ts";
import { SessionLocks } from "../../config/runtime/postgres/session-locks.ts";
import { TemporaryServer } from "../../config/runtime/postgres/temporary-server.ts";
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { migrateStore, openStore } from "../../config/runtime/store.ts";
import { MeterTable } from "../intake/meter-table.ts";
import { Membership } from "../membership/membership.ts";
import { MIGRATIONS } from "../store/schema.ts";
import { sharePartitions } from "../store/share-partitions.ts";
import { TestSystem } from "../testing/system.ts";
import { migrateForWorkers, Seat } from "./seat.ts";
import { Notices } from "./notices.ts";

let server: TemporaryServer;
let schemas = 0;

before(async () => {
  server = await TemporaryServer.start();
});
after(() => server.stop());

/** Connections of so many workers to a schema of their own. */
function connections(
  context: TestContext,
  count: number,
  busyMilliseconds?: number,
  migrations = MIGRATIONS,
): PostgresDatabase[] {
  const place = server.place(`b_${++schemas}`);
  return Array.from({ length: count }, (_, i) => {
    const several = { name: `worker ${i + 1}`, silentSeconds: 60 };
    const db = openStore(place, { synchronous: "FULL", several, ...(busyMilliseconds && { busyMilliseconds }) });
    context.after(() => db.close());
    migrateStore(db, migrations);
    assert.ok(db instanceof PostgresDatabase);
    return db;
  });
}

test("a meter that two workers hear of in the same moment gets one number", (context) => {
  const [db, other] = connections(context, 2);
  const others = new MeterTable(other!);
  let number: number | undefined;
  // The other one comes between the look into the table and the new row.
  const raced: SqlDatabase = Object.create(db!, {
    prepare: {
      value: (sql: string) => {
        const statement = db!.prepare(sql);
        if (!sql.startsWith("INSERT INTO meters")) return statement;
        const run = statement.run.bind(statement);
        statement.run = (...values) => {
          number = others.register(String(values[0])).number;
          return run(...values);
        };
        return statement;
      },
    },
  }) as SqlDatabase;
  assert.equal(new MeterTable(raced).register("m-1").number, number);
  assert.deepEqual(new MeterTable(other!).ids(), ["m-1"]);
});

test("room for shares is made, and old ones go, while no other worker writes", (context) => {
  const [db] = connections(context, 1);
  // What a worker wrote between the look through the rest and its new bounds would keep the partition from being made.
  db!.exec(`CREATE TABLE alone_at (what TEXT, mode TEXT);
    CREATE FUNCTION note_alone() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO alone_at SELECT TG_OP, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'
        AND (classid::bigint << 32) + objid::bigint = ${lockKey(0x57_56_02, db!.schemaNumber)};
      RETURN NULL;
    END $$;
    CREATE TRIGGER notes AFTER DELETE OR INSERT ON blocks_rest FOR EACH STATEMENT EXECUTE FUNCTION note_alone()`);
  const partitions = sharePartitions(db!);
  partitions.prepare(320, 320);
  const block = db!.prepare<[number]>("INSERT INTO blocks (id, day, body) VALUES (?, 320, '')");
  block.run(2 ** 29 + 2 ** 26 + 320);
  assert.equal(partitions.drop(10, [2 ** 29 + 2 ** 26], new Map()), true);
  const modes = db!.prepare<[], string>("SELECT DISTINCT mode FROM alone_at").pluck().all();
  assert.deepEqual(modes, ["ExclusiveLock"]);
});

test("a worker waits for another one's long transaction, longer than for whoever has the database alone", async (context) => {
  const [db] = connections(context, 1, 100);
  const lock = lockKey(0x57_56_02, db!.schemaNumber);
  const held = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND mode = 'ExclusiveLock'
    AND (classid::bigint << 32) + objid::bigint = ${lock}`;
  const { port, pathname } = new URL(server.place("x"));
  const other = new Client({ host: "127.0.0.1", port: Number(port), database: pathname.slice(1), user: "wattveil" });
  await other.connect();
  context.after(() => other.end());
  await other.query(`BEGIN; SELECT pg_advisory_xact_lock(${lock})`);
  assert.equal(server.query(held).length, 1);
  const ended = other.query("SELECT pg_sleep(1); COMMIT");
  // It is on its way, and this thread waits from now on.
  await nextTurn();
  db!.transaction(() => db!.exec("INSERT INTO meters (id) VALUES ('m-1')"))();
  await ended;
  assert.equal(server.query(held).length, 0);
});

test("a month that is wanted of meters is told the others in one notice for each meter", (context) => {
  const [db, other] = connections(context, 2);
  const [told, heard] = [new Notices(db!), new Notices(other!)];
  // Slot by slot, as a round about loads names them; and again before it was told.
  for (let again = 0; again < 2; again++) {
    for (let slot = 100; slot < 3_000; slot++) {
      for (const meter of ["m-1", "m-2"]) told.add({ about: "resend", meter, kind: 1, firstSlot: slot, count: 1 });
    }
  }
  told.add({ about: "resend", meter: "m-1", kind: 1, firstSlot: 5_000, count: 1 });
  assert.deepEqual(heard.take(), []);
  told.flush();
  told.flush();
  assert.deepEqual(heard.take(), [
    { about: "resend", meter: "m-1", kind: 1, firstSlot: 100, count: 2_900 },
    { about: "resend", meter: "m-2", kind: 1, firstSlot: 100, count: 2_900 },
    { about: "resend", meter: "m-1", kind: 1, firstSlot: 5_000, count: 1 },
  ]);
});

test("what is known of many meters is read some at a time: between two questions the server waits only so long", (context) => {
  const [db] = connections(context, 1);
  const system = new TestSystem();
  const signed = system.record("m-0", [{ feeder: "f-1", from: 0, to: null }]);
  const count = 2_100;
  db!
    .prepare(
      `INSERT INTO records (meter, serial, record)
       SELECT 'm-' || n, s, decode('00', 'hex') FROM generate_series(1, ${count / 2}) n, generate_series(1, 2) s`,
    )
    .run();
  db!
    .prepare("INSERT INTO records (meter, serial, record, countersignature) VALUES ('m-0', 1, ?, ?)")
    .run(signed, signed);
  db!.exec(`INSERT INTO meters (id) SELECT 'm-' || n FROM generate_series(1, ${count}) n;
    INSERT INTO root_keys (meter, version, key, state)
      SELECT number, v, decode('01', 'hex'), 'trying' FROM meters, generate_series(1, 2) v`);
  let most = 0;
  let rows = 0;
  const counted: SqlDatabase = Object.create(db!, {
    prepare: {
      value: (sql: string) => {
        const statement = db!.prepare(sql);
        const all = statement.all.bind(statement);
        statement.all = (...values) => {
          const found = all(...values);
          most = Math.max(most, found.length);
          rows += found.length;
          return found;
        };
        return statement;
      },
    },
  }) as SqlDatabase;
  const party = system.party("a-1");
  const options = { directory: system.directory, index: 1, signer: party, currentSlot: () => 0, lateSlots: 0 };
  assert.deepEqual(new Membership({ db: counted, ...options }).meters(), ["m-0"]);
  assert.equal(rows, count + 1);
  const states = [...new MeterTable(counted).states()];
  assert.ok(most <= 2_000, `${most} rows in one answer`);
  assert.deepEqual(
    states.map(([{ number }, keys]) => [number, keys.map(({ version }) => version)]),
    states.map((_, i) => [i + 1, [2, 1]]),
  );
  assert.equal(states.length, count);
});

test("the tables of running workers stay as they are: a newer program waits until all of them are gone", (context) => {
  const [old, other] = connections(context, 2, undefined, MIGRATIONS.slice(0, -1));
  new Seat(old!, 3);
  const locked = { code: "locked", message: /in use by worker 3 of an older version; stop all workers before/ };
  assert.throws(() => migrateForWorkers(other!, MIGRATIONS), locked);
  assert.equal(tablesVersion(other!), MIGRATIONS.length - 1);
  migrateForWorkers(other!, MIGRATIONS.slice(0, -1));
  old!.close();
  // The server may take a moment to find that it has gone.
  while (new SessionLocks(other!).held(0, 0x1000).length > 0);
  migrateForWorkers(other!, MIGRATIONS);
  assert.equal(tablesVersion(other!), MIGRATIONS.length);
  assert.throws(() => migrateForWorkers(other!, MIGRATIONS.slice(0, -1)), { code: "newer" });
});
