/** `npm run audit`: reads an aggregator's database, says what the worst combination leaves, and fails where it is too little. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { recordRelease } from "../release/rules.ts";
import { History } from "../release/testing/history.ts";
import { billCells } from "../rounds/layout.ts";
import { temporaryFolder } from "../testing/system.ts";

const START = path.join(import.meta.dirname, "../../config/runtime/start.mjs");
const ENTRY = path.join(import.meta.dirname, "../audit-main.ts");

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function audit(data: string, ...more: readonly string[]): Promise<Outcome> {
  const set = ["--set", "release.minSlots=4", "--set", "release.minMeters=3"];
  try {
    const args = [START, ENTRY, "--id", "1", "--data", data, ...set, ...more];
    return { code: 0, ...(await promisify(execFile)(process.execPath, args)) };
  } catch (error) {
    return error as Outcome;
  }
}

test("tells what is left alone at worst, and which totals give it where that is too little", async (t) => {
  const data = temporaryFolder(t);
  const none = await audit(data);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /aggregator\.db does not exist: start the aggregator first/);

  const folder = path.join(data, "a-1");
  mkdirSync(folder);
  const history = new History(folder, { meters: 4, minMeters: 3, minSlots: 4, file: "aggregator.db" });
  assert.equal((await audit(data)).stdout, "nothing was released yet\n");
  assert.equal(history.ask(history.load([0, 12])), undefined);
  assert.equal(history.ask(history.bill([[0, 12]])), undefined);
  const good = await audit(data);
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stdout, /f-1 +│ import +│ +16 │ +48 │ +12 +│ +4 +│/);
  assert.match(good.stdout, /No combination of released totals leaves less than the limits/);
  const stranger = await audit(data, "--feeder", "f-9");
  assert.deepEqual([stranger.code, stranger.stderr.includes("nothing of f-9 was released; there are f-1")], [2, true]);

  // An aggregator that keeps no rules: the next loads lack a cell that the bills hold.
  const [load, bill] = [history.load([12, 24], (meter, slot) => meter !== 2 || slot !== 15), history.bill([[12, 24]])];
  for (const [position, set] of [load, bill].entries()) {
    const setId = Buffer.alloc(32, position);
    recordRelease(
      { set, numbers: [1, 2, 3, 4], cells: set.purpose === "billing" ? billCells(set) : [] },
      setId,
      history.context.store,
    );
  }
  const bad = await audit(data);
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /f-1 import: 1 slots of meter 3, the first 15, by -?1 x load 12 \+/);
  assert.match(bad.stdout, /2 combinations leave less than the release rules allow/);
  const report = JSON.parse((await audit(data, "--json")).stdout) as {
    leaks: number;
    feeders: { fewestSlotsOfMeter: { count: number; exact: boolean; cells: unknown[] } }[];
  };
  assert.equal(report.leaks, 1);
  const [{ fewestSlotsOfMeter }] = report.feeders as [(typeof report.feeders)[0]];
  assert.deepEqual([fewestSlotsOfMeter.count, fewestSlotsOfMeter.exact], [1, true]);
  assert.deepEqual(fewestSlotsOfMeter.cells, [{ meter: "meter 3", slot: 15 }]);
});
