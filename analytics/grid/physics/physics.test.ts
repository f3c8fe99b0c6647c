/** Losses by level, limits, temperatures, and loads from feeder totals. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  BranchTemperatures,
  bundledGrid,
  generateMeshed,
  generateRadial,
  loadsFromFeeders,
  lossesOf,
  powerFlow,
  settledC,
  temperatureAfter,
  THERMAL,
  topologyOf,
  violationsOf,
  withAssumedRatings,
  withLoads,
  withLoadScale,
} from "../index.ts";

test("losses part by level and equipment, and the demo grid has all of them", () => {
  const grid = bundledGrid("demo8");
  const result = powerFlow(grid);
  const { transmission, distribution, technicalMw, inputMw, deliveredMw, efficiency } = lossesOf(grid, result);
  const lossOf = (...ids: number[]): number =>
    ids.reduce((sum, id) => sum + result.fromMw[id - 1]! + result.toMw[id - 1]!, 0);
  assert.ok(Math.abs(transmission.linesMw - lossOf(1)) < 1e-12 && transmission.transformersMw === 0);
  assert.ok(Math.abs(distribution.transformersMw - lossOf(2, 3)) < 1e-12);
  assert.ok(Math.abs(distribution.linesMw - lossOf(4, 5, 6, 7, 8, 9, 10)) < 1e-12);
  assert.ok(distribution.linesMw > 0.05 && distribution.transformersMw > 0.02 && transmission.linesMw > 1e-5);
  assert.ok(Math.abs(deliveredMw - 9.5) < 1e-12 && Math.abs(inputMw - 9.5 - technicalMw) < 1e-8);
  assert.equal(efficiency, deliveredMw / inputMw);
  // 110 kV is distribution to whoever draws the line at 220 kV.
  const other = lossesOf(grid, result, { transmissionKv: 220 });
  assert.ok(other.transmission.linesMw === 0 && Math.abs(other.technicalMw - technicalMw) < 1e-12);
  const unstated = bundledGrid("case14");
  const there = powerFlow(unstated);
  assert.ok(lossesOf(unstated, there).distribution.linesMw === 0);
  assert.ok(Math.abs(lossesOf(unstated, there, { unstated: "distribution" }).distribution.linesMw - 13.3933) < 1e-4);
});

test("a bus that gives back counts as input, not as a negative delivery", () => {
  const grid = withLoads(bundledGrid("case33bw"), new Map([[18, { mw: -0.5, mvar: 0 }]]));
  const { inputMw, deliveredMw, technicalMw } = lossesOf(grid, powerFlow(grid));
  assert.ok(Math.abs(deliveredMw - (3.715 - 0.09)) < 1e-9 && Math.abs(inputMw - deliveredMw - technicalMw) < 1e-5);
});

test("limits are told by bus and branch, with how far they are broken", () => {
  const grid = bundledGrid("demo8");
  assert.deepEqual(violationsOf(grid, powerFlow(grid)), { voltages: [], overloads: [], generators: [] });
  const heavy = withLoadScale(grid, 1.9);
  const result = powerFlow(heavy);
  const { voltages, overloads, generators } = violationsOf(heavy, result);
  assert.ok(voltages.some(({ bus, vmPu, limitPu }) => bus === 7 && limitPu === 0.95 && vmPu < 0.95));
  const overload = overloads.find(({ branch }) => branch === 2)!;
  assert.ok(overload.rateMva === 10 && Math.abs(overload.loadingPercent - 10 * overload.mva) < 1e-9);
  assert.ok(generators.some(({ bus, quantity, limit }) => bus === 1 && quantity === "MW" && limit === 12));
  const rated = withAssumedRatings(bundledGrid("case33bw"));
  assert.deepEqual(violationsOf(rated, powerFlow(rated)).overloads, []);
  assert.ok(rated.branches.every(({ rateMva }) => Number.isFinite(rateMva)));
});

test("temperature follows the current with its time constant", () => {
  const { line } = THERMAL;
  assert.equal(settledC(line, 1, 40), 80);
  const after = (seconds: number): number => temperatureAfter(line, { fromC: 20, loading: 1, ambientC: 20, seconds });
  assert.ok(Math.abs(after(line.timeConstantSeconds) - (20 + 40 * (1 - Math.exp(-1)))) < 1e-12);
  assert.equal(after(0), 20);
  // Two halves are a whole: nothing depends on how often it is asked.
  const half = temperatureAfter(line, { fromC: after(300), loading: 1, ambientC: 20, seconds: 300 });
  assert.ok(Math.abs(half - after(600)) < 1e-12);
  assert.throws(() => after(-1), { message: "seconds: expected 0 or more, got -1" });
  const grid = bundledGrid("demo8");
  const temperatures = new BranchTemperatures(grid, 20);
  const { currentPu } = powerFlow(grid);
  for (let step = 0; step < 40; step++) temperatures.step(currentPu, 20, 3_600);
  for (const [i, { rateMva, kind }] of grid.branches.entries()) {
    const loading = (currentPu[i]! * grid.baseMva) / rateMva;
    assert.ok(Math.abs(temperatures.celsius[i]! - settledC(THERMAL[kind], loading, 20)) < 1e-3);
  }
});

test("generated grids are what was asked for, and the same for the same seed", () => {
  const radial = generateRadial({ nodes: 150, seed: 7, feeders: 4, ties: 11 });
  assert.deepEqual(radial, generateRadial({ nodes: 150, seed: 7, feeders: 4, ties: 11 }));
  assert.notDeepEqual(radial, generateRadial({ nodes: 150, seed: 8, feeders: 4, ties: 11 }));
  assert.equal(radial.branches.filter(({ closed }) => !closed).length, 11);
  assert.equal(radial.branches.filter(({ closed, from, to }) => closed && (from === 1 || to === 1)).length, 4);
  assert.ok(Math.abs(Math.min(...powerFlow(radial).vmPu) - 0.955) < 1e-6);
  const meshed = generateMeshed({ nodes: 120, seed: 7, generators: 23 });
  assert.equal(meshed.generators.length, 23);
  const { loops, dead } = topologyOf(meshed);
  assert.ok(loops > 50 && dead.length === 0);
  assert.deepEqual(violationsOf(meshed, powerFlow(meshed)), { voltages: [], overloads: [], generators: [] });
  assert.throws(() => generateRadial({ nodes: 1, seed: 1 }), {
    message: "nodes: expected an integer from 2 to 20000, got 1",
  });
  assert.throws(() => generateMeshed({ nodes: 10, seed: 1, generators: 11 }), {
    message: "generators: expected an integer from 1 to 10, got 11",
  });
});

const FEEDERS = [
  { feeder: "f-1", bus: 2, weight: 3 },
  { feeder: "f-1", bus: 3, weight: 1, powerFactor: 1 },
  { feeder: "f-2", bus: 3, weight: 10 },
];

test("feeder totals come back as the sum of their buses, whatever the shares", () => {
  const grid = bundledGrid("case33bw");
  const weight = fc.double({ min: 1e-3, max: 1e3, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(weight, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: -1e7, max: 1e7 }),
      (weights, energyWh) => {
        const shares = weights.map((one, i) => ({ feeder: "f", bus: i + 2, weight: one }));
        const loads = loadsFromFeeders(grid, [{ feeder: "f", slot: 5, energyWh }], shares, 900).get(5)!;
        const sum = [...loads.values()].reduce((total, { mw }) => total + mw, 0);
        assert.ok(Math.abs(sum - (energyWh * 4) / 1e6) <= 1e-12 * Math.max(1, Math.abs(energyWh)));
      },
    ),
    { numRuns: 50, seed: 1 },
  );
  const loads = loadsFromFeeders(
    grid,
    [
      { feeder: "f-2", slot: 8, energyWh: 50_000 },
      { feeder: "f-1", slot: 7, energyWh: 100_000 },
      { feeder: "f-1", slot: 8, energyWh: 100_000 },
    ],
    FEEDERS,
    900,
  );
  assert.deepEqual([...loads.keys()], [7, 8]);
  assert.ok(Math.abs(loads.get(7)!.get(2)!.mw - 0.3) < 1e-12 && loads.get(7)!.get(3)!.mvar === 0);
  assert.ok(Math.abs(loads.get(8)!.get(3)!.mw - 0.3) < 1e-12);
  const driven = withLoads(grid, loads.get(8)!);
  assert.ok(powerFlow(driven).converged && Math.abs(driven.buses[1]!.loadMw - 0.3) < 1e-12);
});

test("totals and shares that do not fit are refused by name", () => {
  const grid = bundledGrid("case33bw");
  const total = { feeder: "f-1", slot: 7, energyWh: 1 };
  const split =
    (totals: object[], shares: object[], seconds = 900) =>
    () =>
      loadsFromFeeders(grid, totals as never, shares as never, seconds);
  const refused: [() => unknown, string][] = [
    [split([{ ...total, feeder: "f-9" }], FEEDERS), "shares: no bus has a share of feeder f-9"],
    [split([total, total], FEEDERS), "totals: feeder f-1 is there twice in slot 7"],
    [split([{ ...total, energyWh: Number.NaN }], FEEDERS), "totals: energyWh: expected a number, got NaN"],
    [split([{ ...total, slot: 1.5 }], FEEDERS), "totals: slot: expected an integer, got 1.5"],
    [split([total], [{ feeder: "f-1", bus: 99, weight: 1 }]), "shares: there is no bus 99 in case33bw"],
    [split([total], [{ feeder: "f-1", bus: 2, weight: 0 }]), "shares: weight of bus 2: expected more than 0, got 0"],
    [split([total], [...FEEDERS, FEEDERS[0]!]), "shares: bus 2 is there twice in feeder f-1"],
    [split([total], [{ ...FEEDERS[0], powerFactor: 2 }]), "shares: powerFactor of bus 2: expected above 0 to 1, got 2"],
    [split([total], FEEDERS, 0), "slotSeconds: expected more than 0, got 0"],
  ];
  for (const [does, message] of refused) assert.throws(does, { name: "RangeError", message });
});
