/** The laws of exact fractions, and rounding checked against its definition. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { add, equal, multiply, negate, parseDecimal, rational, roundHalfEven, sum, ZERO } from "./rational.ts";

const fraction = fc
  .tuple(fc.bigInt(-(10n ** 30n), 10n ** 30n), fc.bigInt(1n, 10n ** 12n))
  .map(([num, den]) => rational(num, den));

test("rounds halves to the even neighbour on both sides of zero", () => {
  const cases: [bigint, bigint, bigint][] = [
    [1n, 2n, 0n],
    [3n, 2n, 2n],
    [5n, 2n, 2n],
    [-1n, 2n, 0n],
    [-3n, 2n, -2n],
    [-5n, 2n, -2n],
    [500n, 1000n, 0n],
    [1500n, 1000n, 2n],
    [501n, 1000n, 1n],
    [499n, 1000n, 0n],
    [-501n, 1000n, -1n],
    [7n, 1n, 7n],
    [-7n, 1n, -7n],
  ];
  for (const [num, den, expected] of cases) assert.equal(roundHalfEven({ num, den }), expected, `${num}/${den}`);
});

test("rounding picks the integer at no more than half a unit, the even one at exactly half", () => {
  fc.assert(
    fc.property(fraction, ({ num, den }) => {
      const rounded = roundHalfEven({ num, den });
      const twiceDistance = 2n * (num - rounded * den);
      const distance = twiceDistance < 0n ? -twiceDistance : twiceDistance;
      assert.ok(distance <= den);
      if (distance === den) assert.equal(rounded % 2n, 0n);
    }),
  );
});

test("rounding is odd: the negated amount rounds to the negated result", () => {
  fc.assert(fc.property(fraction, (x) => roundHalfEven(negate(x)) === -roundHalfEven(x)));
});

test("halves built on purpose go to the even neighbour", () => {
  fc.assert(
    fc.property(fc.bigInt(-(10n ** 20n), 10n ** 20n), fc.bigInt(1n, 1000n), (floor, scale) => {
      const rounded = roundHalfEven({ num: (2n * floor + 1n) * scale, den: 2n * scale });
      assert.equal(rounded, floor % 2n === 0n ? floor : floor + 1n);
    }),
  );
});

test("addition and multiplication are those of fractions", () => {
  fc.assert(
    fc.property(fraction, fraction, fraction, (a, b, c) => {
      assert.ok(equal(add(a, b), add(b, a)));
      assert.ok(equal(add(add(a, b), c), add(a, add(b, c))));
      assert.ok(equal(multiply(a, add(b, c)), add(multiply(a, b), multiply(a, c))));
      assert.ok(equal(add(a, negate(a)), ZERO));
      assert.ok(equal(sum([a, b, c]), add(a, add(b, c))));
    }),
  );
});

test("reads decimals exactly and refuses everything else", () => {
  assert.ok(equal(parseDecimal("0.19") ?? ZERO, rational(19n, 100n)));
  assert.ok(equal(parseDecimal("0.190") ?? ZERO, rational(19n, 100n)));
  assert.ok(equal(parseDecimal("1") ?? ZERO, rational(1n)));
  for (const text of ["", ".5", "5.", "-1", "1e-2", "0x1", " 1", "1,5", "19%", "NaN"]) {
    assert.equal(parseDecimal(text), undefined, text);
  }
});

test("a zero denominator is refused and a negative one is turned", () => {
  assert.throws(() => rational(1n, 0n), RangeError);
  assert.deepEqual(rational(1n, -2n), { num: -1n, den: 2n });
});
