/**
 * From SQLite files to a PostgreSQL server: all rows go over and are compared, nothing is replaced, and a system goes on there
 * with its next day.
 */
// needs: initdb pg_dump pg_restore
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { openTestDatabase, temporaryFolder as storeFolder } from "../../aggregator/testing/system.ts";
import { StorageError } from "../../config/runtime/database.ts";
import { TemporaryServer } from "../../config/runtime/postgres/temporary-server.ts";
import { openStore } from "../../config/runtime/store.ts";
import { backup, restore } from "../../config/storage/backup.ts";
import { move, MoveError } from "../../config/storage/move.ts";
import { storeOf } from "../../config/storage/stores.ts";
import { AccessStore } from "../../utility/api/access/access-store.ts";
import { AlertStore } from "../../utility/api/alerts/alert-store.ts";
import { ROOT, runFleet, startCommand, temporaryFolder } from "../fleet/testing/command.ts";
import { cellsAt } from "../fleet/testing/stored-cells.ts";

const FULL = { synchronous: "FULL" } as const;
const DAY = 19_808;
let server: TemporaryServer;

before(async () => {
  server = await TemporaryServer.start();
});
after(() => server.stop());

/** An aggregator's file with blocks of two stretches, a journal, bits, and rows whose numbers have gone. */
function fill(file: string): void {
  const db = openTestDatabase(file);
  for (const id of ["m-1", "m-2"]) db.prepare("INSERT INTO meters (id) VALUES (?)").run(id);
  const block = db.prepare("INSERT INTO blocks (id, body) VALUES (?, ?)");
  db.transaction(() => {
    for (const meter of [1, 2])
      for (let day = 0; day < 40; day++)
        block.run(meter * 2 ** 29 + 2 ** 26 + DAY + day, Buffer.alloc(12 + 16 * 96, 0xff - day));
    db.prepare("INSERT INTO bit_shares VALUES (1, 1, ?, 4, ?)").run(DAY * 96, Buffer.alloc(40, 3));
    for (let i = 0; i < 2_500; i++) db.prepare("INSERT INTO tamper_events VALUES (1, 1, ?, ?)").run(i, 2 ** 52 + i);
    db.prepare("INSERT INTO journal (records, body) VALUES (1, ?)").run(Buffer.alloc(0));
    db.prepare("UPDATE own_boot SET boot = 17").run();
    db.prepare("INSERT INTO records VALUES ('m-1', 1, ?, NULL, NULL)").run(Buffer.from("it's\0bytes"));
    db.prepare("INSERT INTO vector_rounds VALUES ('r', 5, 1, 2, 3, NULL, ?)").run('{"text":"ä\\n€"}');
  })();
  db.exec("DELETE FROM journal");
  db.close();
}

const { maker } = storeOf("a-1")!;

test("all rows of an aggregator are there, counted and compared, each stretch in its partition; numbers go on", async (t) => {
  const file = path.join(storeFolder(t), "a-1", "aggregator.db");
  fill(file);
  const contents = readFileSync(file);
  const place = server.place("moved");
  const seen: string[] = [];
  const tables = await move({ file, place, maker, progress: (table, rows, of) => seen.push(`${table} ${rows}/${of}`) });
  const counts = Object.fromEntries(tables.map(({ table, rows }) => [table, rows]));
  assert.deepEqual([counts["blocks"], counts["tamper_events"], counts["own_boot"], counts["sets"]], [80, 2_500, 1, 0]);
  assert.ok(seen.includes("tamper_events 1000/2500") && seen.includes("tamper_events 2500/2500"), seen.join());
  assert.deepEqual(readFileSync(file), contents);

  const [from, to] = [openStore(file, FULL), openStore(place, FULL)];
  for (const query of [
    "SELECT id, body, day FROM blocks ORDER BY id",
    "SELECT * FROM bit_shares",
    "SELECT * FROM tamper_events ORDER BY slot",
    "SELECT * FROM records",
    "SELECT * FROM vector_rounds",
    "SELECT boot FROM own_boot",
  ])
    assert.deepEqual(to.prepare(query).all(), from.prepare(query).all(), query);
  assert.equal(to.prepare("SELECT count(*) FROM blocks_rest").pluck().get(), 0);
  assert.equal(to.prepare("SELECT count(*) FROM blocks_p619").pluck().get(), 2 * 32);
  // As in the file, whose rows were deleted: a number is not given twice.
  const next = "INSERT INTO journal (records, body) VALUES (1, ?) RETURNING id";
  assert.equal(to.prepare(next).pluck().get(Buffer.alloc(0)), 2);
  from.close();
  to.close();
  await assert.rejects(move({ file, place, maker }), (error) => {
    assert.ok(error instanceof MoveError);
    assert.match(error.message, /#moved is not empty .*a move replaces nothing/);
    return true;
  });
});

test("partitions are in a copy, and come back with it", async (t) => {
  const folder = storeFolder(t);
  const [file, copy] = [path.join(folder, "a-1", "aggregator.db"), path.join(folder, "a-1.backup")];
  fill(file);
  const place = server.place("copied");
  await move({ file, place, maker });
  const cells = cellsAt(place);
  await backup(place, copy);
  const changed = openStore(place, FULL);
  changed.exec("DELETE FROM blocks; DROP TABLE blocks_p619");
  changed.close();
  await restore(place, copy, new Date("2025-01-15T10:00:00Z"));
  assert.deepEqual(cellsAt(place), cells);
  assert.ok(cells.size > 0);
  const restored = openStore(place, FULL);
  assert.equal(restored.prepare("SELECT count(*) FROM blocks_p619").pluck().get(), 2 * 32);
  restored.close();
});

test("refuses a file in use, one of another version, and one that is not there; what was cut off begins anew", async (t) => {
  const file = path.join(storeFolder(t), "a-1", "aggregator.db");
  const place = server.place("cut_off");
  await assert.rejects(move({ file, place, maker }), /does not exist: there is nothing to move/);
  fill(file);
  const running = openStore(file, { ...FULL, alone: true });
  await assert.rejects(
    move({ file, place, maker }),
    (error) => error instanceof StorageError && error.code === "locked",
  );
  running.exec("PRAGMA user_version = 3");
  running.close();
  await assert.rejects(
    move({ file, place, maker }),
    /its version is 3, this program's \d+.*: start the party with it once/,
  );
  const old = openStore(file, FULL);
  // It fails in the middle of its rows: this one is no text of PostgreSQL.
  old.exec(`PRAGMA user_version = ${versionOf("cut_off")}; UPDATE vector_rounds SET bounded = 'a' || char(0)`);
  old.close();
  await assert.rejects(move({ file, place, maker }), /invalid byte sequence|0x00/);
  const there = openStore(place, FULL);
  assert.equal(there.prepare("SELECT count(*) FROM tamper_events").pluck().get(), 0);
  there.close();
  const mended = openStore(file, FULL);
  mended.exec("UPDATE vector_rounds SET bounded = NULL");
  mended.close();
  const tables = await move({ file, place, maker });
  assert.equal(tables.find(({ table }) => table === "tamper_events")?.rows, 2_500);
});

function versionOf(schema: string): number {
  return Number(server.query(`SELECT max(version) FROM ${schema}.schema_version`)[0]?.[0]);
}

test("accounts and alerts of the HTTP interface go over as well", async (t) => {
  const folder = storeFolder(t);
  const [accounts, alerts] = [path.join(folder, "api.db"), path.join(folder, "alerts.db")];
  const store = AccessStore.open(accounts);
  store.addAccount({ name: "anna", role: "customer", meters: ["m-1"], disabled: false, createdAt: 5 }, "hash");
  store.note({ at: 6, account: "anna", address: "::1", action: "sign-in", outcome: "done", detail: "" });
  store.close();
  const before = AlertStore.open(alerts);
  before.silence("overload", "branch:1", { until: 50, by: "anna" });
  before.close();
  await move({ file: accounts, place: server.place("api"), maker: storeOf("api")!.maker });
  await move({ file: alerts, place: server.place("api_alerts"), maker: storeOf("api-alerts")!.maker });
  const moved = AccessStore.open(server.place("api"));
  t.after(() => moved.close());
  assert.deepEqual(moved.account("anna")?.meters, ["m-1"]);
  moved.note({ at: 7, account: "anna", address: "::1", action: "sign-out", outcome: "done", detail: "" });
  assert.deepEqual(
    moved.audit(5, undefined).map(({ id, action }) => [id, action]),
    [
      [2, "sign-out"],
      [1, "sign-in"],
    ],
  );
  const after = AlertStore.open(server.place("api_alerts"));
  t.after(() => after.close());
  assert.deepEqual(after.endedSilences(60), [{ rule: "overload", element: "branch:1" }]);
});

test("analytics has its tables made as well: each of its stores in a schema of its own", async (t) => {
  const folder = storeFolder(t);
  for (const [name, table] of [
    ["analytics", "ciphertexts"],
    ["analytics-releases", "releases"],
    ["analytics-grid", "history"],
  ] as const) {
    const file = path.join(folder, `${name}.db`);
    const { maker: program } = storeOf(name)!;
    // The file is made by the same program.
    spawnSync(process.execPath, ["config/runtime/start.mjs", program, file], { cwd: ROOT });
    const tables = await move({ file, place: server.place(name.replace("-", "_")), maker: program });
    assert.ok(
      tables.some((one) => one.table === table && one.rows === 0),
      JSON.stringify(tables),
    );
  }
});

test("a fleet's day on SQLite, moved, and the next day on the server: exact", async (t) => {
  const folder = temporaryFolder(t);
  const parties = ["utility", "a-1", "a-2", "a-3"];
  for (const party of parties) server.addParty(party);
  const url = `postgresql://127.0.0.1:${server.port}/wattveil`;
  const small = [
    "--meters",
    "10",
    "--feeders",
    "2",
    "--set",
    "system.slotSeconds=3600",
    "--set",
    "release.minSlots=4",
    "--json",
  ];
  const first = await runFleet(folder, small);
  assert.equal(first.code, 0, first.stderr + first.stdout);
  const cells = cellsAt(path.join(folder, "data", "a-1", "aggregator.db"));
  for (const party of parties) {
    const { code, stdout, stderr } = await startCommand("database", folder, [
      "move",
      "--party",
      party,
      "--to",
      url,
      "--json",
    ]).result;
    assert.equal(code, 0, stderr + stdout);
    const { rows, tables } = JSON.parse(stdout) as { rows: number; tables: { checksum: string }[] };
    assert.ok(rows > 0 && tables.every(({ checksum }) => /^[0-9a-f]{64}$/.test(checksum)), stdout);
  }
  const place = server.place("a_1", "wattveil_a_1");
  assert.deepEqual(cellsAt(place), cells);
  const second = await runFleet(folder, [...small, "--set", `storage.url=${url}`]);
  assert.equal(second.code, 0, second.stderr + second.stdout);
  const summary = JSON.parse(second.stdout) as Record<string, unknown>;
  assert.deepEqual(
    [summary["billsExact"], summary["feederLoadsExact"], summary["bills"], summary["slots"]],
    [true, true, 10, 24],
  );
  const all = cellsAt(place);
  assert.equal(all.size, 2 * cells.size);
  assert.ok([...all.values()].every(({ times }) => times === 1));
  // Bills of both days, and nothing more in the files.
  assert.deepEqual(server.query("SELECT DISTINCT period_start FROM utility.bills ORDER BY 1").flat(), [
    "2025-01-15",
    "2025-01-16",
  ]);
  assert.deepEqual(cellsAt(path.join(folder, "data", "a-1", "aggregator.db")), cells);
});
