/** Days, baselines and features against values worked out by hand, on the days of clock changes as well. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { baselines, empiricalQuantiles } from "./baselines.ts";
import { localDays } from "./calendar.ts";
import { slotExamples } from "./examples.ts";
import { dayInputs, FEATURES } from "./features.ts";
import { loadTable, tabulate } from "./history.ts";
import { type LoadSeries, sumSeries } from "./series.ts";

const BERLIN = { slotSeconds: 900, timezone: "Europe/Berlin" };
/** Three slots a day keep hand-made tables small. */
const THIRDS = { slotSeconds: 28_800, timezone: "UTC" };

/** The slot of a UTC time. */
function slotOf(iso: string, slotSeconds = 900): number {
  return Date.parse(iso) / 1000 / slotSeconds;
}

function thirds(values: readonly number[]): LoadSeries {
  return { id: "x", firstSlot: slotOf("2025-01-06T00:00Z", THIRDS.slotSeconds), energyWh: Float64Array.from(values) };
}

test("a day has 96 slots, 92 when the clock goes forward and 100 when it goes back", () => {
  const spring = localDays(slotOf("2025-03-29T00:00+01:00"), slotOf("2025-03-31T12:00+02:00"), BERLIN);
  assert.deepEqual(
    spring.map(({ date, weekday, positions }) => [date, weekday, positions.length]),
    [
      ["2025-03-29", 6, 96],
      ["2025-03-30", 7, 92],
      ["2025-03-31", 1, 96],
    ],
  );
  // 01:45, and then 03:00.
  assert.deepEqual([...spring[1]!.positions.slice(6, 10)], [6, 7, 12, 13]);
  const autumn = localDays(slotOf("2025-10-26T00:00+02:00"), slotOf("2025-10-26T23:00+01:00"), BERLIN);
  assert.equal(autumn[0]!.positions.length, 100);
  // 02:45 summer time, and then 02:00 again.
  assert.deepEqual([...autumn[0]!.positions.slice(10, 14)], [10, 11, 8, 9]);
});

test("refuses zones that are none, slots that do not fill a day, and days that begin inside a slot", () => {
  assert.throws(() => localDays(0, 1, { slotSeconds: 900, timezone: "Mars/Base" }), /timezone: .*Mars\/Base/);
  assert.throws(() => localDays(0, 1, { slotSeconds: 1000, timezone: "UTC" }), /slotSeconds: .*1000/);
  assert.throws(() => localDays(0, 1, { slotSeconds: 3600, timezone: "Asia/Kolkata" }), /inside a slot/);
});

test("a skipped hour is bridged by a straight line, a repeated one is the mean of both", () => {
  const spring = localDays(slotOf("2025-03-30T00:00+01:00"), slotOf("2025-03-30T23:00+02:00"), BERLIN);
  const bridged = tabulate(
    spring[0]!.firstSlot,
    Float64Array.from({ length: 92 }, (_, i) => i * 5),
    spring,
    96,
  );
  // 35 at 01:45, then 40 at 03:00: four quarters between them.
  assert.deepEqual([...bridged.values.slice(7, 13)], [35, 36, 37, 38, 39, 40]);
  const autumn = localDays(slotOf("2025-10-26T00:00+02:00"), slotOf("2025-10-26T23:00+01:00"), BERLIN);
  const folded = tabulate(
    autumn[0]!.firstSlot,
    Float64Array.from({ length: 100 }, (_, i) => i),
    autumn,
    96,
  );
  assert.deepEqual([...folded.values.slice(7, 13)], [7, 10, 11, 12, 13, 16]);
});

test("each baseline is what its name says, by hand", () => {
  // Day d, position p: 10 d + p, but 1000 more on day 20, at position 2.
  const values = Array.from({ length: 29 * 3 }, (_, i) => 10 * Math.floor(i / 3) + (i % 3) + (i === 62 ? 1_000 : 0));
  const table = loadTable(thirds(values), THIRDS);
  const simple = baselines(table, 28);
  assert.deepEqual([...simple.yesterday], [270, 271, 272]);
  assert.deepEqual([...simple["last-week"]], [210, 211, 212]);
  assert.deepEqual([...simple["mean-14"]], [205, 206, 207 + 1_000 / 14]);
  // The outlier moves the middle from between days 20 and 21 to between 21 and 22.
  assert.deepEqual([...simple["median-14"]], [205, 206, 217]);
  // The last seven days: 240; days 21, 14, 7 and 0: 105.
  assert.deepEqual([...simple.blend], [172.5, 173.5, 174.5]);
  const [low, middle, high] = empiricalQuantiles(table, 28, [0, 0.5, 1]);
  assert.deepEqual([low, middle, high], [0, 135, 270]);
});

test("a gap is left out of means, never taken for zero", () => {
  const values = Array.from({ length: 29 * 3 }, () => 100);
  for (const day of [27, 21]) values[day * 3] = Number.NaN;
  const simple = baselines(loadTable(thirds(values), THIRDS), 28);
  assert.ok(Number.isNaN(simple.yesterday[0]) && Number.isNaN(simple["last-week"][0]));
  assert.deepEqual([simple["mean-14"][0], simple["median-14"][0], simple.blend[0]], [100, 100, 100]);
});

test("a feeder is the sum of its meters, and a gap where one of them is missing", () => {
  const one = { id: "a", firstSlot: 10, energyWh: Float64Array.of(1, 2, 3) };
  const two = { id: "b", firstSlot: 11, energyWh: Float64Array.of(10, Number.NaN, 30) };
  const { firstSlot, energyWh } = sumSeries("f", [one, two]);
  assert.equal(firstSlot, 10);
  assert.deepEqual([...energyWh], [Number.NaN, 12, Number.NaN, Number.NaN]);
  assert.throws(() => sumSeries("f", []), RangeError);
});

test("on clock changes a load that follows the clock is still forecast exactly", () => {
  for (const date of ["2025-03-30", "2025-03-31", "2025-10-26", "2025-10-27"]) {
    const end = slotOf(`${date}T23:45Z`);
    const days = localDays(end - 40 * 96, end, BERLIN);
    // A peak at 19:00 by the clock on the wall.
    const shape = (p: number): number => 100 + 400 * Math.exp(-(((p - 76) / 8) ** 2));
    const energies = days.flatMap(({ positions }) => [...positions].map(shape));
    const table = loadTable({ id: "x", firstSlot: days[0]!.firstSlot, energyWh: Float64Array.from(energies) }, BERLIN);
    const d = days.findIndex((day) => day.date === date);
    const day = days[d]!;
    const rows = slotExamples(day, dayInputs({ load: table }, d)!, [...day.positions].map(shape));
    assert.equal(rows.count, day.positions.length);
    for (let i = 0; i < rows.count; i += 1) {
      const [base, target] = [rows.features[i * FEATURES.length]!, rows.target[i]!];
      // Skipped quarters are bridged by a line, so within a thousandth at night.
      assert.ok(Math.abs(base - target) < 1e-3, `${date}, slot ${i}: ${base} for ${target}`);
    }
  }
});

test("needs two weeks before a day, and some reading at every clock position", () => {
  const table = loadTable(thirds(Array.from({ length: 29 * 3 }, () => 100)), THIRDS);
  assert.equal(dayInputs({ load: table }, 13), undefined);
  assert.ok(dayInputs({ load: table }, 14) !== undefined);
  const holes = loadTable(thirds(Array.from({ length: 29 * 3 }, (_, i) => (i % 3 === 1 ? Number.NaN : 100))), THIRDS);
  assert.equal(dayInputs({ load: holes }, 20), undefined);
});
