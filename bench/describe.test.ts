import assert from "node:assert/strict";
import { test } from "node:test";
import {
  describeAggregatorBill,
  describeBilling,
  describeFleetBench,
  describeIntake,
  describeLiars,
} from "./describe.ts";
import { run as field } from "./field.ts";
import { duration, figure, figuresTable, listed } from "./words.ts";

const PHASE = { from: 0.032, to: 1.179, roundSeconds: 131.05 };

const TABLES = {
  fleet: describeFleetBench({
    meters: 2_000,
    slots: 24,
    enrolSeconds: 12.04,
    connectSeconds: 24.26,
    connectionsPerSecond: 82.4,
    feedSeconds: 5.5,
    settled: 51_300,
    peakTogetherMiB: 2_412,
    targetMiB: 4_096,
    peakMiB: { broker: 410, "a-1": 390 },
  }),
  billing: describeBilling({
    meters: 1_000,
    slots: 2_976,
    feeders: 20,
    loadsBefore: true,
    freshProcesses: false,
    loadSeconds: 12.49,
    billSeconds: 2.027,
    targetSeconds: 2,
    billCpuSeconds: { broker: 0.13, utility: 1.14 },
    billCpuSecondsInAll: 1.27,
    phaseSeconds: { "set to endorsed": PHASE },
  }),
  intake: describeIntake({
    messages: 60_000,
    slots: 60_000,
    acks: 300,
    wallSeconds: 0.61,
    messagesPerSecond: 98_360.7,
    cpuMicrosecondsPerMessage: 10.25,
    coreShareAt15000: 0.154,
  }),
  liars: describeLiars({
    meters: 1_000,
    slots: 96,
    rounds: 12,
    plain: { wallSeconds: 1.7213, cpuSeconds: 0.5451 },
    lied: { wallSeconds: 2.0379, cpuSeconds: 0.595 },
    ratio: 1.184,
    cpuRatio: 1.0915,
    targetRatio: 2,
  }),
  bill: describeAggregatorBill({
    meters: 1_000,
    slots: 2_976,
    manifestSeconds: 0.2,
    endorseSeconds: 0.3,
    sumsSeconds: 0.4,
    totalSeconds: 0.9,
    cpuSeconds: 0.8,
  }),
};

for (const [name, text] of Object.entries(TABLES)) {
  test(`the table of ${name} is in words, without names of fields, JSON or colours`, () => {
    const words = text.replaceAll(/MiB|TLS/g, "");
    assert.doesNotMatch(words, /[a-z][A-Z]|[{}"[\]]/);
    assert.ok(!text.includes("\u001b"));
    assert.doesNotMatch(words, /\d\.\d{3}/, "nothing is more exact than it was measured");
  });
}

test("durations name their unit, and say whether a target was met", () => {
  assert.deepEqual([0.0042, 0.35, 2.0276, 24.26, 131.05, 3_599.7].map(duration), [
    "4.2 ms",
    "350 ms",
    "2.03 s",
    "24.3 s",
    "2 min 11 s",
    "60 min 0 s",
  ]);
  assert.match(TABLES.billing, /at most 2\.00 s: missed/);
  assert.match(TABLES.liars, /1\.18; of processor time 1\.09/);
  assert.match(TABLES.liars, /below 2: met/);
  assert.match(TABLES.fleet, /at most 4,096 MiB: met/);
  assert.match(TABLES.billing, /set to endorsed +│ from 32 ms to 1\.18 s; 2 min 11 s in all rounds together/);
  assert.equal(figure(1_234.56, 1), "1,234.6");
  assert.equal(listed({}), "none");
});

test("figures stand right under their titles", () => {
  const text = figuresTable(
    ["what", "per second"],
    [
      ["a", "1,000"],
      ["b", 20],
    ],
  );
  assert.match(text, /│ a +│ {6}1,000 │/);
  assert.match(text, /│ b +│ {9}20 │/);
});

test("the benchmark of the field prints no colours", async (t) => {
  let printed = "";
  t.mock.method(process.stdout, "write", (text: string) => {
    printed += text;
    return true;
  });
  await field({ json: false, quick: true });
  t.mock.restoreAll();
  assert.match(printed, /plain BigInt/);
  assert.ok(!printed.includes("\u001b"));
});
