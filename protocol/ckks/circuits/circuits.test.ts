import assert from "node:assert/strict";
import { test } from "node:test";
import { CkksError } from "../errors.ts";
import { describeOutput } from "../job.ts";
import { packCiphertext, periodOf, repeatWindow, strideOf, unpackCiphertext } from "../packed.ts";
import type { PackedWindow } from "../packed.ts";
import { CkksEngine } from "../seal/engine.ts";
import { LiveObjects } from "../seal/load.ts";
import { SMALL, testKeys } from "../seal/testing/keys.ts";
import type { CircuitValues, JobShape } from "./circuit.ts";
import { bucketOf, oneHot } from "./buckets.ts";
import { timeSteps } from "./evaluate.ts";
import { bindCircuit, circuitNames, errorBound, leastRoom } from "./registry.ts";

const SLOTS = 12;
const MAX = 8000;
const keys = await testKeys(SMALL, timeSteps(SLOTS));
const engine = await CkksEngine.create(SMALL, { insecureForTests: true });
engine.loadKeys(keys);
const level = engine.dataLevels;
const flooding = { sigma: () => 0, openers: 2 };

let state = 12_345;
/** A small generator, so that a failing test fails again. */
const random = (most: number): number => {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor((state / 2 ** 32) * (most + 1));
};

type Fleet = readonly (readonly number[])[];
const fleet = (value: (meter: number, slot: number) => number): Fleet =>
  Array.from({ length: 6 }, (_, meter) => Array.from({ length: SLOTS }, (_, slot) => value(meter, slot)));

const FLEETS: Readonly<Record<string, Fleet>> = {
  random: fleet(() => random(MAX)),
  zeros: fleet(() => 0),
  extremes: fleet((meter) => (meter % 2 === 0 ? MAX : 0)),
  "one huge value": fleet((meter, slot) => (meter === 3 && slot === 5 ? MAX : 1)),
};

function encrypted(values: ArrayLike<number>, whole: boolean): PackedWindow {
  const raw = engine.scope(() =>
    engine.rawCiphertext(engine.encrypt(engine.encode(repeatWindow(values, engine.slots)))),
  );
  const window = { series: "load", firstSlot: 0, slots: values.length };
  const stride = whole ? 1 : strideOf(values.length, engine.degree);
  return unpackCiphertext(engine, packCiphertext(engine, window, raw, stride), level);
}

/** Runs a circuit over inputs[meter][series] and opens its outputs. */
function run(name: string, parameters: unknown, inputs: readonly Fleet[], maxValue = MAX) {
  const bound = bindCircuit(name, parameters, SLOTS);
  const { circuit } = bound;
  const needs = circuit.needs(bound.parameters, SLOTS);
  const packed = inputs[0]!.map((_, meter) => inputs.map((one) => encrypted(one[meter]!, needs.wholeInputs)));
  const shape: JobShape = { slots: SLOTS, meters: packed.length, maxValue };
  const outputs = [packed, packed.toReversed()].map((ordered) => {
    const evaluation = circuit.start(engine, bound.parameters, SLOTS);
    for (const windows of ordered) evaluation.fold(windows);
    const made = evaluation.finish();
    evaluation.delete();
    return made;
  });
  const [forth, back] = outputs.map((raws) => raws.map((raw) => describeOutput(engine.ring, raw, 1)));
  assert.deepEqual(forth, back, "the order of inputs tells");
  assert.ok(leastRoom(bound, SMALL, level, shape, flooding) > 0);
  const noises = circuit.noise(SMALL, level, bound.parameters, shape);
  const opened = outputs[0]!.map((raw, index) => {
    assert.equal(raw.scale, noises[index]!.scale);
    return openClass(raw);
  });
  const values = circuit.open(bound.parameters, shape, opened);
  if (circuit.zeroPadding) {
    for (const slots of opened) for (const slot of slots.slice(SLOTS)) assert.ok(Math.abs(slot) < 1e-3, `${slot}`);
  }
  return { values, errors: errorBound(bound, SMALL, level, shape, flooding) };
}

/** Decrypts and keeps the coefficients of the window's class only, as an opening does. */
function openClass(raw: ReturnType<CkksEngine["rawCiphertext"]>): Float64Array {
  const stride = strideOf(SLOTS, engine.degree);
  const poly = new BigUint64Array(raw.level * engine.degree);
  for (let index = 0; index < poly.length; index++) {
    const prime = engine.primes[Math.floor(index / engine.degree)]!;
    poly[index] = (raw.polys[0]![index]! + raw.polys[1]![index]! * keys.secretKey[index]!) % prime;
  }
  engine.ring.inverse(poly);
  for (let index = 0; index < poly.length; index++) if (index % stride !== 0) poly[index] = 0n;
  engine.ring.forward(poly);
  return engine.decode({ poly, level: raw.level, scale: raw.scale }).slice(0, periodOf(SLOTS));
}

function within(actual: CircuitValues, errors: Readonly<Record<string, number>>, expected: CircuitValues): void {
  for (const [name, wanted] of Object.entries(expected)) {
    const got = actual[name];
    const [a, b] = [[got].flat(), [wanted].flat()] as [number[], number[]];
    assert.equal(a.length, b.length, name);
    for (const [at, value] of b.entries()) {
      const error = Math.abs(a[at]! - value);
      assert.ok(error <= errors[name]!, `${name}[${at}]: ${a[at]!} is ${error} from ${value}, bound ${errors[name]!}`);
    }
  }
}

const column = (loads: Fleet, slot: number): number[] => loads.map((meter) => meter[slot]!);
const add = (values: readonly number[]): number => values.reduce((one, other) => one + other, 0);
const average = (values: readonly number[]): number => add(values) / values.length;
const spreadOf = (x: readonly number[], y = x): number =>
  average(x.map((value, at) => (value - average(x)) * (y[at]! - average(y))));
const range = Array.from({ length: SLOTS }, (_, slot) => slot);

for (const [kind, loads] of Object.entries(FLEETS)) {
  const sums = range.map((slot) => add(column(loads, slot)));

  test(`a variance from squares that meters sent agrees with plain arithmetic: ${kind}`, () => {
    // Half of the slots: each takes two numbers.
    const half = range.slice(0, SLOTS / 2);
    const moments = loads.map((meter) => half.flatMap((slot) => [meter[slot]!, meter[slot]! ** 2]));
    const { values, errors } = run("variance-of-squares", {}, [moments], MAX ** 2);
    const spreads = half.map((slot) => spreadOf(column(loads, slot)));
    const means = half.map((slot) => average(column(loads, slot)));
    within(values, errors, { variance: spreads, standardDeviation: spreads.map(Math.sqrt), mean: means });
    assert.ok(errors["variance"]! < 10, `${errors["variance"]}`);
  });

  test(`linear circuits agree with plain arithmetic: ${kind}`, () => {
    const check = (name: string, parameters: unknown, expected: CircuitValues, most: number): void => {
      const { values, errors } = run(name, parameters, [loads]);
      within(values, errors, expected);
      for (const error of Object.values(errors)) assert.ok(error < most, `${name}: error bound ${error}`);
    };
    const factors = range.map((slot) => 0.25 + slot / 7);
    check("sum", {}, { sum: sums }, 1e-3);
    check("mean", {}, { mean: sums.map((one) => one / loads.length) }, 1e-3);
    check("affine", { factor: -0.3, offset: 12 }, { values: sums.map((one) => -0.3 * one + 12) }, 1e-2);
    const offsets = range.map((slot) => slot * 1000);
    const mapped = sums.map((one, slot) => one * factors[slot]! + offsets[slot]!);
    check("affine-vector", { factors, offsets }, { values: mapped }, 1e-2);
    check("total", {}, { total: add(sums) }, 1e-2);
    check("mean-over-time", {}, { mean: average(sums) }, 1e-2);
    const cost = add(sums.map((one, slot) => one * factors[slot]!));
    check("weighted-sum", { weights: factors }, { weightedSum: cost }, 0.1);
    const slope = spreadOf(range, sums) / spreadOf(range);
    check("trend", {}, { slope, intercept: average(sums) - slope * average(range) }, 0.1);
    const averages = range.slice(0, SLOTS - 3).map((slot) => average(sums.slice(slot, slot + 4)));
    check("moving-average", { window: 4 }, { averages }, 1e-2);
    const { values, errors } = run("profile", {}, [loads]);
    within(values, errors, { total: add(sums), mean: average(sums), peak: Math.max(...sums) });
    if (kind === "random") {
      assert.equal(values["peakSlot"], sums.indexOf(Math.max(...sums)));
      assert.ok(Math.abs((values["loadFactor"] as number) - average(sums) / Math.max(...sums)) < 1e-9);
      assert.ok(Math.abs((values["peakToAverage"] as number) - Math.max(...sums) / average(sums)) < 1e-9);
    }
  });

  test(`products agree with plain arithmetic: ${kind}`, () => {
    const variances = range.map((slot) => spreadOf(column(loads, slot)));
    const one = run("variance", {}, [loads]);
    within(one.values, one.errors, { variance: variances, standardDeviation: variances.map(Math.sqrt) });
    assert.ok(one.errors["variance"]! < 1e-4 * MAX ** 2);
    if (kind === "random") {
      for (const [slot, value] of (one.values["variance"] as number[]).entries()) {
        assert.ok(Math.abs(value / variances[slot]! - 1) < 1e-4);
      }
    }
    const other = FLEETS["random"]!;
    const two = run("covariance", {}, [loads, other]);
    within(two.values, two.errors, {
      covariance: range.map((slot) => spreadOf(column(loads, slot), column(other, slot))),
    });
    // The square of a total has twice the scale: only small totals fit.
    const small = loads.map((meter) => meter.map((value) => value / 100));
    const time = run("variance-over-time", {}, [small], MAX / 100);
    within(time.values, time.errors, { variance: spreadOf(sums.map((value) => value / 100)) });
  });
}

test("histograms of one-hot buckets give extremes and quantiles of every slot to the bucket", () => {
  const edges = [0, 100, 500, 4000];
  // Six meters, and slots of which every fourth has all meters at one value.
  const meters = Array.from({ length: 6 }, (_, meter) =>
    Array.from({ length: SLOTS / 4 }, (_, slot) => (slot % 4 === 0 ? 700 : (meter * 977 + slot * 131) % 5000)),
  );
  const hot = meters.map((values) => [...oneHot(values, edges)]);
  const { values: got, errors } = run("buckets", { edges, quantiles: [0.9] }, [hot], 1);
  const sorted = range.slice(0, SLOTS / 4).map((slot) => column(meters, slot).toSorted((a, b) => a - b));
  const edgeOf = (value: number): number => edges[bucketOf(value, edges)]!;
  const ranked = (rank: number): number[] => sorted.map((values) => edgeOf(values[rank]!));
  const count = (edge: number) => sorted.map((values) => values.filter((value) => edgeOf(value) === edge).length);
  assert.deepEqual(got, {
    ...Object.fromEntries(edges.map((edge) => [`bucket-${edge}`, count(edge)])),
    ...{ min: ranked(0), max: ranked(5), median: ranked(2), "quantile-0.9": ranked(5) },
  });
  assert.deepEqual(errors, Object.fromEntries(edges.map((edge) => [`bucket-${edge}`, 0])));
});

test("what is no histogram of so many meters is not read as one; a meter without a value counts nowhere", () => {
  const { circuit, parameters } = bindCircuit("buckets", { edges: [0, 1] }, SLOTS);
  const shape = { slots: SLOTS, meters: 6, maxValue: 1 };
  const zeros = range.map(() => 0);
  const open = (...first: number[]) => circuit.open(parameters, shape, [[...first, ...zeros]]);
  assert.throws(() => open(5, 2), /counts of 6 meters/);
  assert.throws(() => open(7, -1), /counts/);
  assert.throws(() => circuit.open(parameters, shape, [[6, 0]]), /expected/);
  assert.deepEqual((open(2, 3) as { "bucket-1": number[] })["bucket-1"].slice(0, 2), [3, 0]);
});

test("circuits refuse unknown names and parameters that are not theirs, by code", () => {
  const refuses = (code: string, name: string, parameters: unknown): void =>
    assert.throws(
      () => bindCircuit(name, parameters, SLOTS),
      (error) => error instanceof CkksError && error.code === code,
    );
  refuses("unknown-circuit", "product", {});
  refuses("malformed", "sum", { weights: [1] });
  refuses("malformed", "affine", { factor: 0, offset: 1 });
  refuses("malformed", "affine", { factor: Number.NaN, offset: 1 });
  refuses("malformed", "weighted-sum", { weights: [1, 2] });
  refuses("malformed", "weighted-sum", { weights: range.map(() => 0) });
  refuses("malformed", "affine-vector", { factors: range.map(() => 2 ** 20), offsets: range });
  refuses("malformed", "moving-average", { window: SLOTS + 1 });
  refuses("malformed", "buckets", { edges: [1, 1] });
  refuses("malformed", "buckets", { edges: range.concat(range.length) });
  refuses("malformed", "buckets", { edges: range.slice(1) });
  assert.equal(circuitNames().length, 17);
});

test("circuits refuse inputs of another level, stride or number of series, and leave nothing behind", () => {
  const before = LiveObjects.count;
  const [whole, cut] = [encrypted(range, true), encrypted(range, false)];
  const sum = bindCircuit("sum", {}, SLOTS).circuit.start(engine, {}, SLOTS);
  assert.throws(() => sum.finish(), /at least one/);
  sum.fold([cut]);
  assert.throws(() => sum.fold([whole]), /stride/);
  assert.throws(() => sum.fold([cut, cut]), /expected one/);
  const variance = bindCircuit("variance", {}, SLOTS).circuit.start(engine, {}, SLOTS);
  variance.fold([whole]);
  variance.delete();
  const covariance = bindCircuit("covariance", {}, SLOTS).circuit.start(engine, {}, SLOTS);
  assert.throws(() => covariance.fold([whole]), /two series/);
  assert.equal(LiveObjects.count, before);
});
