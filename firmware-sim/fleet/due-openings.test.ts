import assert from "node:assert/strict";
import { test } from "node:test";
import { type Config, loadConfig } from "../../config/index.ts";
import { dueOpenings } from "./due-openings.ts";
import { type FleetPlan, planGenerated, planUntil } from "./fleet-plan.ts";

async function planned(set: Readonly<Record<string, unknown>>): Promise<{ config: Config; plan: FleetPlan }> {
  const flags = Object.entries({ "system.slotSeconds": 3600, ...set }).map(([path, value]) => ({
    ...{ name: "test", path, value },
  }));
  const config = loadConfig({ profile: "demo", env: {}, flags });
  return { config, plan: await planGenerated(config, undefined) };
}

const SMALL = { "simulation.meters": 10, "simulation.feeders": 2, "simulation.days": 2 };

test("each job is due for each group and each window of the run, under the key that analytics gives it", async () => {
  const { config, plan } = await planned(SMALL);
  const due = dueOpenings(config, plan);
  assert.deepEqual(
    due.map(({ circuit, label, window }) => `${circuit} ${label} ${window.date} ${window.slots}`),
    ["2025-01-15", "2025-01-16"].flatMap((date) => [
      `sum f-1 ${date} 24`,
      `sum f-2 ${date} 24`,
      `mean fleet ${date} 24`,
      `variance fleet ${date} 24`,
    ]),
  );
  assert.equal(due[0]?.key, `sum {} load f-1 ${plan.range.from}`);
  assert.deepEqual(due[3]?.feeders, ["f-1", "f-2"]);
});

test("nothing is due where nothing is encrypted, or of a day that is not over", async () => {
  const off = await planned({ ...SMALL, "homomorphic.enabled": false });
  assert.deepEqual(dueOpenings(off.config, off.plan), []);
  const { config, plan } = await planned(SMALL);
  const part = planUntil(plan, config, plan.range.from + 30);
  assert.deepEqual([...new Set(dueOpenings(config, part).map(({ window }) => window.date))], ["2025-01-15"]);
});

test("a feeder with too few meters, and one that a meter leaves in the window, have no results due", async () => {
  const few = await planned({ ...SMALL, "simulation.meters": 9, "simulation.days": 1 });
  assert.deepEqual(
    dueOpenings(few.config, few.plan).map(({ label }) => label),
    ["f-1"],
  );
  const { config, plan } = await planned({ ...SMALL, "simulation.meters": 12, "simulation.days": 1 });
  const noon = plan.range.from + 12;
  const { source } = plan;
  const moving: FleetPlan = {
    ...plan,
    source: {
      ...{ meters: source.meters, range: source.range, slotSeconds: source.slotSeconds },
      read: (index, slot) => source.read(index, slot),
      hasExport: (index) => source.hasExport(index),
      feederOf: (index, slot) => (index === 1 && slot >= noon ? "f-3" : source.feederOf(index, slot)),
    },
  };
  assert.deepEqual(
    dueOpenings(config, moving).map(({ label }) => label),
    ["f-1"],
  );
});

test("a window of several days is due when all of them were run, and jobs may skip windows", async () => {
  const days = { ...SMALL, "simulation.days": 9, "simulation.start": "2025-01-16", "homomorphic.windowDays": 4 };
  const { config, plan } = await planned(days);
  // Counted from 1 January 1970: 16 January 2025 is its day 20104, the first of four.
  assert.deepEqual(
    [...new Set(dueOpenings(config, plan).map(({ window }) => window.date))],
    ["2025-01-16", "2025-01-20"],
  );
  const jobs = [{ circuit: "sum", group: "fleet", series: "load", everyWindows: 2 }];
  const skipping = await planned({ ...days, "analytics.jobs": jobs });
  assert.equal(dueOpenings(skipping.config, skipping.plan).length, 1);
});
