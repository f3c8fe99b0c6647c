/** Forecasts of simulated homes: nothing of the future is seen, models earn their keep, and the command does as it says. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  type Evaluation,
  evaluate,
  type Fit,
  type RollingOptions,
  rowsBefore,
} from "../../analytics/forecast/rolling.ts";
import { forecastDay } from "../../analytics/forecast/predict.ts";
import { readFleet } from "../../analytics/forecast/readings.ts";
import { centralTraining } from "../../analytics/forecast/training.ts";
import { PointErrors, QuantileErrors, skill } from "../../analytics/forecast/metrics.ts";
import { meterNames, spreadOverFeeders } from "../../firmware-sim/fleet/fleet-plan.ts";
import { LoadGenerator } from "../../firmware-sim/loads/index.ts";
import {
  type Examples,
  LinearModel,
  type LoadSeries,
  MEDIAN,
  NETWORK_SHAPE,
  NetworkModel,
  openBackend,
  prepare,
  readWeather,
  sumSeries,
} from "../../learning/index.ts";

const ROOT = join(import.meta.dirname, "../..");
const BERLIN = { slotSeconds: 900, timezone: "Europe/Berlin" };
const FIRST_SLOT = Date.parse("2025-02-01T00:00+01:00") / 900_000;
/** The clock goes forward within: 30 March. */
const DAYS = 63;
const ROLLING: RollingOptions = { ...BERLIN, testDays: 14, refitDays: 7, mostRows: 40_000, seed: 1 };

/** The feeder of so many simulated homes. */
function feeder(homes: number, seed: number): LoadSeries {
  const range = { from: FIRST_SLOT, to: FIRST_SLOT + DAYS * 96 - 4 };
  const source = new LoadGenerator({ seed, meters: spreadOverFeeders(meterNames(homes), 1), range, ...BERLIN });
  const energyWh = new Float64Array(range.to - range.from);
  for (let home = 0; home < homes; home += 1) {
    for (const slot of energyWh.keys()) energyWh[slot]! += source.read(home, range.from + slot)!.importWh;
  }
  return { id: "f-1", firstSlot: range.from, energyWh };
}

const twenty = feeder(20, 71);

function folder(t: { after: (work: () => void) => void }): string {
  const made = mkdtempSync(join(tmpdir(), "wattveil-forecast-"));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(NODE_TEST_|WV_|npm_)/.test(key)));
  return new Promise((resolve) => {
    execFile(process.execPath, ["config/runtime/start.mjs", ...args], { cwd: ROOT, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

test("a changed future changes no forecast before it, and no row that was learned from", async () => {
  /** What the model was trained on and what it forecast, in turn. */
  const watch = async (series: LoadSeries, degrees: Float64Array): Promise<Float32Array[]> => {
    const seen: Float32Array[] = [];
    const model = new LinearModel(MEDIAN);
    const predict = model.predict.bind(model);
    model.predict = (rows: Examples) => {
      const forecast = predict(rows);
      seen.push(rows.features, forecast);
      return forecast;
    };
    const fit: Fit = (_, rows) => {
      seen.push(rows.features, rows.target);
      model.fit(rows, 0.01);
      return Promise.resolve();
    };
    const prepared = [prepare(series, { firstSlot: series.firstSlot, temperatureC: degrees }, BERLIN)];
    await evaluate(prepared, model, fit, { ...ROLLING, testDays: 6, refitDays: 2, mostRows: 2_000 });
    return seen;
  };
  const degrees = Float64Array.from(twenty.energyWh, (_, i) => 5 + Math.sin(i / 300) * 8);
  // From the fourth of the six days that are forecast on; its temperature is known, as a forecast, that of the next is not.
  const cut = (DAYS - 3) * 96;
  const other = {
    ...twenty,
    energyWh: twenty.energyWh.map((value, i) => (i >= cut - 4 ? (value * 7) % 5_000 : value)),
  };
  const warmer = degrees.map((value, i) => (i >= cut - 4 + 96 ? value + 9 : value));
  const [before, after] = [await watch(twenty, degrees), await watch(other, warmer)];
  assert.equal(before.length, after.length);
  // Two entries a fit, two a forecast: fit, day 1, day 2, fit, day 3, day 4.
  for (let i = 0; i < 12; i += 1) assert.deepEqual(before[i], after[i], `entry ${i}`);
  assert.notDeepEqual(before.at(-1), after.at(-1));
});

test("the linear model beats the best baseline on a feeder of twenty homes, and its quantiles hold what they say", async () => {
  const model = new LinearModel([0.1, 0.5, 0.9]);
  const result: Evaluation = await evaluate([prepare(twenty, undefined, BERLIN)], model, centralTraining({ seed: 1 }), {
    ...ROLLING,
    refitDays: 14,
  });
  assert.equal(result.days, 14);
  // 92 slots on the day on which the clock goes forward.
  assert.equal(result.model.slots + result.gaps, 14 * 96 - 4);
  assert.ok(result.skill > 0.02, `skill ${result.skill} against ${result.best}`);
  const [low, middle, high] = result.model.coverage!;
  for (const [share, nominal] of [
    [low!, 0.1],
    [middle!, 0.5],
    [high!, 0.9],
  ] as const) {
    assert.ok(Math.abs(share - nominal) < 0.1, `${share} below the quantile ${nominal}`);
  }
  assert.ok(result.model.pinballWh! < result.empirical!.pinballWh);
});

test("networks trained on some homes forecast others better than untrained", async () => {
  const backend = await openBackend();
  const others = prepare(feeder(10, 72), undefined, BERLIN);
  const rows = rowsBefore([prepare(twenty, undefined, BERLIN)], "9999-12-31", { mostRows: 1_500, seed: 1 });
  for (const kind of ["dense", "gru"] as const) {
    const model = new NetworkModel(backend, kind, MEDIAN, NETWORK_SHAPE);
    const error = async (): Promise<number> =>
      (await evaluate([others], model, () => Promise.resolve(), ROLLING)).model.maeWh;
    const untrained = await error();
    await centralTraining({ seed: 1, epochs: 4 })(model, rows, true);
    const trained = await error();
    assert.ok(trained < 0.99 * untrained, `${kind}: ${trained} after ${untrained}`);
    model.dispose();
  }
});

test("the day that is forecast has the slots that the clock gives it", () => {
  const model = new LinearModel(MEDIAN);
  const on = (date: string) => forecastDay(model, twenty, undefined, { ...BERLIN, date });
  assert.equal(on("2025-03-29").slots.length, 96);
  const spring = on("2025-03-30");
  assert.equal(spring.slots.length, 92);
  assert.equal(spring.slots[0]!.slotStart, Date.parse("2025-03-30T00:00+01:00") / 1000);
  assert.equal(spring.slots[91]!.slotStart, Date.parse("2025-03-30T23:45+02:00") / 1000);
  assert.equal(on("2025-02-05").slots.length, 0);
  assert.equal(forecastDay(model, twenty, undefined, BERLIN).date, "2025-04-05");
});

test("errors are worked out as their names say, and percentages of next to nothing are left out", () => {
  const errors = new PointErrors();
  for (const [actual, forecast] of [
    [100, 110],
    [200, 170],
    [300, 300],
  ] as const)
    errors.add(actual, forecast);
  const { maeWh, rmseWh, relative, mape } = errors.metrics();
  assert.deepEqual([maeWh, relative], [40 / 3, 40 / 600]);
  assert.ok(Math.abs(rmseWh - Math.sqrt(1_000 / 3)) < 1e-12 && Math.abs(mape! - 0.25 / 3) < 1e-12);
  errors.add(1, 5);
  assert.equal(errors.metrics().mape, undefined);
  const quantiles = new QuantileErrors([0.1, 0.9]);
  quantiles.add(10, [0, 20]);
  quantiles.add(30, [0, 20]);
  // 0.1 * 10 + 0.1 * 10, and 0.1 * 30 + 0.9 * 10.
  assert.deepEqual(quantiles.metrics(), { pinballWh: 14 / 4, coverage: [0, 0.5], inside: 0.5 });
  assert.equal(skill(80, 100), 1 - 0.8);
});

test("files that cannot be used are refused by line and column", async (t) => {
  const made = folder(t);
  const file = join(made, "x.csv");
  const head = "meter,slot_start,energy_wh\n";
  const readings: [text: string, message: RegExp][] = [
    [`${head}m-1,900,5\nm-1,1800,-3\n`, /x\.csv, line 3: energy_wh: expected whole watt-hours, got -3/],
    [`${head}m-1,901,5\n`, /line 2: slot_start: expected Unix seconds/],
    [`${head}m-1,900,5\nm-1,900,6\n`, /meter m-1 has two values of energy_wh for slot_start 1970-01-01T00:15/],
    [`${head},900,5\n`, /line 2: meter: expected the name/],
    [`${head}m-1,900\n`, /line 2: expected 3 fields, got 2/],
    [`${head}m-1,900,\n`, /energy_wh of meter m-1 is empty in every row/],
    [`${head}m-1,900,5\nm-1,99900000000,5\n`, /meter m-1 goes from 1970-01-01 to 5135-.*is a date wrong/],
    ["meter;slot_start;energy_wh\n", /separated by semicolons/],
    ["meter,slot_start,power\n", /column power is unknown/],
    [head, /has no readings/],
    ["", /is empty/],
  ];
  for (const [text, message] of readings) {
    writeFileSync(file, text);
    await assert.rejects(readFleet(file, { slotSeconds: 900 }), message);
  }
  const weather: [text: string, message: RegExp][] = [
    ["slot_start,celsius\n", /line 1: expected the columns slot_start,temperature_c/],
    ["slot_start,temperature_c\n900,warm\n", /line 2: temperature_c: expected -90 to 70, got warm/],
    ["slot_start,temperature_c\n900,1\n900,2\n", /line 3: slot_start: 900 is there twice/],
    ["slot_start,temperature_c\n", /has no temperatures/],
  ];
  for (const [text, message] of weather) {
    writeFileSync(file, text);
    await assert.rejects(readWeather(file, 900), message);
  }
  writeFileSync(file, `${head}b,1800,5\na,900,1\na,2700,3\n`);
  const { meters, feeders } = await readFleet(file, { slotSeconds: 900 });
  assert.deepEqual(feeders, new Map([["all", ["a", "b"]]]));
  assert.deepEqual(
    meters.map(({ id, firstSlot, energyWh }) => [id, firstSlot, ...energyWh]),
    [
      ["a", 1, 1, Number.NaN, 3],
      ["b", 2, 5],
    ],
  );
  assert.deepEqual([...sumSeries("all", meters).energyWh], [Number.NaN, Number.NaN, Number.NaN]);
});

test("the commands write readings, evaluate, save, and forecast the next day as the evaluated model does", async (t) => {
  const made = folder(t);
  const [readings, weather, saved] = ["r.csv", "w.csv", "model"].map((name) => join(made, name)) as [
    string,
    string,
    string,
  ];
  const settings = ["--homes", "6", "--feeders", "2", "--days", "36", "--start", "2025-02-20", "--seed", "3", "--json"];
  const loads = await run("firmware-sim/loads-main.ts", "--out", readings, "--weather", weather, ...settings);
  assert.equal(loads.code, 0, loads.stderr);
  assert.equal((JSON.parse(loads.stdout) as { simulated: boolean }).simulated, true);
  assert.equal(readFileSync(readings, "utf8").split("\n").length, 2 + 6 * 36 * 96);
  const files = ["--readings", readings, "--weather", weather, "--feeder", "f-1", "--json"];
  const evaluated = await run("analytics/forecast-main.ts", ...files, "--test-days", "8", "--save", saved);
  assert.equal(evaluated.code, 0, evaluated.stderr);
  const report = JSON.parse(evaluated.stdout) as Evaluation & { parameterCount: number; target: string };
  assert.equal(report.target, "feeder f-1 (sum of 3 meters)");
  assert.equal(report.parameterCount, 33);
  assert.deepEqual(Object.keys(report.baselines), ["yesterday", "last-week", "mean-14", "median-14", "blend"]);
  assert.equal(report.model.slots, 8 * 96);
  const predicted = await run("analytics/forecast-main.ts", "predict", "--model-dir", saved, ...files);
  assert.equal(predicted.code, 0, predicted.stderr);
  const { forecasts } = JSON.parse(predicted.stdout) as {
    forecasts: { date: string; slots: { energyWh: number }[] }[];
  };
  assert.equal(forecasts[0]!.date, "2025-03-28");
  assert.equal(forecasts[0]!.slots.length, 96);
  const mean = forecasts[0]!.slots.reduce((sum, { energyWh }) => sum + energyWh, 0) / 96;
  const usual = report.model.maeWh / report.model.relative;
  assert.ok(mean > usual / 2 && mean < usual * 2, `${mean} Wh per slot where ${usual} is usual`);
});
