import assert from "node:assert/strict";
import { test } from "node:test";
import { silentNotice, withoutNotice } from "./notices.ts";
import type { Outcome } from "./outcome.ts";
import { describeInterrupted, describeSummary } from "./report.ts";
import type { FleetSummary } from "./summary.ts";

const SUMMARY: FleetSummary = {
  meters: 20,
  slots: 96,
  readings: 5280,
  exports: 480,
  shares: 15_840,
  seconds: 2,
  readingsPerSecond: 2640,
  billsExact: true,
  feederLoadsExact: false,
  differences: [],
  bills: 20,
  feederLoads: 0,
  withheld: { "too-few-meters": 480 },
  held: ["f-1: 96 slots without a load"],
  waiting: null,
  refused: {},
  restarts: {},
  bytesPerReading: 180,
  peakMemoryMiB: {},
  ciphertexts: null,
  balances: null,
  data: "/data",
  interrupted: false,
};
const OUTCOME: Outcome = {
  complete: true,
  waiting: undefined,
  held: [],
  opened: undefined,
  balances: undefined,
  bills: 20,
  billsFinal: 20,
  billsExact: true,
  loads: 480,
  loadsFinal: 0,
  loadsExact: false,
  billsLeftOut: 0,
  loadsLeftOut: 0,
  billsDiffer: false,
  loadsDiffer: false,
  withheld: SUMMARY.withheld,
  differences: [],
};
const DUE = { bills: 20, loads: 480 };

test("what is withheld is not called wrong, and what is wrong is, each in its own row", () => {
  const withheld = describeSummary(SUMMARY, OUTCOME, DUE);
  assert.match(withheld, /bills +│ 20, exact to the watt-hour/);
  assert.match(withheld, /feeder loads +│ 0 final; 480 withheld +│/);
  assert.doesNotMatch(withheld, /NOT all/);
  assert.match(withheld, /002-release-rules\.md says what is held back/);
  const some = describeSummary({ ...SUMMARY, feederLoads: 96 }, OUTCOME, DUE);
  assert.match(some, /96 final; 384 withheld; what was released is exact to the watt-hour/);
  const wrong = describeSummary({ ...SUMMARY, billsExact: false }, { ...OUTCOME, billsDiffer: true }, DUE);
  assert.match(wrong, /bills +│ 20 final; NOT all as fed/);
  assert.match(wrong, /feeder loads +│ 0 final; 480 withheld +│/);
});

test("what could not be compared is told, and not called wrong", () => {
  const exact = { ...SUMMARY, feederLoads: 480, feederLoadsExact: true, withheld: {} };
  const left = describeSummary(exact, { ...OUTCOME, loadsExact: true, billsLeftOut: 2, loadsLeftOut: 60 }, DUE);
  assert.match(left, /bills +│ 20; 18 compared, exact to the watt-hour; 2 left out/);
  assert.match(left, /feeder loads +│ 480; 420 compared, exact to the watt-hour; 60 left out/);
  assert.match(left, /npm run meters has fed this folder readings that this run does not hold/);
  assert.doesNotMatch(left, /NOT all/);
  assert.doesNotMatch(describeSummary(exact, OUTCOME, DUE), /left out/i);
});

test("readings of import and of export are told apart, for a slot may have both", () => {
  assert.match(describeSummary(SUMMARY, OUTCOME, DUE), /of these +│ 4800 of import, 480 of export/);
});

test("an interrupted run says how far it came, and what a further one does", () => {
  const range = { from: 1000, to: 1096 };
  const early = describeInterrupted({ ...SUMMARY, slots: 12 }, undefined, { range }, DUE);
  assert.match(
    early,
    /^interrupted after 12 of 96 slots: nothing is compared; a further run .* takes the day up again$/,
  );
  const late = describeInterrupted(SUMMARY, { ...OUTCOME, bills: 3 }, { range }, DUE);
  assert.match(late, /results were awaited: 3 of 20 bills and 480 of 480 feeder loads were there/);
});

test("enrolled meters that a run leaves out are named, with what follows for feeder loads", () => {
  assert.equal(silentNotice([], 50), undefined);
  const notice = silentNotice(["m-021", "m-022", "m-050"], 50) ?? "";
  assert.match(
    notice,
    /^3 enrolled meters are not in this run and stay silent \(m-021 to m-050\).*a gap in the bill.*--meters 50 runs/,
  );
  assert.match(silentNotice(["m-021"], 21) ?? "", /^1 enrolled meter is not .* stays silent \(m-021\)/);
});

test("too few aggregators for a total are told before the run, enough are not", () => {
  const config = { system: { aggregators: 3, threshold: 2 } } as Parameters<typeof withoutNotice>[1];
  assert.equal(withoutNotice([3], config, 120), undefined);
  assert.equal(withoutNotice([3, 3], config, 120), undefined);
  const notice = withoutNotice([2, 3], config, 120) ?? "";
  assert.match(
    notice,
    /^1 of 3 aggregators runs, and 2 are needed.*waits 120 s for results, then ends with exit code 1/,
  );
});

test("a run with nothing new to feed says so, and what to look at next is named by its meter and its readings", () => {
  const repeated = { ...SUMMARY, readings: 0, exports: 0, shares: 36 };
  const text = describeSummary(repeated, OUTCOME, DUE, { isFed: true, meter: "m-001", readings: "/x/truth.csv" });
  assert.match(text, /readings +│ nothing new to feed/);
  assert.doesNotMatch(text, /36|per second|with --truth/);
  assert.match(text, /npm run bills -- --data \/data --meter m-001\n/);
  assert.match(text, /npm run bills -- verify --data \/data --readings \/x\/truth\.csv\n/);
  const without = describeSummary(SUMMARY, OUTCOME, DUE, { meter: "m-001" });
  assert.match(
    without,
    /bills -- verify --data \/data --readings truth\.csv\n +checks bills .* with --truth truth\.csv/,
  );
});
