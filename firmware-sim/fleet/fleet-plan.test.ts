import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { loadConfig } from "../../config/index.ts";
import { expectedOf } from "./expected.ts";
import { daysOf, meterNames, planGenerated, planReplay, planUntil, spreadOverFeeders } from "./fleet-plan.ts";

const CONFIG = loadConfig({ profile: "demo", env: {} });

function withDays(days: number, start: string, period: "day" | "month" | "whole" = "day"): typeof CONFIG {
  return { ...CONFIG, simulation: { ...CONFIG.simulation, days, start }, billing: { ...CONFIG.billing, period } };
}

test("meters are named so that they sort, and spread over feeders as enrolment spreads them", () => {
  assert.deepEqual(meterNames(2), ["m-001", "m-002"]);
  assert.equal(meterNames(1500).at(-1), "m-1500");
  assert.deepEqual(
    spreadOverFeeders(["a", "b", "c"], 2).map(({ feeder }) => feeder),
    ["f-1", "f-2", "f-1"],
  );
});

test("a day on which clocks change has 92 or 100 slots", async () => {
  for (const [date, slots] of [
    ["2025-03-30", 92],
    ["2025-10-26", 100],
    ["2025-01-15", 96],
  ] as const) {
    const { range } = await planGenerated(withDays(1, date), undefined);
    assert.equal(range.to - range.from, slots, date);
  }
});

test("a further run begins where the last ended, with registers that count from the first day", async () => {
  const plan = await planGenerated(withDays(2, "2025-01-15"), { firstDate: "2025-01-15", nextDate: "2025-01-18" });
  assert.deepEqual(plan.dates, { from: "2025-01-18", to: "2025-01-20" });
  assert.equal(daysOf(plan.dates), 2);
  assert.equal(plan.source.range.from, plan.range.from - 3 * 96);
});

test("a file of readings with a wrong year is refused before anything is made", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wv-plan-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "readings.csv");
  writeFileSync(file, "meter,slot_start,energy_wh\nm-001,2025-01-15T00:00:00Z,1\nm-001,2052-01-15T00:15:00Z,1\n");
  await assert.rejects(planReplay(CONFIG, file), {
    name: "UsageError",
    message: `--readings ${file}: has readings from 2025-01-15 to 2052-01-15, 9862 days; expected at most 3660`,
  });
});

test("a run that is ended early is due the bills of its whole days, and the loads of its slots", async () => {
  const config = withDays(3, "2025-01-15");
  const plan = await planGenerated(config, undefined);
  assert.deepEqual(expectedOf(config, plan), { bills: 150, loads: 5 * 288 });
  const early = planUntil(plan, config, plan.range.from + 100);
  assert.deepEqual(early.dates, { from: "2025-01-15", to: "2025-01-17" });
  assert.deepEqual(expectedOf(config, early), { bills: 50, loads: 500 });
  const atMidnight = planUntil(plan, config, plan.range.from + 96);
  assert.deepEqual(expectedOf(config, atMidnight), { bills: 50, loads: 480 });
  assert.equal(planUntil(plan, config, plan.range.to), plan);
});

test("a bill for the whole run is due once, and a month only when it is over", async () => {
  const whole = withDays(3, "2025-01-15", "whole");
  const plan = await planGenerated(whole, undefined);
  assert.equal(expectedOf(whole, plan).bills, 50);
  assert.equal(expectedOf(whole, planUntil(plan, whole, plan.range.from + 96)).bills, 0);
  const month = withDays(40, "2025-01-20", "month");
  assert.equal(expectedOf(month, await planGenerated(month, undefined)).bills, 50);
  const short = withDays(10, "2025-01-15", "month");
  assert.equal(expectedOf(short, await planGenerated(short, undefined)).bills, 0);
});
