import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openDatabase } from "../../config/runtime/database.ts";
import { Outbox } from "../../hardware/agent/index.ts";
import { gapReasons } from "./gap-reasons.ts";
import { describeMeters, type MetersSummary, whatWentWrong } from "./meters-summary.ts";

const ROOT = mkdtempSync(join(tmpdir(), "wattveil-meters-summary-"));
after(() => rmSync(ROOT, { recursive: true, force: true }));

const GOOD: MetersSummary = {
  meters: 50,
  slots: 4,
  seconds: 4.02,
  readings: 1_188,
  exports: 12,
  settled: 1_188,
  shares: 3_564,
  messages: 3_564,
  readingsPerSecond: 41.1,
  bytesPerReading: 180,
  gaps: 0,
  gapReasons: {},
  refused: 0,
  absentAggregators: [],
  peakMemoryMiB: { "meters-1": 162, "meters-2": 170 },
};

test("the summary is in words: no names of fields, no JSON", () => {
  const text = describeMeters(GOOD, 900);
  assert.match(text, /1,188: 1,176 of import, 12 of export/);
  assert.match(text, /meters-1 162, meters-2 170/);
  assert.match(text, /gaps +│ none/);
  assert.doesNotMatch(text.replace("MiB", ""), /[a-z][A-Z]|[[\]{}"]/);
  assert.equal(whatWentWrong(GOOD), undefined);
});

test("a run that ends with 1 says why", () => {
  const gaps = whatWentWrong({ ...GOOD, gaps: 252, gapReasons: { closed: 84 } });
  assert.match(gaps ?? "", /^there were gaps: 84 readings refused by aggregators/);
  assert.match(whatWentWrong({ ...GOOD, absentAggregators: [2] }) ?? "", /^aggregator 2 did not answer: start/);
});

test("a reading that three aggregators refuse is one gap, and other slots do not count", () => {
  const file = join(ROOT, "meters", "outbox.db");
  const database = openDatabase(file, { synchronous: "FULL" });
  const outbox = new Outbox(database);
  const { number } = outbox.boot("m-001");
  for (const aggregator of [1, 2, 3]) {
    outbox.rememberGap(number, { kind: 1, from: 100, to: 103, reason: `closed:${aggregator}` });
    outbox.rememberGap(number, { kind: 1, from: 10, to: 20, reason: `closed:${aggregator}` });
  }
  outbox.rememberGap(number, { kind: 2, from: 101, to: 102, reason: "gap" });
  outbox.flush();
  assert.deepEqual(gapReasons([file, join(ROOT, "nothing.db")], 101, 110), { closed: 2, gap: 1 });
  database.close();
});
