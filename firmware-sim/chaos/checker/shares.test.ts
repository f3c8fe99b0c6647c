import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { valueAt } from "./shares.ts";

const PRIME = 2n ** 61n - 1n;

test("any t points of a polynomial of degree t - 1 give its value everywhere", () => {
  const element = fc.bigInt({ min: 0n, max: PRIME - 1n });
  fc.assert(
    fc.property(fc.array(element, { minLength: 1, maxLength: 4 }), (coefficients) => {
      const at = (x: bigint): bigint => coefficients.reduceRight((sum, one) => (sum * x + one) % PRIME, 0n);
      const points = Array.from({ length: 7 }, (_, i) => ({ x: BigInt(i + 1), y: at(BigInt(i + 1)) }));
      const some = points.slice(2, 2 + coefficients.length);
      assert.equal(valueAt(some, 0n), coefficients[0]);
      for (const { x, y } of points) assert.equal(valueAt(some, x), y);
    }),
  );
});
