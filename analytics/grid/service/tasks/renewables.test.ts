import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "../../../../config/index.ts";
import { configSchema } from "../../../../config/schema.ts";
import { renewables as message } from "../../../../protocol/grid/index.ts";
import { operationPlan } from "../plan.ts";
import { renewables } from "./renewables.ts";

test("a day of the grid with sun and wind, marked as simulated, and what each bus could take", () => {
  const plants = [
    { kind: "pv", peakKw: 1_500 },
    { kind: "wind", ratedKw: 1_000 },
  ];
  const config = configSchema.parse({ grid: { enabled: true, plants } }) as Config;
  const plan = operationPlan(config, ["f-1"]);
  const day = renewables(plan, { time: Date.parse("2025-06-21T15:00:00Z") / 1_000, simulated: false });
  assert.deepEqual(message.parse(day), day);
  assert.deepEqual([day.date, day.simulated, day.slots.length], ["2025-06-21", true, 24]);
  const { pvShare, windShare, gridShare } = day.mix;
  assert.ok(pvShare > 0.02 && windShare >= 0 && Math.abs(pvShare + windShare + gridShare - 1) < 1e-9);
  assert.equal(day.slots[0]!.pvMw, 0, "midnight");
  assert.ok(Math.max(...day.slots.map(({ pvMw }) => pvMw)) <= 1.5);
  assert.equal(day.hosting.length, plan.grid.buses.length - 1);
  assert.ok(day.hosting.every(({ mw, limitedBy }) => mw > 0 && limitedBy !== ""));
  const bare = { ...plan, settings: { ...plan.settings, plants: [] } };
  assert.equal(renewables(bare, { time: 0, simulated: false }).mix.gridShare, 1);
});
