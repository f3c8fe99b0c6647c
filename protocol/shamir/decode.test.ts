import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { add, FIELD_PRIME, multiply } from "../field.ts";
import { correctable, locateErrors } from "./decode.ts";

const element = fc.bigInt({ min: 0n, max: FIELD_PRIME - 1n });

function pointsOf(coefficients: readonly bigint[], xs: readonly number[]) {
  return xs.map((x) => ({ x, y: coefficients.reduceRight((sum, c) => add(multiply(sum, BigInt(x)), c), 0n) }));
}

/** Points of a polynomial of degree t - 1, and who of them lies by how much. */
const codeword = fc
  .record({ t: fc.integer({ min: 1, max: 5 }), xs: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 5 }) })
  .chain(({ t, xs }) =>
    fc.record({
      t: fc.constant(t),
      points: fc.array(element, { minLength: t, maxLength: t }).map((coefficients) => pointsOf(coefficients, xs)),
      lies: fc.array(fc.bigInt({ min: 1n, max: FIELD_PRIME - 1n }), { maxLength: correctable(xs.length, t) }),
    }),
  );

test("as many wrong points as can be corrected are found, wherever they are", () => {
  fc.assert(
    fc.property(codeword, fc.integer({ min: 0, max: 6 }), ({ t, points, lies }, from) => {
      const liars = lies.map((_, i) => (from + i) % points.length);
      const told = points.map(({ x, y }, i) => ({ x, y: liars.includes(i) ? add(y, lies[liars.indexOf(i)]!) : y }));
      const expected = points.filter((_, i) => liars.includes(i)).map(({ x }) => x);
      assert.deepEqual(locateErrors(told, t), expected);
    }),
  );
});

test("one wrong point more is not corrected into something else than a codeword that near", () => {
  fc.assert(
    fc.property(codeword, fc.array(element, { minLength: 7, maxLength: 7 }), ({ t, points }, noise) => {
      const errors = correctable(points.length, t) + 1;
      if (errors > points.length - t) return;
      const told = points.map(({ x, y }, i) => ({ x, y: i < errors ? add(y, noise[i]!) : y }));
      const wrong = locateErrors(told, t);
      // Whatever is answered, all other points lie on one polynomial; with random lies there almost never is one.
      assert.ok(wrong === undefined || wrong.length < errors);
    }),
  );
});

test("five answers at t = 2: two different lies are too many, and it is said", () => {
  const told = pointsOf([1000n, 77n], [1, 2, 3, 4, 5]).map(({ x, y }) => ({
    x,
    y: x === 2 || x === 5 ? add(y, BigInt(x)) : y,
  }));
  assert.equal(locateErrors(told, 2), undefined);
});
