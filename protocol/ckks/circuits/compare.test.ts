import assert from "node:assert/strict";
import { test } from "node:test";
import { describeOutput } from "../job.ts";
import { packCiphertext, periodOf, repeatWindow, strideOf, unpackCiphertext } from "../packed.ts";
import type { PackedWindow } from "../packed.ts";
import { CkksEngine } from "../seal/engine.ts";
import type { RawCiphertext } from "../seal/layout.ts";
import { LiveObjects } from "../seal/load.ts";
import { SMALL, testKeys } from "../seal/testing/keys.ts";
import type { Circuit, JobShape } from "./circuit.ts";
import { compare, separationsOf } from "./compare.ts";
import { maxOfTwo } from "./compare-max.ts";
import { slotError } from "./noise.ts";
import { SMALL_STRONG } from "./testing/compare-set.ts";

const SLOTS = 12;
const BOUND = 4000;
const LEVELS = [500, 1000, 2500];
const set = SMALL_STRONG;
const keys = await testKeys(set, []);
const engine = await CkksEngine.create(set, { insecureForTests: true });
engine.loadKeys(keys);
const level = engine.dataLevels;

let state = 99;
/** A small generator, so that a failing test fails again. */
const random = (most: number): number => {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor((state / 2 ** 32) * (most + 1));
};

type Fleet = readonly (readonly number[])[];
const fleet = (meters: number, value: (meter: number, slot: number) => number): Fleet =>
  Array.from({ length: meters }, (_, meter) => Array.from({ length: SLOTS }, (_, slot) => value(meter, slot)));

function encrypted(values: ArrayLike<number>): PackedWindow {
  const raw = engine.scope(() =>
    engine.rawCiphertext(engine.encrypt(engine.encode(repeatWindow(values, engine.slots)))),
  );
  const window = { series: "load", firstSlot: 0, slots: values.length };
  return unpackCiphertext(engine, packCiphertext(engine, window, raw, 1), level);
}

/** Decrypts and keeps the coefficients of the window's class only, as an opening does. */
function openClass(raw: RawCiphertext): Float64Array {
  const { degree, ring, primes } = engine;
  const stride = strideOf(SLOTS, degree);
  const sum = ring.multiply(raw.polys[1]!.slice(), keys.secretKey.subarray(0, raw.polys[1]!.length));
  ring.add(sum, raw.polys[0]!, raw.level);
  ring.inverse(sum);
  for (let at = 0; at < sum.length; at++) if (at % stride !== 0) sum[at] = 0n;
  ring.forward(sum);
  assert.ok(primes.length > raw.level);
  return engine.decode({ poly: sum, level: raw.level, scale: raw.scale }).slice(0, periodOf(SLOTS));
}

function run<P>(circuit: Circuit<P>, given: unknown, series: readonly Fleet[], maxValue = BOUND) {
  const parameters = circuit.parameters.parse(given);
  const shape: JobShape = { slots: SLOTS, meters: series[0]!.length, maxValue };
  const live = LiveObjects.count;
  const evaluation = circuit.start(engine, parameters, SLOTS);
  for (let meter = 0; meter < shape.meters; meter++) evaluation.fold(series.map((one) => encrypted(one[meter]!)));
  const outputs = evaluation.finish();
  evaluation.delete();
  assert.equal(LiveObjects.count, live);
  const noises = circuit.noise(set, level, parameters, shape);
  const slotErrors = noises.map((noise) => slotError(noise, SLOTS, 0, 2));
  const slots = outputs.map((raw, at) => {
    assert.ok(Math.abs(raw.scale / noises[at]!.scale - 1) < 2 ** -8);
    return openClass(raw);
  });
  for (const one of slots) for (const rest of one.slice(SLOTS)) assert.ok(Math.abs(rest) < 1e-3, `padding ${rest}`);
  const values = circuit.open(parameters, shape, slots) as Record<string, number[]>;
  return { values, slots, outputs, slotErrors, errors: circuit.errors(parameters, shape, slotErrors) };
}

const countAbove = (all: Fleet, slot: number, threshold: number): number =>
  all.filter((values) => values[slot]! > threshold).length;

/** Moves values away from all levels, to just beyond the separation. */
const separations = separationsOf({ levels: LEVELS, bound: BOUND, quantiles: [] }, set);
function apart(value: number): number {
  for (const [at, threshold] of LEVELS.entries()) {
    const gap = separations[at]! * 1.0001;
    if (Math.abs(value - threshold) < gap) return value < threshold ? threshold - gap : threshold + gap;
  }
  return value;
}

function checkCounts(all: Fleet): void {
  const { values, slots, errors } = run(compare, { levels: LEVELS, bound: BOUND, quantiles: [0.9] }, [all]);
  for (const [at, threshold] of LEVELS.entries()) {
    assert.equal(errors[`above-${threshold}`], 0);
    for (let slot = 0; slot < SLOTS; slot++) {
      const truth = countAbove(all, slot, threshold);
      assert.ok(Math.abs(slots[at]![slot]! - truth) < 0.01, `level ${threshold}, slot ${slot}: ${slots[at]![slot]!}`);
      assert.equal(values[`above-${threshold}`]![slot], truth);
    }
  }
  const edges = [0, ...LEVELS];
  const edgeOf = (value: number): number => edges.findLast((edge) => edge <= value)!;
  for (let slot = 0; slot < SLOTS; slot++) {
    const sorted = all.map((one) => one[slot]!).sort((a, b) => a - b);
    const rank = (q: number): number => edgeOf(sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]!);
    assert.equal(values["min"]![slot], edgeOf(sorted[0]!));
    assert.equal(values["max"]![slot], edgeOf(sorted.at(-1)!));
    assert.equal(values["median"]![slot], rank(0.5));
    assert.equal(values["quantile-0.9"]![slot], rank(0.9));
    const histogram = edges.map((edge) => values[`bucket-${edge}`]![slot]!);
    assert.equal(
      histogram.reduce((one, other) => one + other, 0),
      all.length,
    );
  }
}

test("counts are exact for random values beyond the separation, over several evaluations", () => {
  checkCounts(fleet(30, () => apart(random(BOUND))));
});

test("counts are exact for zeros, extremes, and values just beyond the separation", () => {
  const gap = (at: number): number => separations[at]! * 1.0001;
  const adversarial = [
    0,
    BOUND,
    1,
    BOUND - 1,
    ...LEVELS.flatMap((threshold, at) => [threshold - gap(at), threshold + gap(at)]),
  ];
  checkCounts(fleet(10, (meter, slot) => adversarial[(meter + slot) % adversarial.length]!));
});

test("a value on a level counts a half, and one within the separation less than one", () => {
  const on = fleet(2, (meter, slot) => (meter === 0 ? 0 : 1000 + slot * 9));
  const { slots } = run(compare, { levels: [1000], bound: BOUND }, [on]);
  assert.ok(Math.abs(slots[0]![0]! - 0.5) < 1e-3);
  for (let slot = 1; slot < SLOTS; slot++) {
    assert.ok(slots[0]![slot]! > slots[0]![slot - 1]! - 1e-3 && slots[0]![slot]! < 1.001);
  }
});

test("a value beyond the bound is refused as no count", () => {
  for (const factor of [1.2, 3]) {
    const beyond = fleet(3, (meter, slot) => (meter === 1 && slot === 4 ? factor * BOUND : 0));
    // Far beyond, the polynomial passes the modulus, and the padding shows it, too.
    assert.throws(() => run(compare, { levels: [1000], bound: BOUND }, [beyond]), /no count of 3 meters|padding/);
  }
  const parameters = compare.parameters.parse({ levels: [1000], bound: BOUND });
  const shape = { slots: SLOTS, meters: 3, maxValue: 2 * BOUND };
  assert.throws(
    () => compare.noise(set, level, parameters, shape),
    /^RangeError: bound: meters may encrypt up to 8000/,
  );
});

test("noise stays below its bound", async () => {
  // One prime of 45 bits a step: so much noise that doubles can see it.
  const coarse = {
    ...set,
    name: "coarse",
    primeBits: [60, 60, 55, ...Array.from({ length: 8 }, () => 45), 60],
    scaleBits: 50,
  };
  const ofCoarse = await testKeys(coarse, []);
  const other = await CkksEngine.create(coarse, { insecureForTests: true });
  other.loadKeys(ofCoarse);
  const parameters = compare.parameters.parse({ levels: [1000], bound: BOUND });
  const shape = { slots: SLOTS, meters: 4, maxValue: BOUND };
  // Values on the level are where noise is amplified most.
  const all = fleet(4, (_, slot) => 1000 + (slot - 6));
  const opened = [0, 1].map(() => {
    const evaluation = compare.start(other, parameters, SLOTS);
    for (const values of all) {
      const raw = other.scope(() =>
        other.rawCiphertext(other.encrypt(other.encode(repeatWindow(values, other.slots)))),
      );
      const window = { series: "load", firstSlot: 0, slots: SLOTS };
      evaluation.fold([unpackCiphertext(other, packCiphertext(other, window, raw, 1), other.dataLevels)]);
    }
    const [raw] = evaluation.finish();
    evaluation.delete();
    const stride = strideOf(SLOTS, other.degree);
    const sum = other.ring.multiply(raw!.polys[1]!.slice(), ofCoarse.secretKey.subarray(0, raw!.polys[1]!.length));
    other.ring.inverse(other.ring.add(sum, raw!.polys[0]!, raw!.level));
    for (let at = 0; at < sum.length; at++) if (at % stride !== 0) sum[at] = 0n;
    return other.decode({ poly: other.ring.forward(sum), level: raw!.level, scale: raw!.scale });
  });
  const [noise] = compare.noise(coarse, other.dataLevels, parameters, shape);
  const deviation = (Math.sqrt(periodOf(SLOTS)) * noise!.sigma) / noise!.scale;
  const differences = Array.from({ length: SLOTS }, (_, slot) => opened[0]![slot]! - opened[1]![slot]!);
  const measured = Math.sqrt(differences.reduce((sum, one) => sum + one * one, 0) / SLOTS / 2);
  assert.ok(measured < deviation, `measured 2^${Math.log2(measured)}, bound 2^${Math.log2(deviation)}`);
  assert.ok(measured > deviation / 1000, `measured 2^${Math.log2(measured)}, bound 2^${Math.log2(deviation)}`);
  other.close();
});

test("the same inputs in the same order give the same bytes", () => {
  const inputs = fleet(3, () => random(BOUND)).map(encrypted);
  const [one, other] = [0, 1].map(() => {
    const evaluation = compare.start(engine, compare.parameters.parse({ levels: LEVELS, bound: BOUND }), SLOTS);
    for (const input of inputs) evaluation.fold([input]);
    const outputs = evaluation.finish().map((raw) => describeOutput(engine.ring, raw, 1));
    evaluation.delete();
    return outputs;
  });
  assert.deepEqual(one, other);
});

test("parameters that make no comparison are refused", () => {
  const refuses = (given: unknown): void => assert.ok(!compare.parameters.safeParse(given).success);
  refuses({ levels: [], bound: BOUND });
  refuses({ levels: [100, 100], bound: BOUND });
  refuses({ levels: [0, 100], bound: BOUND });
  refuses({ levels: [BOUND], bound: BOUND });
  refuses({ levels: [100], bound: Number.POSITIVE_INFINITY });
  refuses({ levels: [100], bound: BOUND, weights: [1] });
  const many = Array.from({ length: 32 }, (_, at) => at + 1);
  assert.throws(() => compare.start(engine, { levels: many, bound: BOUND, quantiles: [] }, 100), /too few for 32/);
  assert.throws(() => compare.needs({ levels: many, bound: BOUND, quantiles: [] }, 2000), RangeError);
  assert.throws(
    () => compare.noise(SMALL, 3, { levels: [1], bound: 2, quantiles: [] }, { slots: 1, meters: 1, maxValue: 1 }),
    /no comparison fits/,
  );
});

test("the larger of two totals is right within its bound, near a tie and at the extremes", () => {
  const meters = 5;
  const bound = meters * BOUND;
  const pairs = [
    [0, 0],
    [BOUND, 0],
    [0, BOUND],
    [BOUND, BOUND],
    [1000, 1001],
    [2000, 1900],
    [1000, 1300],
  ] as const;
  const a = fleet(meters, (_, slot) => pairs[slot]?.[0] ?? random(BOUND));
  const b = fleet(meters, (_, slot) => pairs[slot]?.[1] ?? random(BOUND));
  const { values, errors, slotErrors } = run(maxOfTwo, { bound }, [a, b]);
  assert.ok(errors["max"]! < bound / 150, `${errors["max"]!}`);
  assert.ok(slotErrors[0]! < 1e-3);
  for (let slot = 0; slot < SLOTS; slot++) {
    const total = (all: Fleet): number => all.reduce((sum, one) => sum + one[slot]!, 0);
    const truth = Math.max(total(a), total(b));
    const got = values["max"]![slot]!;
    assert.ok(Math.abs(got - truth) <= errors["max"]!, `slot ${slot}: ${got}, ${truth}`);
  }
});
