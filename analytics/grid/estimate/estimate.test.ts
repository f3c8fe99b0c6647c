/** The estimator: the truth from clean samples, bad data found and named, and how often on seeds that nothing was tuned on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ACCURACY,
  type BundledName,
  bundledGrid,
  deviations,
  estimate,
  type Measurement,
  pointName,
  readScan,
  type Sample,
  type ScadaPlan,
  SimulatedScada,
  StateTracker,
  withOpen,
} from "../index.ts";
import { chiSquareQuantile, normalQuantile } from "./quantiles.ts";

const EXACT = { voltagePu: 1e-12, temperatureK: 1e-12, powerShare: 1e-12, currentShare: 1e-12 };

function furthest(one: Float64Array, other: Float64Array): number {
  return one.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0);
}

test("samples without noise give the true state", () => {
  for (const name of ["demo8", "case9", "case14", "case30", "case33bw", "case69", "case118"] as const) {
    const scada = new SimulatedScada({ grid: bundledGrid(name), seed: 1, accuracy: EXACT });
    const { scan, truth } = scada.next();
    const { grid, measurements } = readScan(scada.planned, scan.samples, { deviation: deviations(scada.planned) });
    const found = estimate(grid, measurements);
    assert.equal(found.status, "trusted", name);
    assert.ok(furthest(found.vmPu, truth.result.vmPu) < 1e-7, `${name}: ${furthest(found.vmPu, truth.result.vmPu)}`);
    assert.ok(furthest(found.vaRad, truth.result.vaRad) < 1e-7, name);
    assert.ok(found.objective < 1e-3);
  }
});

test("with noise the fit is as good as its degrees of freedom, and better than the sensors", () => {
  const scada = new SimulatedScada({ grid: bundledGrid("case33bw"), seed: 2 });
  const tracker = new StateTracker(scada.planned);
  let [objective, degrees, square, count] = [0, 0, 0, 0];
  for (let i = 0; i < 25; i++) {
    const { scan, truth } = scada.next();
    const { estimate: found } = tracker.update(scan);
    objective += found.firstObjective;
    degrees += found.degreesOfFreedom + found.removed.length;
    for (const [bus, v] of found.vmPu.entries()) square += (v - truth.result.vmPu[bus]!) ** 2;
    count += found.vmPu.length;
  }
  assert.ok(Math.abs(objective / degrees - 1) < 0.12, `${objective / degrees}`);
  assert.ok(Math.sqrt(square / count) < 0.4 * ACCURACY.voltagePu, `${Math.sqrt(square / count)} p.u.`);
});

/** One scan of the 14 buses with some samples changed. */
function tampered(change: (sample: Sample) => Sample | undefined, seed = 3) {
  const scada = new SimulatedScada({ grid: bundledGrid("case14"), seed });
  const { scan, truth } = scada.next();
  const samples = scan.samples.flatMap((sample) => change(sample) ?? []);
  const { grid, measurements } = readScan(scada.planned, samples, { deviation: deviations(scada.planned) });
  return { grid, measurements, truth, found: estimate(grid, measurements) };
}

test("two gross errors are noticed, named, and taken out; the state is as good as before", () => {
  const wrong = new Map([
    ["voltage:9", 0.06],
    ["demand:4", -40],
  ]);
  const { found, truth } = tampered((sample) => ({
    ...sample,
    value: sample.value + (wrong.get(pointName(sample)) ?? 0),
  }));
  assert.equal(found.status, "trusted");
  assert.deepEqual(found.removed.flatMap(({ measurement }) => measurement.points).sort(), ["demand:4", "voltage:9"]);
  assert.ok(found.firstObjective > 5 * found.objectiveLimit && found.objective <= found.objectiveLimit);
  assert.ok(furthest(found.vmPu, truth.result.vmPu) < 3 * ACCURACY.voltagePu);
});

test("a value that cannot be is named, however large, and leaves the state as good as before", () => {
  for (const kind of ["voltage", "demand", "flow", "current", "generation"] as const) {
    for (const value of [-5, 1e6, -1e12, 1e300]) {
      const scada = new SimulatedScada({ grid: bundledGrid("case14"), seed: 3 });
      const { scan, truth } = scada.next();
      const at = scan.samples.findIndex((sample) => sample.kind === kind);
      const samples = scan.samples.with(at, { ...scan.samples[at]!, value });
      const { estimate: found, bad } = new StateTracker(scada.planned).update({ ...scan, samples });
      const said = `${kind} ${value}: ${found.status} ${bad.join()}`;
      assert.ok(found.status === "trusted" && bad.includes(pointName(scan.samples[at]!)), said);
      assert.ok(furthest(found.vmPu, truth.result.vmPu) < 3 * ACCURACY.voltagePu, said);
      assert.ok(
        found.removed.every(({ normalisedResidual }) => Number.isFinite(normalisedResidual)),
        said,
      );
    }
  }
});

test("voltages that are all turned round make no state, though the powers fit", () => {
  const scada = new SimulatedScada({ grid: bundledGrid("case33bw"), seed: 5 });
  const tracker = new StateTracker(scada.planned);
  assert.equal(tracker.update(scada.next().scan).estimate.status, "trusted");
  const { scan } = scada.next();
  const samples = scan.samples.map((sample) =>
    sample.kind === "voltage" ? { ...sample, value: -sample.value } : sample,
  );
  assert.equal(tracker.update({ ...scan, samples }).estimate.status, "failed");
  assert.equal(tracker.update(scada.next().scan).estimate.status, "trusted");
});

test("says which buses nothing tells, and trusts no state then", () => {
  // Without anything of bus 8 but the voltage of its neighbour, nothing says what it is at.
  const { found } = tampered((sample) =>
    sample.kind !== "breaker" && sample.kind !== "temperature" && sample.element === 8 ? undefined : sample,
  );
  assert.equal(found.status, "trusted", "the branch to it is measured");
  const without = tampered((sample) => {
    const gone = sample.kind === "voltage" || sample.kind === "generation" || sample.kind === "reactive_generation";
    if (gone && sample.element === 8) return undefined;
    return (sample.kind === "flow" || sample.kind === "reactive_flow" || sample.kind === "current") &&
      sample.element === 14
      ? undefined
      : sample;
  });
  // Bus 7 has neither load nor generator: that nothing flows in or out of it there still tells the branch to 8.
  assert.equal(without.found.status, "trusted");
  const blind = estimate(
    without.grid,
    without.measurements.filter(({ quantity, index }) => !((quantity === "p" || quantity === "q") && index === 6)),
  );
  assert.equal(blind.status, "unobservable");
  assert.deepEqual(blind.unobservable, [8]);
  const voltagesOnly = without.measurements.filter(({ quantity }) => quantity === "v");
  assert.ok(estimate(without.grid, voltagesOnly).unobservable.length >= 13);
  assert.throws(() => estimate(without.grid, [], { falseAlarm: 0 }), {
    message: /^falseAlarm: expected a number above 0/,
  });
});

test("a measurement that nothing checks is called critical", () => {
  const { grid, measurements } = tampered((sample) => sample);
  const bus8 = (one: Measurement): boolean => one.quantity === "v" && one.index === 7;
  const others = measurements.filter(
    ({ quantity, index }) =>
      !((quantity === "p" || quantity === "q") && (index === 6 || index === 7)) &&
      !(["pf", "qf", "i"].includes(quantity) && index === 13),
  );
  const angle = measurements.filter(({ quantity, index }) => quantity === "p" && index === 7);
  const found = estimate(grid, [...others, ...angle]);
  assert.equal(found.status, "trusted");
  assert.deepEqual([...found.critical].sort(), ["generation:8", "voltage:8"]);
  assert.ok(others.some(bus8));
});

test("lines that are short make no measurement critical that others check", () => {
  const scada = new SimulatedScada({ grid: bundledGrid("case69"), seed: 15 });
  const tracker = new StateTracker(scada.planned);
  for (let i = 0; i < 6; i++) {
    const { estimate: found } = tracker.update(scada.next().scan);
    assert.ok(found.critical.length < 15, `${found.critical.length} of ${found.measurements}`);
  }
});

test("a breaker's wrong report is not believed, a true one is; lost samples leave no hole", () => {
  const outage = { type: "outage", element: 29, fromScan: 3, scans: 2, size: 1 } as const;
  const plan: ScadaPlan = { grid: bundledGrid("case33bw"), seed: 4, lostRate: 0.05, schedule: [outage] };
  const scada = new SimulatedScada(plan);
  const tracker = new StateTracker(scada.planned);
  for (let i = 0; i < 8; i++) {
    const { scan, truth } = scada.next();
    const lies = new Map(
      i === 1
        ? [
            [5, 0],
            [33, 1],
          ]
        : [],
    );
    const samples = scan.samples.map((sample) =>
      sample.kind === "breaker" && lies.has(sample.element) ? { ...sample, value: lies.get(sample.element)! } : sample,
    );
    const state = tracker.update({ ...scan, samples });
    assert.equal(state.estimate.status, "trusted", `scan ${i}`);
    assert.ok(state.simulated);
    if (i === 1)
      assert.ok(state.contradictedBreakers.every((id) => lies.has(id)) && state.contradictedBreakers.length >= 1);
    if (truth.lost.some(({ kind, element }) => kind === "breaker" && element === 29)) continue;
    const switches = state.grid.branches.map(({ closed }) => closed);
    assert.deepEqual(
      switches,
      truth.grid.branches.map(({ closed }) => closed),
      `scan ${i}`,
    );
    assert.ok(furthest(state.estimate.vmPu, truth.result.vmPu) < 0.01, `scan ${i}`);
    assert.ok(truth.lost.length === 0 || i === 0 || state.missing.length <= truth.lost.length);
  }
});

test("what is reported open but carries current is taken as closed", () => {
  const scada = new SimulatedScada({ grid: bundledGrid("demo8"), seed: 1 });
  const { scan } = scada.next();
  const open = readScan(
    withOpen(scada.planned, []),
    scan.samples.map((one) => (one.kind === "breaker" && one.element === 5 ? { ...one, value: 0 } : one)),
    {
      deviation: deviations(scada.planned),
    },
  );
  assert.deepEqual(open.contradicted, [5]);
  assert.ok(open.grid.branches[4]!.closed);
});

test("a sensor that falls dead is named, and does without its sample", () => {
  const dead = { type: "dead-sensor", element: 24, fromScan: 2, scans: 3, size: 0 } as const;
  const scada = new SimulatedScada({ grid: bundledGrid("case33bw"), seed: 5, schedule: [dead] });
  const tracker = new StateTracker(scada.planned);
  for (let i = 0; i < 6; i++) {
    const { bad, estimate: found } = tracker.update(scada.next().scan);
    assert.equal(found.status, "trusted");
    assert.equal(bad.includes("demand:24"), i >= 2 && i < 5, `scan ${i}`);
  }
});

interface Rates {
  readonly found: number;
  readonly wrong: number;
  readonly alarms: number;
  readonly clean: number;
}

/** On seeds of their own: wrong samples named, and good scans with an alarm. */
function rates(name: BundledName, scans: number, badRate: number, seed: number): Rates {
  const scada = new SimulatedScada({ grid: bundledGrid(name), seed, badRate });
  const tracker = new StateTracker(scada.planned);
  let [found, wrong, alarms, clean] = [0, 0, 0, 0];
  for (let i = 0; i < scans; i++) {
    const { scan, truth } = scada.next();
    const { bad, estimate: fit } = tracker.update(scan);
    const named = truth.wrong.filter(({ kind }) => kind !== "temperature" && kind !== "breaker").map(pointName);
    wrong += named.length;
    found += named.filter((one) => bad.includes(one)).length;
    if (truth.wrong.length > 0) continue;
    clean += 1;
    alarms += Number(bad.length > 0 || fit.status !== "trusted");
  }
  return { found, wrong, alarms, clean };
}

test("most gross errors are named where others check them, and good scans are seldom suspected", () => {
  const { found, wrong } = rates("case14", 80, 0.01, 901);
  assert.ok(wrong > 40 && found / wrong > 0.85, `${found} of ${wrong}`);
  const { alarms, clean } = rates("case14", 80, 0, 902);
  assert.ok(clean === 80 && alarms <= 5, `${alarms} of ${clean}`);
});

test("quantiles are those of the tables", () => {
  assert.ok(Math.abs(normalQuantile(0.025) - 1.959964) < 1e-6);
  for (const [degrees, tail, value] of [
    [10, 0.01, 23.209],
    [30, 0.05, 43.773],
    [100, 0.01, 135.807],
  ] as const) {
    assert.ok(Math.abs(chiSquareQuantile(degrees, tail) / value - 1) < 2e-3);
  }
  assert.throws(() => normalQuantile(1), RangeError);
});
