/** Sums over scans say how much of the time they cover. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { GridHistoryRow } from "../../../../protocol/grid/index.ts";
import { GridStore } from "../store.ts";
import { statistics } from "./statistics.ts";

test("a pause of more than an hour is in no sum, and what is covered is told", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wv-statistics-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "grid.db");
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
