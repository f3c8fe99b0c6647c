/**
 * Aggregators that are not there: with one of three gone the totals are exact, with two gone nothing is billed, the
 * rounds say that they wait, and when one returns they finish.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import mqtt from "mqtt";
import { FleetBed } from "./testing/bed.ts";

const IMPATIENT = { "simulation.patienceSeconds": 2, "rounds.answerSeconds": 0.5 };

function rowsOf<T>(bed: FleetBed, sql: string): T[] {
  const database = new Database(join(bed.data, "utility", "utility.db"), { readonly: true });
  try {
    return database.prepare<[], T>(sql).all();
  } finally {
    database.close();
  }
}

test("one of three aggregators never starts: totals are exact, and no answer is to spare", async (t) => {
  const bed = await FleetBed.create(t, { set: IMPATIENT, fleet: { withoutAggregators: [2] } });
  await bed.fleet.start();
  await bed.fleet.run();
  const outcome = await bed.outcome();
  assert.deepEqual(outcome.differences, []);
  assert.equal(outcome.complete && outcome.billsExact && outcome.loadsExact, true, JSON.stringify(outcome));
  assert.equal(outcome.billsFinal, 10);
  assert.equal(outcome.loadsFinal, 48);
  const spares = rowsOf<{ spare_answers: number }>(
    bed,
    `SELECT DISTINCT spare_answers FROM bills UNION
     SELECT DISTINCT spare_answers FROM feeder_loads WHERE status = 'final'`,
  );
  assert.deepEqual(spares, [{ spare_answers: 0 }]);
});

test("two of three are stopped: rounds wait and say so, nothing is billed; when one returns they finish", async (t) => {
  const bed = await FleetBed.create(t, { set: IMPATIENT });
  const { supervisor } = bed.fleet;
  const alerts: { code: string; message: string }[] = [];
  await bed.fleet.start();
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${bed.fleet.ports.public}`);
  t.after(() => client.end(true));
  client.on("message", (_topic, payload) => alerts.push(JSON.parse(payload.toString()) as (typeof alerts)[number]));
  await client.subscribeAsync("wv/1/pub/alert/#");
  await supervisor.stop("a-1");
  await supervisor.stop("a-3");
  await bed.fleet.run();

  let reason: string | undefined;
  const waiting = await bed.outcome({ patienceSeconds: 4, onProgress: ({ waiting: why }) => (reason ??= why) });
  assert.equal(waiting.complete, false);
  assert.match(waiting.waiting ?? "", /2 rounds wait, such as l-f-\d-\d+-\d+: 1 of the 2 manifests that are needed/);
  assert.equal(reason !== undefined, true);
  assert.deepEqual(rowsOf(bed, "SELECT * FROM bills"), []);
  assert.deepEqual(rowsOf(bed, "SELECT * FROM bill_totals"), []);
  assert.deepEqual(rowsOf(bed, "SELECT * FROM feeder_loads WHERE energy_wh IS NOT NULL"), []);
  assert.ok(alerts.some(({ code, message }) => code === "round-waiting" && message.includes(" waits: ")));
  assert.match(
    readFileSync(join(bed.data, "logs", "system.log"), "utf8"),
    /"party":"utility".*round of feeder .* waits: /,
  );

  await supervisor.startAgain("a-3");
  const finished = await bed.outcome();
  assert.deepEqual(finished.differences, []);
  assert.equal(finished.complete && finished.billsExact && finished.loadsExact, true, JSON.stringify(finished));
  assert.equal(finished.waiting, undefined);
  const spares = rowsOf<{ spare_answers: number }>(bed, "SELECT DISTINCT spare_answers FROM bills");
  assert.deepEqual(spares, [{ spare_answers: 0 }]);
  assert.ok(alerts.some(({ code }) => code === "round-resumed"));
});
