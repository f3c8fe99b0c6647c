/** Weather, mixes, forecasts and hosting: sums add up, unseen days are forecast better than by yesterday, limits hold. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bundledGrid, generateRadial, powerFlow, violationsOf } from "../grid/index.ts";
import {
  capacityByBus,
  evaluateForecast,
  HostingGrid,
  mixOf,
  outputOf,
  parseWeather,
  percentile,
  type Plant,
  PlantForecaster,
  randomCapacity,
  renewableDay,
  simulateWeather,
  summed,
  sunAt,
  uniformCapacity,
  usualLoad,
  weatherCsv,
} from "./index.ts";

const VIENNA = { latitudeDeg: 48.2, longitudeDeg: 16.4 };
const JUNE = Date.UTC(2025, 5, 1) / 1_000;
const PV: Plant = { kind: "pv", peakKw: 100, tiltDeg: 30, azimuthDeg: 180 };
const WIND: Plant = { kind: "wind", ratedKw: 2_000, hubM: 100 };

test("made-up weather repeats by its seed, travels as CSV, and its forecast knows it in part", () => {
  const plan = { ...VIENNA, seed: 3, days: 60, start: JUNE };
  const { actual, forecast } = simulateWeather(plan);
  assert.deepEqual(simulateWeather(plan), { actual, forecast });
  assert.notDeepEqual(simulateWeather({ ...plan, seed: 4 }).actual, actual);
  const read = parseWeather(weatherCsv(actual), "w.csv");
  assert.equal(read.moments.length, 60 * 24);
  assert.ok(read.moments.every(({ windMps }, slot) => Math.abs(windMps - actual.moments[slot]!.windMps) <= 0.005));
  for (const field of ["cloud", "windMps", "temperatureC"] as const) {
    const [a, b] = [actual, forecast].map(({ moments }) => moments.map((moment) => moment[field]));
    const correlation = correlationOf(a!, b!);
    assert.ok(correlation > 0.5 && correlation < 0.97, `${field}: ${correlation}`);
  }
  const mean = actual.moments.reduce((sum, { windMps }) => sum + windMps, 0) / actual.moments.length;
  assert.ok(mean > 3.5 && mean < 6.5, `${mean} m/s`);
});

function correlationOf(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  const product = mean(a.map((value, i) => (value - meanA) * (b[i]! - meanB)));
  return (
    product / Math.sqrt(mean(a.map((value) => (value - meanA) ** 2)) * mean(b.map((value) => (value - meanB) ** 2)))
  );
}

test("a file that is no weather is refused by line and column", () => {
  const head = "slot_start,temperature_c,cloud_cover,wind_mps";
  const cases: [string, RegExp][] = [
    ["time,temp\n1,2\n", /w\.csv, line 1: expected the columns slot_start,/],
    [`${head}\n0,10,0,1\n`, /w\.csv: expected two rows or more, got 1/],
    [`${head}\n0,10,0,1\n3600,10,2,1\n`, /w\.csv, line 3: cloud_cover: expected 0 to 1, got 2/],
    [`${head}\n0,10,0,1\n3600,10,,1\n`, /w\.csv, line 3: cloud_cover: expected 0 to 1, got $/],
    [
      `${head}\n0,10,0,1\n3600,10,0,1\n9000,10,0,1\n`,
      /line 4: slot_start: expected 7200, slots evenly apart; got 9000/,
    ],
    [`${head}\n0,10,0,1\n0,10,0,1\n`, /line 3: slot_start: expected 1, slots evenly apart; got 0/],
    [`${head}\n0,10,0\n3600,10,0,1\n`, /line 2: expected 4 fields, got 3/],
  ];
  for (const [text, message] of cases) assert.throws(() => parseWeather(text, "w.csv"), message);
  assert.equal(parseWeather(`${head}\n0,10,0,1\n3600,10,0,1\n`, "w.csv").moments[1]!.pressureHpa, 1_013.25);
});

test("a mix adds up in every slot and in its sums; there is no sun at night", () => {
  const { actual: weather } = simulateWeather({ ...VIENNA, seed: 1, days: 7, start: JUNE });
  const loadKw = usualLoad(500, weather, VIENNA);
  const slots = mixOf({ ...VIENNA, plants: [{ ...PV, peakKw: 800 }, WIND], weather, loadKw });
  for (const [slot, mix] of slots.entries()) {
    const { loadKwh, pvKwh, windKwh, importKwh, exportKwh, coverage } = mix;
    assert.ok(Math.abs(pvKwh + windKwh + importKwh - loadKwh - exportKwh) < 1e-9);
    assert.ok(importKwh === 0 || exportKwh === 0);
    assert.ok(coverage >= 0 && coverage <= 1);
    const dark = sunAt(weather.start + (slot + 0.5) * 3_600, VIENNA).cosZenith <= 0;
    assert.equal(pvKwh === 0, dark);
  }
  const days = summed(slots, 24);
  const [all] = summed(slots, slots.length);
  assert.equal(days.length, 7);
  assert.ok(Math.abs(days.reduce((sum, { pvKwh }) => sum + pvKwh, 0) - all!.pvKwh) < 1e-6);
  assert.throws(
    () => mixOf({ ...VIENNA, plants: [PV], weather, loadKw: new Float64Array(3) }),
    /expected 168 slots, got 3/,
  );
});

test("the day ahead beats yesterday on weather that nothing was fitted on; nobody beats knowing the weather", () => {
  for (const [plant, least] of [
    [PV, 0.3],
    [WIND, 0.25],
  ] as const) {
    const rows = evaluateForecast({ ...VIENNA, plant, seeds: [21, 22], trainingDays: 30, days: 14 });
    const of = (name: string) => rows.find(({ forecast }) => forecast === name)!;
    assert.equal(of("persistence").skill, 0);
    assert.ok(of("fitted").skill > least, `${plant.kind}: ${of("fitted").skill}`);
    assert.ok(of("fitted").rmsePercent < of("physical").rmsePercent, "fitting mends what the papers do not say");
    for (const name of ["fitted", "physical", "climate"]) {
      assert.ok(of("perfect weather").maePercent < of(name).maePercent, name);
    }
  }
});

test("a fit sees only what is known by then, and forecasts stay within the plant", () => {
  const { actual, forecast } = simulateWeather({ ...VIENNA, seed: 5, days: 10, start: JUNE });
  const gave = outputOf(PV, actual, VIENNA);
  const forecaster = new PlantForecaster(PV, VIENNA);
  const known = { forecast, gaveKw: gave.subarray(0, 9 * 24) };
  forecaster.fit(known);
  const said = forecaster.predict(known);
  assert.equal(said.length, 24);
  assert.ok(
    said.every((kw, slot) => kw >= 0 && kw <= 100 && (kw === 0) === (outputOf(PV, actual, VIENNA)[216 + slot] === 0)),
  );
  const other = new PlantForecaster(PV, VIENNA);
  other.fit({
    forecast,
    gaveKw: Float64Array.from(gave)
      .fill(99, 9 * 24)
      .subarray(0, 9 * 24),
  });
  assert.deepEqual(other.weights, forecaster.weights);
  assert.throws(
    () => forecaster.fit({ forecast, gaveKw: gave.subarray(0, 24) }),
    /expected three days or more \(72 slots\), got 24/,
  );
});

test("a capacity keeps every limit, and one step more breaks the one that it names", () => {
  const rated = generateRadial({ nodes: 24, seed: 2, ties: 3 });
  for (const request of [
    { grid: bundledGrid("case33bw"), vMaxPu: 1.05, stepKw: 10 },
    { grid: rated, stepKw: 5 },
  ]) {
    const hosting = new HostingGrid(request);
    const kinds = new Set<string>();
    const found = capacityByBus(hosting).filter((_, k) => k % 3 === 0);
    for (const { bus, kw, limit } of found) {
      kinds.add(limit.kind);
      if (limit.kind === "none") continue;
      assert.ok(kw > 0 && kw % request.stepKw === 0);
      for (const [more, breaks] of [
        [0, false],
        [request.stepKw, true],
      ] as const) {
        const { grid } = hosting;
        const buses = grid.buses.map((one) =>
          one.id === bus ? { ...one, loadMw: one.loadMw - (kw + more) / 1_000 } : one,
        );
        const changed = { ...grid, buses };
        const result = powerFlow(changed);
        const { voltages, overloads } = violationsOf(changed, result);
        const high = voltages.filter(({ vmPu, limitPu }) => vmPu > limitPu);
        assert.equal(high.length + overloads.length > 0, breaks, `bus ${bus}, ${kw + more} kW`);
        if (!breaks) continue;
        const named = limit.kind === "voltage" ? high.map((one) => one.bus) : overloads.map(({ branch }) => branch);
        assert.ok(named.includes(limit.element));
      }
    }
    assert.ok(kinds.has(request.grid === rated ? "loading" : "voltage"), [...kinds].join());
  }
});

test("capacity falls with the load that stands against it, and is spread over rollouts by seed", () => {
  const grid = bundledGrid("case33bw");
  const at = (loadScale: number) => uniformCapacity(new HostingGrid({ grid, vMaxPu: 1.05, loadScale, stepKw: 10 }));
  const [dark, usual, full] = [0, 0.4, 1].map((scale) => at(scale).kw);
  assert.ok(dark! < usual! && usual! < full!, `${dark} ${usual} ${full}`);
  const hosting = new HostingGrid({ grid, vMaxPu: 1.05 });
  const found = randomCapacity(hosting, { count: 20, seed: 1, largestKw: 200 });
  assert.deepEqual(randomCapacity(hosting, { count: 20, seed: 1, largestKw: 200 }), found);
  assert.ok(found.kw.every((kw, i) => i === 0 || kw >= found.kw[i - 1]!));
  assert.equal(found.limits.voltage, 20);
  assert.ok(percentile(found, 5) < percentile(found, 50) && percentile(found, 50) < percentile(found, 95));
  // Spread evenly a feeder takes more than where chance puts it, and no less than its worst bus alone.
  assert.ok(percentile(found, 50) < usual!);
  assert.ok(found.kw[0]! >= Math.min(...capacityByBus(hosting).map(({ kw }) => kw)));
  assert.equal(uniformCapacity(new HostingGrid({ grid, vMaxPu: 0.95 })).kw, 0);
  assert.equal(uniformCapacity(new HostingGrid({ grid, vMaxPu: 1.05, mostKw: 50 })).limit.kind, "none");
  assert.throws(() => new HostingGrid({ grid, loadScale: 3 }), /loadScale: expected 0 to 2, got 3/);
  assert.throws(() => percentile(found, 101), /percent: expected 0 to 100, got 101/);
});

test("a day of a grid: each slot balances, shares sum up, and every bus has a capacity with its limit", () => {
  const grid = bundledGrid("demo8");
  const plants = [{ ...PV, peakKw: 4_000 }, WIND];
  const request = { ...VIENNA, grid, date: "2025-06-21", plants, stepKw: 50 };
  const day = renewableDay(request);
  assert.deepEqual(renewableDay(request), day);
  assert.ok(day.simulated && day.slots.length === 24 && day.slots[0]!.slotStart === Date.UTC(2025, 5, 21) / 1_000);
  for (const { loadMw, pvMw, windMw, gridMw } of day.slots) {
    assert.ok(Math.abs(pvMw + windMw + gridMw - loadMw) < 1e-9);
  }
  const peak = Math.max(...day.slots.map(({ loadMw }) => loadMw));
  assert.ok(peak > 8 && peak < 10, `${peak} MW of 9.5`);
  const { pvShare, windShare, gridShare } = day.mix;
  assert.ok(Math.abs(pvShare + windShare + gridShare - 1) < 1e-12 && pvShare > 0.05 && gridShare > 0);
  assert.deepEqual(
    day.hosting.map(({ bus }) => bus),
    [3, 4, 5, 6, 7, 8],
  );
  assert.ok(
    day.hosting.every(({ mw, limitedBy }) => mw > 0 && /^(voltage of bus|loading of branch) \d+$/.test(limitedBy)),
  );
  const { actual } = simulateWeather({ ...VIENNA, seed: 9, days: 1, start: JUNE });
  const told = renewableDay({ ...request, weather: actual, loadMw: new Float64Array(24).fill(3) });
  assert.ok(!told.simulated && told.slots.every(({ loadMw }) => Math.abs(loadMw - 3) < 1e-9));
  assert.throws(() => renewableDay({ ...request, date: "June" }), /date: expected a day as 2025-06-21, got June/);
});
