/** Five aggregators over a real broker: sums that are wrong in every way, and shares that do not belong together. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import Database from "better-sqlite3";
import { decodeEntry, type EntryContent } from "../../protocol/log/index.ts";
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

function logged<T extends EntryContent["type"]>(data: string, type: T): Extract<EntryContent, { type: T }>[] {
  const rows = query<{ entry: Buffer }>(data, `SELECT entry FROM ledger_entries WHERE type = '${type}' ORDER BY idx`);
  return rows.map(({ entry }) => decodeEntry(entry).content as Extract<EntryContent, { type: T }>);
}

const DETECTIONS = "SELECT DISTINCT aggregator, code, verdict FROM detections ORDER BY aggregator, code";
const ROUNDS = "SELECT id FROM rounds WHERE content IS NOT NULL ORDER BY id";

describe("five aggregators", { concurrency: 1 }, () => {
  test("one lies in every round, each time in another way: all is exact, and it is named in each", async (t) => {
    const bed = await FleetBed.create(t, {
      set: FIVE,
      fleet: { entryOf: (name) => (name === "a-2" ? "tests/fleet/testing/lying-aggregator.ts" : undefined) },
    });
    await bed.fleet.start();
    await bed.fleet.run();
    const outcome = await bed.outcome();
    assert.deepEqual([outcome.complete, outcome.loadsExact], [true, true], JSON.stringify(outcome));
    const rounds = query<{ id: string }>(bed.data, ROUNDS).map(({ id }) => id);
    assert.ok(rounds.length >= 10, "every lie was told at least twice");
    const lies = logged(bed.data, "lie");
    assert.deepEqual([...new Set(lies.map(({ round }) => round))].sort(), rounds);
    // Of two answers the second may come when the round has finished without it: then the first one is a wrong sum.
    for (const { servers, code } of lies) {
      assert.deepEqual([servers, ["wrong-sums", "equivocation"].includes(code)], [["a-2"], true]);
    }
    const detections = query<{ aggregator: number; verdict: string }>(bed.data, DETECTIONS);
    assert.ok(detections.every(({ aggregator, verdict }) => aggregator === 2 && verdict === "liar"));
    const untested = "SELECT count(*) AS count FROM rounds WHERE content IS NOT NULL AND untested_meters IS NOT 0";
    assert.deepEqual(query(bed.data, untested), [{ count: 0 }]);
  });

  test("a meter of one feeder misleads one of them, two lie differently about the other: no honest one is named", async (t) => {
    const entries: Record<string, string> = {
      "a-2": "lying-about-feeder-aggregator.ts",
      "a-3": "misled-aggregator.ts",
      "a-4": "lying-about-feeder-aggregator.ts",
    };
    const bed = await FleetBed.create(t, {
      set: FIVE,
      fleet: { entryOf: (name) => entries[name] && `tests/fleet/testing/${entries[name]}` },
    });
    await bed.fleet.start();
    await bed.fleet.run();
    await bed.outcome({ patienceSeconds: 20 });
    assert.deepEqual(query(bed.data, DETECTIONS), [
      { aggregator: 3, code: "inconsistent-shares", verdict: "disputed" },
    ]);
    const lies = logged(bed.data, "lie");
    assert.ok(
      lies.length > 0 && lies.every(({ servers, code }) => servers.length === 0 && code === "inconsistent-shares"),
    );
    const bills = query<{ status: string; count: number }>(
      bed.data,
      "SELECT status, count(*) AS count FROM current_bills GROUP BY status ORDER BY status",
    );
    assert.deepEqual(bills, [
      { status: "final", count: 5 },
      { status: "inconsistent-shares", count: 1 },
      { status: "inconsistent-sums", count: 6 },
    ]);
    const loads = "SELECT DISTINCT feeder_id AS feeder, status, meters FROM feeder_loads WHERE energy_wh IS NOT NULL";
    assert.deepEqual(query(bed.data, loads), [{ feeder: "f-1", status: "final", meters: 5 }]);
    const failed = query<{ id: string; reason: string }>(
      bed.data,
      "SELECT id, reason FROM rounds WHERE state = 'failed' ORDER BY id",
    );
    assert.ok(failed.length > 0);
    for (const { id, reason } of failed) {
      assert.match(id, /-f-2-/);
      assert.match(
        reason,
        /^the sums of aggregators 1, 2, 3, 4, 5 contradict each other .*more of them answer wrongly/,
      );
    }
    assert.deepEqual(
      logged(bed.data, "failure")
        .map(({ round, code }) => [round, code])
        .sort(),
      failed.map(({ id }) => [id, "inconsistent-sums"]),
    );
  });
});
