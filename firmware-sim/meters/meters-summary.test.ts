import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openDatabase } from "../../config/runtime/database.ts";
import { Outbox } from "../../hardware/agent/index.ts";
import { KINDS } from "../../protocol/units.ts";
import { lossesBetween, readLedger } from "./ledger.ts";
import { describeMeters, fatesOf, type MetersSummary, whatWentWrong } from "./meters-summary.ts";

const ROOT = mkdtempSync(join(tmpdir(), "wattveil-meters-summary-"));
after(() => rmSync(ROOT, { recursive: true, force: true }));

const GOOD: MetersSummary = {
  meters: 50,
  slots: 4,
  seconds: 4.02,
  readings: 1_188,
  exports: 12,
  carried: 0,
  settled: 1_188,
  lost: {},
  waiting: 0,
  shares: 3_564,
  messages: 3_564,
  readingsPerSecond: 41.1,
  bytesPerReading: 180,
  gaps: 0,
  missing: {},
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
  const gaps = whatWentWrong({ ...GOOD, gaps: 84, lost: { "not-yet-enrolled": 84 } });
  assert.match(
    gaps ?? "",
    /^there were gaps: 84 readings refused .*, as their meter was not enrolled yet at that time$/,
  );
  assert.match(whatWentWrong({ ...GOOD, absentAggregators: [2] }) ?? "", /^aggregator 2 did not answer: start/);
});

/** Three aggregators refuse these slots. */
function refuse(outbox: Outbox, number: number, from: number, to: number): void {
  for (const x of [1, 2, 3]) outbox.rememberGap(number, { kind: 1, from, to, reason: `closed:${x}` });
}

test("every reading is settled, lost or waiting: none counts twice, and those of earlier runs not at all", () => {
  const file = join(ROOT, "meters", "outbox.db");
  const database = openDatabase(file, { synchronous: "FULL" });
  const outbox = new Outbox(database);
  const { number } = outbox.boot("m-013");
  const other = outbox.boot("m-900").number;
  const take = (meter: number, firstSlot: number, count: number): void =>
    outbox.append(meter, { kind: KINDS.import, firstSlot, readings: Array.from({ length: count }, () => 1) }, () => {});
  // An earlier run: 10 to 12 refused, 13 on its way.
  take(number, 10, 3);
  take(number, 13, 1);
  outbox.rememberSettled(number, 12);
  refuse(outbox, number, 10, 13);
  outbox.flush();
  const meters = new Set(["m-013"]);
  const files = [file, join(ROOT, "nothing.db")];
  const before = readLedger(files, meters);
  assert.deepEqual([...before.carried], ["m-013/1/13"]);
  // This run: takes 14 to 23 and 25, misses 24; enrolled since 18; 22 and 23 are still on their way.
  take(number, 14, 10);
  take(number, 25, 1);
  take(other, 14, 10);
  refuse(outbox, number, 13, 18);
  refuse(outbox, number, 20, 21);
  refuse(outbox, other, 14, 24);
  outbox.rememberGap(number, { kind: KINDS.import, from: 24, to: 25, reason: "gap" });
  outbox.flush();
  const losses = lossesBetween(before, readLedger(files, meters), () => 18);
  assert.deepEqual(losses, { lost: { "not-yet-enrolled": 5, closed: 1 }, missing: { gap: 1 } });
  database.close();

  const fates = fatesOf({ readings: 11, carried: 1, ended: 10, ...losses });
  assert.deepEqual([fates.settled, fates.waiting, fates.gaps], [4, 2, 7]);
  assert.equal(fates.settled + fates.waiting + 6, 11 + 1);
});

test("one meter's readings of the day before its enrolment are gaps, and not settled", () => {
  const fates = fatesOf({ readings: 681, carried: 0, ended: 681, lost: { "not-yet-enrolled": 103 }, missing: {} });
  assert.deepEqual([fates.settled, fates.gaps, fates.waiting], [578, 103, 0]);
  const text = describeMeters({ ...GOOD, readings: 681, exports: 78, ...fates }, 900);
  assert.match(text, /settled +│ 578 of 681,/);
  assert.match(text, /gaps +│ 103 readings refused/);
});
