/**
 * A fleet whose utility and aggregators keep their stores on a PostgreSQL server, each with a login of its own. The utility
 * and an aggregator are killed with -9 while slots flow, and the connections of all are cut once; in another day it is the
 * server that is killed, and started again. Bills and loads are exact, and every share is stored once.
 */
// needs: initdb
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { storePlace } from "../../config/storage/place.ts";
import { TemporaryServer } from "../../config/runtime/postgres/temporary-server.ts";
import { FleetBed } from "./testing/bed.ts";
import { startCommand, temporaryFolder } from "./testing/command.ts";
import { cellsAt } from "./testing/stored-cells.ts";

const CUT = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE application_name LIKE 'wattveil %' AND pid <> pg_backend_pid()`;

const PARTIES = ["utility", "a-1", "a-2", "a-3"];

/** The day is over: bills and loads are exact, and each share is in each aggregator's schema once. */
async function assertExact(bed: FleetBed): Promise<void> {
  const outcome = await bed.outcome({ patienceSeconds: 120 });
  assert.deepEqual(outcome.differences, []);
  assert.equal(outcome.billsExact && outcome.loadsExact && outcome.complete, true, JSON.stringify(outcome));
  assert.deepEqual([outcome.billsFinal, outcome.loadsFinal], [10, 2 * 24]);
  await bed.fleet.stop();
  const { source, range } = bed.plan;
  const cells = source.meters.reduce((sum, _, index) => sum + (source.hasExport(index) ? 2 : 1), 0);
  for (const index of [1, 2, 3]) {
    const stored = cellsAt(storePlace(bed.config, `a-${index}`, "aggregator.db"));
    assert.equal(stored.size, cells * (range.to - range.from));
    assert.ok([...stored.values()].every(({ times }) => times === 1));
    assert.equal(existsSync(join(bed.data, `a-${index}`, "aggregator.db")), false);
  }
}

/** The end of what all processes of a command wrote to their log, by which a failure elsewhere is explained. */
function logsUnder(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith("system.log"),
  );
  return files.flatMap((name) => readFileSync(join(folder, name), "utf8").trimEnd().split("\n").slice(-80)).join("\n");
}

test("utility and aggregators on PostgreSQL: killed, cut off, and exact", async (t) => {
  const server = await TemporaryServer.start();
  t.after(() => server.stop());
  for (const party of PARTIES) server.addParty(party);
  const restarts: string[] = [];
  const bed: FleetBed = await FleetBed.create(t, {
    set: { "storage.url": `postgresql://127.0.0.1:${server.port}/wattveil` },
    fleet: {
      onSlot: (_slot, done) => {
        if (done === 5) bed.fleet.supervisor.kill("utility");
        if (done === 10) bed.fleet.supervisor.kill("a-2");
        if (done === 15) server.query(CUT);
      },
      onRestart: (name) => restarts.push(name),
    },
  });
  await bed.fleet.start();
  await bed.fleet.run();
  await assertExact(bed);
  // Killed once, and ended by themselves when their connection was gone.
  assert.equal(restarts.filter((name) => name === "utility").length, 2, restarts.join(", "));
  assert.equal(restarts.filter((name) => name === "a-2").length, 2, restarts.join(", "));
  // An aggregator's login sees nothing of the others.
  const foreign = storePlace(bed.config, "a-2", "aggregator.db", "a-1");
  assert.throws(() => cellsAt(foreign), /may not do that|does not exist|permission denied/);
});

test("the server itself is killed while slots flow, and is back a little later: nothing is lost, nothing is there twice", async (t) => {
  // It waits for its disk, as one must whose commits are to be there afterwards.
  const server = await TemporaryServer.start({ durable: true });
  t.after(() => server.stop());
  for (const party of PARTIES) server.addParty(party);
  const restarts: string[] = [];
  let killed: Promise<void> | undefined;
  let back: Promise<void> | undefined;
  const bed: FleetBed = await FleetBed.create(t, {
    set: { "storage.url": `postgresql://127.0.0.1:${server.port}/wattveil` },
    fleet: {
      onSlot: (_slot, done) => {
        // At once, with all that it does: as kill -9 of it and its children, or `pg_ctl stop -m immediate`.
        if (done === 8) killed = server.kill("SIGQUIT");
      },
      onRestart: (name) => {
        restarts.push(name);
        // The first party has noticed and starts again: it waits for the server.
        back ??= killed?.then(() => server.resume());
      },
    },
  });
  await bed.fleet.start();
  await bed.fleet.run();
  await back;
  await assertExact(bed);
  for (const party of PARTIES) assert.equal(restarts.filter((name) => name === party).length, 1, restarts.join(", "));
});

test("a whole system on the server: ciphertexts, the grid and the HTTP interface, each with a schema of its own", async (t) => {
  const folder = temporaryFolder(t);
  const server = await TemporaryServer.start();
  t.after(() => server.stop());
  for (const party of [...PARTIES, "api", "analytics"]) server.addParty(party);
  // As docs/postgresql.md says.
  server.query("CREATE SCHEMA api_alerts AUTHORIZATION wattveil_api");
  server.query("CREATE SCHEMA analytics_releases AUTHORIZATION wattveil_analytics");
  server.query("CREATE SCHEMA analytics_grid AUTHORIZATION wattveil_analytics");
  server.query("GRANT USAGE ON SCHEMA utility TO wattveil_api");
  server.query(
    "ALTER DEFAULT PRIVILEGES FOR ROLE wattveil_utility IN SCHEMA utility GRANT SELECT ON TABLES TO wattveil_api",
  );
  const set = [
    `storage.url=postgresql://127.0.0.1:${server.port}/wattveil`,
    ...["broker.tlsPort=0", "broker.wssPort=0", "broker.publicPort=0", "api.port=0"],
  ];
  const flags = set.flatMap((value) => ["--set", value]);
  const { code, stdout, stderr } = await startCommand("fleet", folder, [
    ...["--meters", "10", "--feeders", "2", "--json"],
    ...flags,
  ]).result;
  assert.equal(code, 0, code === 0 ? "" : `${stderr}${stdout}\n${logsUnder(folder)}`);
  const { billsExact, ciphertexts, restarts } = JSON.parse(stdout) as Record<string, unknown>;
  assert.equal(billsExact, true);
  assert.deepEqual(restarts, {});
  const { exactWithinBound, due, openings } = ciphertexts as Record<string, unknown>;
  assert.deepEqual([exactWithinBound, openings], [true, due]);
  const rows = (table: string): number => Number(server.query(`SELECT count(*) FROM ${table}`)[0]?.[0]);
  for (const table of ["analytics.ciphertexts", "analytics.he_results", "analytics_grid.history", "api.accounts"]) {
    assert.ok(rows(table) > 0, table);
  }
  const files = readdirSync(join(folder, "data"), { recursive: true, encoding: "utf8" });
  assert.deepEqual(
    files.filter((name) => /^(a-\d|utility|api|analytics)\/.*\.db$/.test(name)),
    [],
  );
});
