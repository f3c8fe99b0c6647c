/** Sums over scans say how much of the time they cover. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { testPlace } from "../../../../config/runtime/testing/store-place.ts";
import type { GridHistoryRow } from "../../../../protocol/grid/index.ts";
import { GridStore } from "../store.ts";
import { statistics } from "./statistics.ts";

test("a pause of more than an hour is in no sum, and what is covered is told", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wv-statistics-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = testPlace(path.join(folder, "grid.db"));
  const store = new GridStore(file, "case33bw");
  for (const time of [0, 1_800, 3_600, 18_000, 19_800]) {
    const row = { time, status: "trusted", simulated: true, technicalMw: 0.1, deliveredMw: 2, efficiency: 0.95 };
    store.add(row as Omit<GridHistoryRow, "id">, time);
  }
  store.close();
  const { from, to, coveredSeconds, lostMwh, deliveredMwh } = statistics(file, "case33bw", {});
  assert.deepEqual([from, to, coveredSeconds], [0, 19_800, 5_400]);
  assert.ok(Math.abs(lostMwh - 0.15) < 1e-9 && Math.abs(deliveredMwh - 3) < 1e-9);
});

test("the newest load of each feeder; what is old goes, and of scans before yesterday one of a quarter of an hour stays", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wv-statistics-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const store = new GridStore(testPlace(path.join(folder, "grid.db")), "case33bw");
  t.after(() => store.close());
  const load = { energyWh: 10.5, netWh: -2.25 };
  for (const slotStart of [900, 1_800]) store.addLoad({ feeder: "f-1", slotStart, ...load, energyWh: slotStart }, 500);
  store.addLoad({ feeder: "f-2", slotStart: 900, ...load }, 90_000);
  assert.deepEqual(store.newestLoads(), [
    { feeder: "f-1", slotStart: 1_800, energyWh: 1_800, netWh: -2.25 },
    { feeder: "f-2", slotStart: 900, ...load },
  ]);
  for (const time of [0, 300.5, 899, 900, 1_300]) store.add({ time } as Omit<GridHistoryRow, "id">, time);
  assert.equal(store.forget(30, 86_400 * 2), 3);
  assert.deepEqual(
    store.history({ limit: 10 }).map(({ time }) => time),
    [0, 900],
  );
  assert.equal(store.forget(1, 86_400 + 600), 3);
  assert.deepEqual(
    store.newestLoads().map(({ feeder }) => feeder),
    ["f-2"],
  );
});
