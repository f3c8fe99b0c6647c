/** A made-up feeder grid of 1,000 nodes in operation, with broker and analytics as processes: a state for each scan, in its time. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { generateRadial, writeMatpower } from "../../analytics/grid/index.ts";
import { TOPICS } from "../../protocol/topics.ts";
import { operatedGrid } from "./testing/operated-grid.ts";

const NODES = 1_000;
const SCAN_SECONDS = 5;
const SCANS = 4;

test("a grid of 1,000 nodes has a state for each scan, within its interval and its topic", {
  timeout: 300_000,
}, async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "wattveil-large-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, "radial.m");
  await writeFile(file, writeMatpower(generateRadial({ nodes: NODES, seed: 1 }), "made up"));
  const grid = await operatedGrid(t, { case: file, scanSeconds: SCAN_SECONDS });
  await grid.operate();
  const seconds: number[] = [];
  let bytes = 0;
  for (let sequence = 1; sequence <= SCANS; sequence++) {
    const { state, bytes: own } = await grid.until(() => true);
    assert.equal(state.sequence, sequence, "no scan is passed over");
    assert.equal(state.buses.vmPu.length, NODES);
    assert.ok(state.status === "trusted" || state.status === "suspect", state.status);
    assert.ok(state.totals.efficiency > 0.9 && state.totals.leastVoltagePu > 0.9, JSON.stringify(state.totals));
    bytes = Math.max(bytes, own);
    // The first is waited for by the thread that has to start.
    if (sequence > 1) seconds.push(state.publishedAt - state.time);
  }
  t.diagnostic(`from samples to state, s: ${seconds.map((one) => one.toFixed(2)).join(", ")}; ${bytes} bytes`);
  assert.ok(Math.max(...seconds) < SCAN_SECONDS, seconds.join());
  assert.ok(bytes < TOPICS.grid.maxBytes);
});
