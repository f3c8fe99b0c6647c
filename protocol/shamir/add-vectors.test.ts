import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FIELD_PRIME, readElement } from "../field.ts";
import { limbsOf } from "../field-words.ts";
import { VectorTotals, weightedVectorSum } from "./add-vectors.ts";

const element = fc.bigInt({ min: 0n, max: FIELD_PRIME - 1n });

test("totals are the sums modulo p, element by element", () => {
  const vectors = fc.integer({ min: 1, max: 9 }).chain((length) => {
    const vector = fc.array(fc.oneof(element, fc.constant(FIELD_PRIME - 1n)), { minLength: length, maxLength: length });
    return fc.array(vector, { minLength: 1, maxLength: 12 });
  });
  fc.assert(
    fc.property(vectors, (all) => {
      const totals = new VectorTotals(all[0]!.length);
      for (const vector of all) totals.add(BigUint64Array.from(vector));
      const bytes = totals.toBytes();
      for (const i of all[0]!.keys()) {
        const sum = all.reduce((before, vector) => before + vector[i]!, 0n) % FIELD_PRIME;
        assert.equal(readElement(bytes, 8 * i), sum);
      }
    }),
    { numRuns: 100 },
  );
});

test("a weighted sum is that of the products modulo p, also of many of the largest", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(element, element), { minLength: 1, maxLength: 150 }), (pairs) => {
      const shares = BigUint64Array.from(pairs.map(([share]) => share));
      const sum = pairs.reduce((before, [share, weight]) => before + share * weight, 0n) % FIELD_PRIME;
      assert.equal(weightedVectorSum(shares, limbsOf(pairs.map(([, weight]) => weight))), sum);
    }),
    { numRuns: 100 },
  );
  const most = FIELD_PRIME - 1n;
  const many = new BigUint64Array(5_000).fill(most);
  const weights = limbsOf(new Array<bigint>(5_000).fill(most));
  assert.equal(weightedVectorSum(many, weights), (5_000n * most * most) % FIELD_PRIME);
});

test("refuses vectors and weights of another length, by their names", () => {
  assert.throws(() => new VectorTotals(3).add(new BigUint64Array(2)), /RangeError: shares: expected 3 elements, got 2/);
  assert.throws(() => weightedVectorSum(new BigUint64Array(2), new Float64Array(3)), /RangeError: weights: expected 6/);
});
