import assert from "node:assert/strict";
import { test } from "node:test";
import { APPLIANCES, modelAppliance, startSecond } from "./appliances.ts";
import { civilDate, dayFactor, dayKindOf, h0Watts, seasonOf } from "./h0.ts";

const dayNumber = (iso: string): number => Date.parse(`${iso}T00:00:00Z`) / 86_400_000;
const date = (iso: string): ReturnType<typeof civilDate> => civilDate(dayNumber(iso));

test("a year of the profile is 1000 kWh within half a per cent", () => {
  for (const year of [2023, 2024, 2025]) {
    let wattHours = 0;
    for (let day = dayNumber(`${year}-01-01`); day < dayNumber(`${year + 1}-01-01`); day += 1) {
      for (const watts of h0Watts(civilDate(day), false)) wattHours += watts / 4;
    }
    assert.ok(Math.abs(wattHours / 1e6 - 1) < 0.005, `${year}: ${wattHours}`);
  }
});

test("seasons change on the BDEW's dates", () => {
  const expected = [
    ["2025-03-20", "winter"],
    ["2025-03-21", "transition"],
    ["2025-05-14", "transition"],
    ["2025-05-15", "summer"],
    ["2025-09-14", "summer"],
    ["2025-09-15", "transition"],
    ["2025-10-31", "transition"],
    ["2025-11-01", "winter"],
  ] as const;
  for (const [iso, season] of expected) assert.equal(seasonOf(date(iso)), season, iso);
});

test("holidays are Sundays, and the last days of the year Saturdays unless they are Sundays", () => {
  assert.equal(dayKindOf(date("2025-06-18"), false), "workday");
  assert.equal(dayKindOf(date("2025-06-18"), true), "sunday");
  assert.equal(dayKindOf(date("2025-06-21"), false), "saturday");
  assert.equal(dayKindOf(date("2025-06-22"), false), "sunday");
  assert.equal(dayKindOf(date("2025-12-24"), false), "saturday");
  assert.equal(dayKindOf(date("2023-12-24"), false), "sunday");
});

test("the day factor is highest at New Year and lowest in summer", () => {
  assert.ok(Math.abs(dayFactor(1) - 1.242) < 0.001);
  const factors = Array.from({ length: 365 }, (_, i) => dayFactor(i + 1));
  const lowest = factors.indexOf(Math.min(...factors)) + 1;
  assert.ok(lowest > 170 && lowest < 230, `lowest on day ${lowest}`);
});

test("civil dates know weekday and day of the year, leap years and days before 1970 included", () => {
  assert.deepEqual(date("2024-12-31"), { year: 2024, month: 12, day: 31, weekday: 2, dayOfYear: 366 });
  assert.deepEqual(date("1969-12-31"), { year: 1969, month: 12, day: 31, weekday: 3, dayOfYear: 365 });
});

test("the appliances' expected load never exceeds the profile less the largest fridge", () => {
  const models = APPLIANCES.map(modelAppliance);
  for (let day = dayNumber("2024-01-01"); day < dayNumber("2025-01-01"); day += 1) {
    const profile = h0Watts(civilDate(day), false);
    const dayWh = profile.reduce((sum, watts) => sum + watts / 4, 0);
    for (const [quarter, watts] of profile.entries()) {
      const taken = models.reduce((sum, m) => sum + m.appliance.share * dayWh * (m.kernel[quarter] ?? 0) * 4, 0);
      assert.ok(watts - taken > (0.15 * 1e6) / 8760, `day ${day}, quarter ${quarter}: ${watts} - ${taken}`);
    }
  }
});

test("an appliance's expected load sums to its energy, and its starts fall into its windows", () => {
  for (const appliance of APPLIANCES) {
    const model = modelAppliance(appliance);
    const sum = model.kernel.reduce((total, part) => total + part, 0);
    assert.ok(Math.abs(sum - 1) < 1e-9, appliance.name);
    for (let u = 0; u < 1; u += 0.01) {
      const hour = startSecond(model.startCdf, u) / 3600;
      assert.ok(
        appliance.windows.some((window) => hour >= window.fromHour && hour <= window.toHour),
        `${appliance.name} starts at ${hour}`,
      );
    }
  }
});
