import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FIELD_PRIME, multiply, reduce } from "./field.ts";
import {
  addBatch,
  addProduct,
  carryProductSum,
  elementsToBytes,
  HIGH,
  limbsOf,
  LOW,
  multiplyBatch,
  storeElement,
  storeProductSum,
  wordsOf,
} from "./field-words.ts";

// Values near the borders of words and limbs are where a carry goes missing.
const element = fc.oneof(
  fc.bigInt({ min: 0n, max: FIELD_PRIME - 1n }),
  fc
    .tuple(fc.constantFrom(0n, 21n, 32n, 42n, 53n, 61n), fc.bigInt({ min: -3n, max: 3n }))
    .map(([bits, offset]) => reduce(2n ** bits + offset)),
);
const elements = fc.array(element, { maxLength: 20 });

function stored(low: number, high: number): bigint {
  const out = new BigUint64Array(1);
  storeElement(low, high, wordsOf(out), 0);
  return out[0]!;
}

test("words beyond 32 bits are stored modulo p", () => {
  const low = fc.oneof(fc.nat(10), fc.maxSafeInteger().map(Math.abs));
  const high = fc.oneof(fc.constantFrom(2 ** 29 - 1, 2 ** 29, 2 ** 53 - 2 ** 21 - 1), fc.nat(2 ** 31 - 1));
  fc.assert(
    fc.property(low, high, (lo, hi) => stored(lo, hi) === (BigInt(lo) + (BigInt(hi) << 32n)) % FIELD_PRIME),
    { numRuns: 2000 },
  );
});

test("p itself is stored as 0, and a carry out of the top word comes back as 1", () => {
  assert.equal(stored(2 ** 32 - 1, 2 ** 29 - 1), 0n);
  assert.equal(stored(2 ** 32, 2 ** 29 - 1), 1n);
  assert.equal(stored(2 ** 32 - 1, 2 ** 30 - 1), 1n);
  assert.equal(stored(2 ** 32 - 2, 2 ** 29 - 1), FIELD_PRIME - 1n);
});

test("batches multiply and add as BigInt does", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(element, element), { maxLength: 20 }), (pairs) => {
      const a = BigUint64Array.from(pairs.map(([value]) => value));
      const b = BigUint64Array.from(pairs.map(([, value]) => value));
      const products = new BigUint64Array(pairs.length);
      multiplyBatch(a, b, products);
      assert.deepEqual(
        [...products],
        pairs.map(([x, y]) => (x * y) % FIELD_PRIME),
      );
      // In place.
      addBatch(a, b, a);
      assert.deepEqual(
        [...a],
        pairs.map(([x, y]) => (x + y) % FIELD_PRIME),
      );
    }),
    { numRuns: 1000 },
  );
});

test("a batch may begin in the middle of a buffer", () => {
  const memory = BigUint64Array.of(0n, 3n, 5n, 0n);
  multiplyBatch(memory.subarray(1, 2), memory.subarray(2, 3), memory.subarray(3, 4));
  assert.deepEqual([...memory], [0n, 3n, 5n, 15n]);
});

test("a hundred of the largest products add up without losing a bit, and more with a carry between", () => {
  const most = FIELD_PRIME - 1n;
  const limbs = limbsOf([most]);
  const words = wordsOf(BigUint64Array.of(most));
  const low = words[LOW]!;
  const high = words[HIGH]!;
  const sum = new Float64Array(3);
  const out = new BigUint64Array(1);
  for (let count = 1; count <= 100; count++) addProduct(low, high, limbs, 0, sum);
  storeProductSum(sum, wordsOf(out), 0);
  assert.equal(out[0], 100n);
  for (let count = 1; count <= 1000; count++) {
    addProduct(low, high, limbs, 0, sum);
    if (count % 100 === 0) carryProductSum(sum);
  }
  storeProductSum(sum, wordsOf(out), 0);
  assert.equal(out[0], 1000n);
});

test("product sums agree with BigInt", () => {
  fc.assert(
    fc.property(elements, element, (values, factor) => {
      const words = wordsOf(BigUint64Array.from(values));
      const sum = new Float64Array(3);
      const out = new BigUint64Array(1);
      const limbs = limbsOf([0n, factor]);
      for (const index of values.keys()) addProduct(words[2 * index + LOW]!, words[2 * index + HIGH]!, limbs, 3, sum);
      storeProductSum(sum, wordsOf(out), 0);
      assert.equal(out[0], multiply(reduce(values.reduce((total, value) => total + value, 0n)), factor));
      assert.deepEqual([...sum], [0, 0, 0]);
    }),
  );
});

test("limbs of any size up to 2^52 are stored modulo p, also where carries run through", () => {
  const limb = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 52n }),
    fc
      .tuple(fc.constantFrom(0n, 19n, 21n, 33n, 42n, 51n), fc.bigInt({ min: -2n, max: 2n }))
      .map(([bits, offset]) => (2n ** bits + offset < 0n ? 0n : 2n ** bits + offset)),
  );
  const check = (r0: bigint, r1: bigint, r2: bigint): void => {
    const out = new BigUint64Array(1);
    storeProductSum(Float64Array.of(Number(r0), Number(r1), Number(r2)), wordsOf(out), 0);
    assert.equal(out[0], (r0 + (r1 << 21n) + (r2 << 42n)) % FIELD_PRIME);
  };
  fc.assert(fc.property(limb, limb, limb, check), { numRuns: 5000 });
  const ones = 2n ** 21n - 1n;
  check(ones, ones, 2n ** 19n - 1n);
  check(ones, ones, 2n ** 19n);
  // A carry to 2^61 that leaves the low word all ones: the last addition carries once more.
  const folded = 2048n;
  check(ones, ones, 2n ** 19n - 1n + (folded << 40n));
});

test("elements are written big endian", () => {
  assert.equal(
    Buffer.from(elementsToBytes(BigUint64Array.of(1n, 0x0a0b0c0d01020304n))).toString("hex"),
    "00000000000000010a0b0c0d01020304",
  );
});

test("refuses batches of unequal length", () => {
  const two = new BigUint64Array(2);
  const three = new BigUint64Array(3);
  assert.throws(() => multiplyBatch(two, three, two), /RangeError: b: expected 2 elements, got 3/);
  assert.throws(() => addBatch(two, two, three), /RangeError: out: expected 2 elements, got 3/);
});
