import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "../../../../config/index.ts";
import { configSchema } from "../../../../config/schema.ts";
import { renewables as message } from "../../../../protocol/grid/index.ts";
import { operationPlan } from "../plan.ts";
import { releasedDay } from "../released-day.ts";
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
  assert.deepEqual([day.date, day.simulated, day.loads, day.slots.length], ["2025-06-21", true, "usual-day", 24]);
  const { pvShare, windShare, gridShare } = day.mix;
  assert.ok(pvShare > 0.02 && windShare >= 0 && Math.abs(pvShare + windShare + gridShare - 1) < 1e-9);
  assert.equal(day.slots[0]!.pvMw, 0, "midnight");
  assert.ok(Math.max(...day.slots.map(({ pvMw }) => pvMw)) <= 1.5);
  assert.equal(day.hosting.length, plan.grid.buses.length - 1);
  assert.ok(day.hosting.every(({ mw, limitedBy }) => mw > 0 && limitedBy !== ""));
  const bare = { ...plan, settings: { ...plan.settings, plants: [] } };
  assert.equal(renewables(bare, { time: 0, simulated: false }).mix.gridShare, 1);
});

const DAY = Date.parse("2025-06-20T00:00:00Z") / 1_000;
/** A kilowatt of each feeder in the first hour, two in the second, and so on. */
const rising = (start: number) =>
  Array.from({ length: 96 }, (_, i) => ({ slotStart: start + 900 * i, netWh: 250 * (1 + Math.floor(i / 4)) }));

test("the day is that of the released loads where feeders tell all of it", () => {
  const shares = { "f-1": [{ bus: 18, weight: 1 }], "f-2": [{ bus: 25, weight: 1 }] };
  const config = configSchema.parse({ grid: { enabled: true, shares, loadFactor: 100 } }) as Config;
  const plan = operationPlan(config, ["f-1", "f-2"]);
  const at = { time: DAY + 86_400 + 7_200, simulated: false };
  const all = rising(DAY);
  const told = (feeder: string, from: number, to: number) =>
    // Of today there is little, of yesterday all.
    [...(feeder === "f-2" ? all : rising(DAY)), { slotStart: DAY + 86_400, netWh: 9e9 }].filter(
      ({ slotStart }) => slotStart >= from && slotStart < to,
    );
  const released = releasedDay(plan, ["f-1", "f-2"], at.time, told);
  assert.equal(released?.date, "2025-06-20");
  assert.ok(
    released.mw.every((mw, hour) => Math.abs(mw - 2 * 0.1 * (hour + 1)) < 1e-9),
    released.mw.join(),
  );
  const day = message.parse(renewables(plan, at, released));
  assert.deepEqual([day.date, day.loads, day.simulated], ["2025-06-20", "released", true]);
  const usual = renewables(plan, { ...at, time: DAY });
  const own = plan.grid.buses.filter(({ id }) => id === 18 || id === 25).reduce((sum, { loadMw }) => sum + loadMw, 0);
  const whole = plan.grid.buses.reduce((sum, { loadMw }) => sum + loadMw, 0);
  for (const [hour, { loadMw }] of day.slots.entries()) {
    // The other buses keep their usual day.
    const others = usual.slots[hour]!.loadMw * (1 - own / whole);
    assert.ok(Math.abs(loadMw - others - released.mw[hour]!) < 1e-9, `${hour}: ${loadMw} MW`);
  }
  all.splice(40, 1);
  assert.equal(releasedDay(plan, ["f-1", "f-2"], at.time, told), undefined, "a slot is missing");
  assert.equal(releasedDay(plan, [], at.time, told), undefined);
  assert.equal(releasedDay({ ...plan, slotSeconds: 7_200 }, ["f-1"], at.time, told), undefined);
});
