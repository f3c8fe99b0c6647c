import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seededBytes } from "../ckks/ring/sample.ts";
import { RandomBits } from "./bits.ts";
import { clientVariance, sumBits, sumNoise } from "./distributed.ts";
import { Skellam } from "./poisson.ts";
import { toNumber } from "./rational.ts";
import { roundByChance, roundedNorm, roundVector } from "./rounding.ts";

function seeded(label: string): RandomBits {
  return new RandomBits(seededBytes(new Uint8Array(32).fill(3), label));
}

test("whoever stays and whoever colludes, what hides an update is never below the target", () => {
  fc.assert(
    fc.property(
      fc.bigInt(1n, 10n ** 12n),
      fc.integer({ min: 1, max: 500 }),
      fc.nat(499),
      fc.nat(500),
      (numerator, minimumClients, c, more) => {
        const colluders = c % minimumClients;
        const split = { target: { numerator, denominator: 3n }, minimumClients, colluders };
        const { variance, hidden, excess } = sumNoise(split, minimumClients + more);
        assert.ok(hidden.numerator * 3n >= numerator * hidden.denominator);
        assert.ok(Math.abs(toNumber(variance) / toNumber(split.target) - 1 - excess) < 1e-9);
        assert.ok(more > 0 || hidden.numerator * 3n === numerator * hidden.denominator, "at m_min exactly the target");
      },
    ),
  );
});

test("the noise of a sum over survivors has the variance that is stated", () => {
  const split = { target: { numerator: 300n, denominator: 1n }, minimumClients: 8, colluders: 2 };
  const parts = Array.from({ length: 11 }, (_, i) => new Skellam(clientVariance(split), seeded(`client ${i}`)));
  const sums = Array.from({ length: 8_000 }, () => parts.reduce((sum, part) => sum + part.draw(), 0));
  const variance = sums.reduce((sum, x) => sum + x * x, 0) / sums.length;
  const stated = toNumber(sumNoise(split, 11).variance);
  assert.equal(stated, 550);
  assert.ok(Math.abs(variance / stated - 1) < 4 * Math.sqrt(2 / sums.length), `${variance}`);
});

test("too few clients, or nobody honest among them, are refused", () => {
  const target = { numerator: 1n, denominator: 1n };
  assert.throws(
    () => sumNoise({ target, minimumClients: 5, colluders: 1 }, 4),
    /survivors: expected an integer from 5/,
  );
  assert.throws(
    () => clientVariance({ target, minimumClients: 5, colluders: 5 }),
    /colluders: expected fewer than the 5/,
  );
  assert.throws(() => clientVariance({ target, minimumClients: 0, colluders: 0 }), /minimumClients/);
  assert.equal(sumBits(100, 2 ** 15, { numerator: 1n, denominator: 1n }, 6), 23);
});

test("rounding keeps every value in the mean, and never leaves its two neighbours", () => {
  const bits = seeded("rounding");
  for (const value of [0.25, -0.25, 1e-12, -7.9, 3, -3, 0]) {
    const draws = Array.from({ length: 4_000 }, () => roundByChance(value, bits));
    const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
    assert.ok(draws.every((x) => x === Math.floor(value) || x === Math.ceil(value) || x === 0 || value !== 0));
    assert.ok(Math.abs(mean - value) < 4 * Math.sqrt(0.25 / draws.length));
    assert.ok(draws.every((x) => Math.abs(x - value) < 1 && !Object.is(x, -0)));
  }
  assert.throws(() => roundByChance(Number.NaN, bits), /value: expected a number within 2\^53, got NaN/);
});

test("a rounded vector stays within the norm that noise is calibrated to", () => {
  const bits = seeded("vector");
  const values = Float64Array.from({ length: 200 }, (_, i) => Math.sin(i) * 10);
  const norm = Math.hypot(...values);
  const bound = roundedNorm(norm, values.length, 0.1);
  assert.ok(bound < norm + Math.sqrt(values.length) && roundedNorm(norm, 200, 0) === norm + Math.sqrt(200));
  for (let i = 0; i < 50; i++) assert.ok(Math.hypot(...roundVector(values, bound, bits)) <= bound);
  assert.throws(() => roundVector([100], 50, bits), /no rounding had a norm of at most 50/);
  assert.throws(() => roundedNorm(-1, 3, 0), /norm: expected/);
});
