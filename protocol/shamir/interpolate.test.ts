import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FIELD_PRIME } from "../field.ts";
import { elementsToBytes } from "../field-words.ts";
import { interpolate, interpolateBatch, lagrangeWeights } from "./interpolate.ts";

const bytesOf = (...values: bigint[]): Uint8Array => elementsToBytes(BigUint64Array.from(values));

test("the weights of small sets are the text-book ones, and they are cached", () => {
  assert.deepEqual(lagrangeWeights([1, 2]), [2n, FIELD_PRIME - 1n]);
  assert.deepEqual(lagrangeWeights([1, 2, 3]), [3n, FIELD_PRIME - 3n, 1n]);
  assert.deepEqual(lagrangeWeights([4]), [1n]);
  assert.equal(lagrangeWeights([2, 5, 7]), lagrangeWeights([2, 5, 7]));
});

test("a wrong spare answer is counted, and the first t decide the value", () => {
  // f(x) = 5 + 3x
  const points = [
    { x: 1, y: 8n },
    { x: 2, y: 11n },
    { x: 3, y: 14n },
    { x: 4, y: 18n },
    { x: 5, y: 0n },
  ];
  assert.deepEqual(interpolate(points, 2), { value: 5n, spare: 3, disagreeing: 2 });
  assert.deepEqual(interpolate(points.slice(0, 2), 2), { value: 5n, spare: 0, disagreeing: 0 });
});

test("a liar among the first t makes spare answers disagree", () => {
  const elements = fc.array(fc.bigInt({ min: 0n, max: FIELD_PRIME - 1n }), { minLength: 2, maxLength: 2 });
  fc.assert(
    fc.property(elements, fc.nat(2), fc.bigInt({ min: 1n, max: FIELD_PRIME - 1n }), ([a, b], liar, lie) => {
      const points = [1, 2, 3].map((x, index) => {
        const y = (a! + b! * BigInt(x) + (index === liar ? lie : 0n)) % FIELD_PRIME;
        return { x, y };
      });
      assert.equal(interpolate(points, 2).disagreeing, 1);
    }),
  );
});

test("a batch says which of its values are inconsistent", () => {
  const sums = [bytesOf(8n, 1n, 7n), bytesOf(11n, 2n, 7n), bytesOf(14n, 4n, 7n), bytesOf(17n, 9n, 7n)];
  const { values, spare, disagreeing, inconsistent } = interpolateBatch([1, 2, 3, 4], sums, 2);
  assert.deepEqual([...values], [5n, 0n, 7n]);
  assert.deepEqual([...disagreeing], [0, 2, 0]);
  assert.deepEqual([spare, inconsistent], [2, 1]);
});

test("a batch of no values is empty", () => {
  assert.equal(interpolateBatch([1, 2], [bytesOf(), bytesOf()], 2).values.length, 0);
});

test("refuses index 0, which would be the secret, and indices out of range or given twice", () => {
  assert.throws(() => lagrangeWeights([0, 1]), /RangeError: x: expected an integer from 1 to 7, got 0/);
  assert.throws(() => interpolate([{ x: 8, y: 1n }], 1), /RangeError: x: expected an integer from 1 to 7, got 8/);
  assert.throws(() => interpolateBatch([1.5], [bytesOf(1n)], 1), /RangeError: x: /);
  assert.throws(() => lagrangeWeights([2, 3, 2]), /RangeError: x: expected every index once, got 2 twice/);
  assert.throws(() => lagrangeWeights([]), /RangeError: xs: expected at least one index, got none/);
  assert.throws(() => lagrangeWeights([1], 8), /RangeError: at: expected an integer from 0 to 7, got 8/);
});

test("refuses fewer points than the threshold, and thresholds out of range", () => {
  const points = [{ x: 1, y: 1n }];
  assert.throws(() => interpolate(points, 2), /RangeError: points: expected at least t = 2 points, got 1/);
  assert.throws(() => interpolate(points, 0), /RangeError: t: expected an integer from 1 to 7, got 0/);
  assert.throws(() => interpolateBatch([1], [bytesOf(1n)], 2), /RangeError: xs: expected at least t = 2 points, got 1/);
});

test("refuses answers outside the field or of broken length", () => {
  assert.throws(() => interpolate([{ x: 1, y: FIELD_PRIME }], 1), /RangeError: points\[0\].y: /);
  assert.throws(() => interpolateBatch([1], [bytesOf(0n, FIELD_PRIME)], 1), /RangeError: sums\[0\]: .* at value 1/);
  assert.throws(() => interpolateBatch([1, 2], [bytesOf(1n)], 1), /RangeError: sums: expected 2 buffers, got 1/);
  assert.throws(
    () => interpolateBatch([1, 2], [bytesOf(1n), bytesOf()], 1),
    /RangeError: sums\[1\]: expected 8 bytes, got 0/,
  );
  assert.throws(
    () => interpolateBatch([1], [new Uint8Array(9)], 1),
    /RangeError: sums\[0\]: expected a multiple of 8 bytes, got 9/,
  );
});
