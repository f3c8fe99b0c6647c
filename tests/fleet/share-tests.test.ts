/** Five aggregators over a real broker: shares that do not belong together, and sums that are wrong. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import Database from "better-sqlite3";
import { FleetBed } from "./testing/bed.ts";

const FIVE = {
  "system.aggregators": 5,
  "system.threshold": 2,
  "system.quorum": 4,
  "simulation.meters": 12,
};

function query<T>(data: string, sql: string): T[] {
  const db = new Database(join(data, "utility", "utility.db"), { readonly: true });
  try {
    return db.prepare<[], T>(sql).all();
  } finally {
    db.close();
  }
}

const DETECTIONS = "SELECT DISTINCT aggregator, code, verdict FROM detections ORDER BY aggregator, code";

describe("five aggregators", { concurrency: 1 }, () => {
  test("one lies about its sums of loads: all is exact, and it is named", async (t) => {
    const bed = await FleetBed.create(t, {
      set: FIVE,
      fleet: { entryOf: (name) => (name === "a-2" ? "tests/fleet/testing/lying-sum-aggregator.ts" : undefined) },
    });
    await bed.fleet.start();
    await bed.fleet.run();
    const outcome = await bed.outcome();
    assert.deepEqual([outcome.complete, outcome.loadsExact], [true, true], JSON.stringify(outcome));
    assert.deepEqual(query(bed.data, DETECTIONS), [{ aggregator: 2, code: "wrong-sums", verdict: "liar" }]);
    const untested = "SELECT count(*) AS count FROM rounds WHERE content IS NOT NULL AND untested_meters IS NOT 0";
    assert.deepEqual(query(bed.data, untested), [{ count: 0 }]);
  });

  test("a meter gives one of them other shares: it is left out, in dispute, and the rounds finish", async (t) => {
    const bed = await FleetBed.create(t, {
      set: FIVE,
      fleet: { entryOf: (name) => (name === "a-3" ? "tests/fleet/testing/misled-aggregator.ts" : undefined) },
    });
    await bed.fleet.start();
    await bed.fleet.run();
    await bed.outcome({ patienceSeconds: 20 });
    assert.deepEqual(query(bed.data, DETECTIONS), [
      { aggregator: 3, code: "inconsistent-shares", verdict: "disputed" },
    ]);
    const left = query<{ meter_id: string; status: string }>(
      bed.data,
      "SELECT meter_id, status FROM current_bills WHERE status != 'final'",
    );
    assert.deepEqual(
      left.map(({ status }) => status),
      ["inconsistent-shares"],
    );
    assert.deepEqual(query(bed.data, "SELECT count(*) AS count FROM current_bills WHERE status = 'final'"), [
      { count: 11 },
    ]);
    const loads = query<{ meters: number }>(
      bed.data,
      "SELECT DISTINCT meters FROM feeder_loads WHERE status = 'final'",
    );
    assert.deepEqual(loads.map(({ meters }) => meters).sort(), [5, 6]);
  });
});
