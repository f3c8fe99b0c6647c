import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FIELD_PRIME } from "../field.ts";
import { packLanes, unpackLanes } from "./lanes.ts";

const shapes = fc.integer({ min: 2, max: 52 }).chain((laneBits) =>
  fc.record({
    laneBits: fc.constant(laneBits),
    lanes: fc.integer({ min: 1, max: Math.floor(60 / laneBits) }),
    length: fc.integer({ min: 1, max: 50 }),
  }),
);

test("coordinates at the edge of their lane come back", () => {
  const filled = shapes.chain((shape) => {
    const half = 2 ** (shape.laneBits - 1);
    const value = fc.oneof(fc.integer({ min: -1, max: 1 }), fc.constantFrom(-half, half - 1, -half + 1));
    return fc.tuple(fc.constant(shape), fc.array(value, { minLength: shape.length, maxLength: shape.length }));
  });
  fc.assert(
    fc.property(filled, ([shape, values]) => {
      assert.deepEqual(
        unpackLanes(packLanes(values, shape), shape),
        values.map((value) => value + 0),
      );
    }),
    { numRuns: 500 },
  );
});

test("sums of packed vectors are packed sums, also of parts that do not fit a lane by themselves", () => {
  const shape = { length: 5, laneBits: 30, lanes: 2 };
  const rows = [
    [2 ** 31, -(2 ** 33), 5, -6, 2 ** 40],
    [-(2 ** 31) + 7, 2 ** 33 - 2 ** 29, -5, 5, -(2 ** 40) + 2 ** 29 - 1],
  ];
  const sum = new BigUint64Array(3);
  for (const row of rows) {
    for (const [i, element] of packLanes(row, shape).entries()) sum[i] = (sum[i]! + element) % FIELD_PRIME;
  }
  assert.deepEqual(unpackLanes(sum, shape), [7, -(2 ** 29), 0, -1, 2 ** 29 - 1]);
});

test("says so when the last lane of an element is out of range", () => {
  const shape = { length: 2, laneBits: 20, lanes: 2 };
  const over = packLanes([0, 2 ** 19], shape);
  assert.throws(() => unpackLanes(over, shape), /elements\[0\]: a coordinate is out of the range of its lane/);
});

test("refuses shapes, lengths and values that cannot be", () => {
  const shape = { length: 2, laneBits: 20, lanes: 2 };
  assert.throws(() => packLanes([1], shape), /values: expected 2 coordinates, got 1/);
  assert.throws(() => packLanes([1, 0.5], shape), /values\[1\]: expected a safe integer/);
  assert.throws(() => packLanes([1, 2], { ...shape, lanes: 4 }), /at most 60 bits in lanes, got 4 lanes of 20/);
  assert.throws(() => unpackLanes(BigUint64Array.of(1n, 2n), shape), /elements: expected 1, got 2/);
  assert.throws(() => unpackLanes(BigUint64Array.of(FIELD_PRIME), shape), /elements\[0\]: expected less than/);
});
