/** The laws of sharing, over all its steps at once: split, add, interpolate. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { add, FIELD_PRIME, type FieldElement, multiply } from "../field.ts";
import { polynomialOf } from "../prf.ts";
import { limbsOf } from "../field-words.ts";
import { ShareTotals, weightedSum } from "./add.ts";
import { interpolate, interpolateBatch, lagrangeWeights } from "./interpolate.ts";
import { split, splitBatch } from "./split.ts";

const element = fc.bigInt({ min: 0n, max: FIELD_PRIME - 1n });
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const energyWh = fc.oneof(fc.nat(5000), fc.maxSafeInteger().map(Math.abs));

/** A sharing with any t of its n indices, in any order, or more of them. */
const sharing = fc.integer({ min: 1, max: 7 }).chain((n) =>
  fc.integer({ min: 1, max: n }).chain((t) =>
    fc.record({
      n: fc.constant(n),
      t: fc.constant(t),
      xs: fc.shuffledSubarray(
        Array.from({ length: n }, (_, index) => index + 1),
        { minLength: t },
      ),
    }),
  ),
);

function entriesOf(batch: { key: Uint8Array; readings: readonly number[]; n: number; t: number }): Uint8Array[] {
  const out = Array.from({ length: batch.n }, () => new Uint8Array(16 * batch.readings.length));
  splitBatch({ ...batch, kind: 1, firstSlot: 1000, out });
  return out;
}

test("any t or more of n shares give the reading back, and all agree", () => {
  fc.assert(
    fc.property(
      sharing,
      element,
      fc.array(element, { minLength: 6, maxLength: 6 }),
      ({ n, t, xs }, reading, random) => {
        const shares = split(reading, random.slice(0, t - 1), n);
        const points = xs.map((x) => ({ x, y: shares[x - 1]! }));
        assert.deepEqual(interpolate(points, t), { value: reading, spare: xs.length - t, disagreeing: 0 });
      },
    ),
  );
});

test("batches of meters, added up slot by slot, interpolate to the totals of their readings", () => {
  const fleet = fc.integer({ min: 1, max: 6 }).chain((slots) =>
    fc.array(fc.record({ key, readings: fc.array(energyWh, { minLength: slots, maxLength: slots }) }), {
      minLength: 1,
      maxLength: 5,
    }),
  );
  fc.assert(
    fc.property(sharing, fleet, ({ n, t, xs }, meters) => {
      const slots = meters[0]!.readings.length;
      const totals = Array.from({ length: n }, () => new ShareTotals(slots));
      for (const meter of meters) {
        for (const [index, entries] of entriesOf({ ...meter, n, t }).entries()) totals[index]!.add(entries);
      }
      const sums = xs.map((x) => totals[x - 1]!.toBytes());
      const { values, inconsistent } = interpolateBatch(xs, sums, t);
      const truth = Array.from({ length: slots }, (_, slot) =>
        meters.reduce((sum, { readings }) => add(sum, BigInt(readings[slot]!)), 0n),
      );
      assert.deepEqual([...values], truth);
      assert.equal(inconsistent, 0);
    }),
  );
});

test("weighted sums of shares are shares of the weighted sum", () => {
  const rows = fc.array(fc.tuple(energyWh, element), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(sharing, key, rows, ({ n, t, xs }, deviceKey, pairs) => {
      const readings = pairs.map(([reading]) => reading);
      const weights = pairs.map(([, weight]) => weight);
      const entries = entriesOf({ key: deviceKey, readings, n, t });
      const points = xs.map((x) => ({ x, y: weightedSum(entries[x - 1]!, limbsOf(weights)) }));
      const truth = pairs.reduce((sum, [reading, weight]) => add(sum, multiply(BigInt(reading), weight)), 0n);
      assert.deepEqual(interpolate(points, t), { value: truth, spare: xs.length - t, disagreeing: 0 });
    }),
  );
});

test("t - 1 shares are consistent with every reading: for each there is exactly one polynomial", () => {
  fc.assert(
    fc.property(sharing, key, element, element, ({ n, t, xs }, deviceKey, reading, otherReading) => {
      fc.pre(t > 1);
      const { coefficients } = polynomialOf({ key: deviceKey, kind: 1, slot: 5, reading, t });
      const shares = split(reading, coefficients, n);
      const seen = xs.slice(0, t - 1).map((x) => ({ x, y: shares[x - 1]! }));
      // The polynomial of degree t - 1 through what was seen and any other reading at 0: a valid sharing of that.
      const other = coefficientsThrough([{ x: 0, y: otherReading }, ...seen]);
      assert.equal(other.length, t);
      const forged = split(other[0]!, other.slice(1), n);
      assert.equal(other[0], otherReading);
      for (const { x, y } of seen) assert.equal(forged[x - 1], y);
      // The control: one more share fixes the reading.
      if (otherReading !== reading) assert.notDeepEqual(forged[xs[t - 1]! - 1], shares[xs[t - 1]! - 1]);
    }),
  );
});

test("a retry gives the same shares, another reading another tag at every aggregator", () => {
  fc.assert(
    fc.property(sharing, key, energyWh, energyWh, ({ n, t }, deviceKey, reading, other) => {
      fc.pre(reading !== other);
      const first = entriesOf({ key: deviceKey, readings: [reading], n, t });
      assert.deepEqual(entriesOf({ key: deviceKey, readings: [reading], n, t }), first);
      const changed = entriesOf({ key: deviceKey, readings: [other], n, t });
      for (const [index, entry] of first.entries()) {
        assert.deepEqual(entry.subarray(8), first[0]!.subarray(8));
        assert.notDeepEqual(entry.subarray(8), changed[index]!.subarray(8));
      }
    }),
  );
});

test("a slot of a batch is split as it would be alone", () => {
  fc.assert(
    fc.property(sharing, key, fc.array(energyWh, { maxLength: 5 }), ({ n, t }, deviceKey, readings) => {
      const entries = entriesOf({ key: deviceKey, readings, n, t });
      for (const [index, reading] of readings.entries()) {
        const { coefficients, tag } = polynomialOf({
          key: deviceKey,
          kind: 1,
          slot: 1000 + index,
          reading: BigInt(reading),
          t,
        });
        for (const [at, share] of split(BigInt(reading), coefficients, n).entries()) {
          const expected = Buffer.alloc(16);
          expected.writeBigUInt64BE(share);
          expected.set(tag, 8);
          assert.deepEqual(Buffer.from(entries[at]!.subarray(16 * index, 16 * index + 16)), expected);
        }
      }
    }),
  );
});

/** Newton's divided differences, expanded: the coefficients of the polynomial through the points, lowest first. */
function coefficientsThrough(points: readonly { readonly x: number; readonly y: FieldElement }[]): FieldElement[] {
  const mod = (value: bigint): bigint => ((value % FIELD_PRIME) + FIELD_PRIME) % FIELD_PRIME;
  let result: bigint[] = [];
  let basis = [1n];
  const valueAt = (polynomial: readonly bigint[], x: number): bigint =>
    polynomial.reduceRight((sum, value) => mod(sum * BigInt(x) + value), 0n);
  for (const { x, y } of points) {
    const factor = multiply(mod(y - valueAt(result, x)), fermatInverse(valueAt(basis, x)));
    result = basis.map((value, power) => mod((result[power] ?? 0n) + factor * value));
    basis = [0n, ...basis].map((value, power) => mod(value - BigInt(x) * (basis[power] ?? 0n)));
  }
  return result;
}

function fermatInverse(value: bigint): bigint {
  let result = 1n;
  for (let bit = 60n; bit >= 0n; bit--) {
    result = (result * result) % FIELD_PRIME;
    if (((FIELD_PRIME - 2n) >> bit) & 1n) result = (result * value) % FIELD_PRIME;
  }
  return result;
}

test("Lagrange's weights add up to 1, wherever the polynomial is evaluated", () => {
  fc.assert(
    fc.property(
      sharing,
      fc.nat(7),
      ({ xs }, at) => lagrangeWeights(xs, at).reduce((sum, weight) => add(sum, weight), 0n) === 1n,
    ),
  );
});
