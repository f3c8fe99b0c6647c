import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { Ring, type RnsPoly } from "../ring/index.ts";
import { uniform } from "../ring/sample.ts";
import { type Rounding, roundingFor, upperDigits } from "./rounding.ts";

const DEGREE = 64;

/** The largest primes of so many bits that are 1 modulo 2 * DEGREE. */
function ringOf(...bits: number[]): Ring {
  const primes: bigint[] = [];
  for (const width of bits) {
    let candidate = (1n << BigInt(width)) - BigInt(2 * DEGREE) + 1n;
    for (; ; candidate -= BigInt(2 * DEGREE)) {
      if (primes.includes(candidate)) continue;
      try {
        Ring.create(DEGREE, [candidate]);
        break;
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }
    primes.push(candidate);
  }
  return Ring.create(DEGREE, primes);
}

const product = (primes: readonly bigint[]): bigint => primes.reduce((all, prime) => all * prime, 1n);

function polyOf(ring: Ring, values: readonly bigint[]): RnsPoly {
  const q = product(ring.primes);
  const residues = ring.primes.flatMap((prime) => values.map((value) => (((value % q) + q) % q) % prime));
  return BigUint64Array.from(residues);
}

/** The same by plain numbers. */
function expected(ring: Ring, values: readonly bigint[], { dropped, shift }: Rounding): Uint8Array {
  const words = ring.primes.slice(dropped).flatMap((prime, i) =>
    values.map((value) => {
      const digit = (value / product(ring.primes.slice(0, dropped + i))) % prime;
      return i === 0 ? digit >> BigInt(shift) : digit;
    }),
  );
  return new Uint8Array(BigUint64Array.from(words).buffer);
}

for (const [what, bits, most] of [
  ["nothing dropped whole", [45, 45], 1n << 22n],
  ["a digit and part of the next", [55, 54, 55], 1n << 56n],
  ["a shift beyond half a word", [58, 59], 1n << 40n],
  ["two digits", [30, 31, 32, 60], 1n << 52n],
] as const) {
  test(`upper digits are exact, and settled ones stand any allowed difference: ${what}`, () => {
    const ring = ringOf(...bits);
    const q = product(ring.primes);
    const rounding = roundingFor(DEGREE, ring.primes, most);
    assert.ok(rounding.bits >= 1);
    let settled = 0;
    for (let round = 0; round < 60; round++) {
      const random = uniform(DEGREE * bits.length, 2n ** 60n, randomBytes);
      const values = Array.from({ length: DEGREE }, (_, place) => {
        const words = bits.map((_, i) => random[place * bits.length + i]!);
        return words.reduce((all, word) => (all << 60n) | word, 0n) % q;
      });
      const upper = upperDigits(ring, polyOf(ring, values), rounding);
      assert.equal(Buffer.compare(upper.bytes, expected(ring, values, rounding)), 0);
      if (!upper.settled) continue;
      settled++;
      for (const difference of [most, -most]) {
        const moved = polyOf(
          ring,
          values.map((value) => value + difference),
        );
        assert.equal(Buffer.compare(upperDigits(ring, moved, rounding).bytes, upper.bytes), 0);
      }
    }
    assert.ok(settled >= 40, `${settled} of 60 settled`);
  });
}

test("a coefficient at an edge is not settled, whichever edge", () => {
  const ring = ringOf(45, 45);
  const most = 1n << 22n;
  const rounding = roundingFor(DEGREE, ring.primes, most);
  const step = 1n << BigInt(rounding.shift);
  const [first] = ring.primes;
  const middle = step / 2n;
  const lastStep = (first! / step) * step;
  for (const [value, settled] of [
    [middle, true],
    [5n * step + most + 1n, true],
    [5n * step + most, false],
    [5n * step - most, false],
    [5n * step, false],
    [0n, false],
    [product(ring.primes) - 1n, false],
    [7n * first! - 1n, false],
    [7n * first! + most, false],
    [7n * first! + lastStep - 1n, false],
  ] as const) {
    const values = new Array<bigint>(DEGREE).fill(middle);
    values[9] = value;
    assert.equal(upperDigits(ring, polyOf(ring, values), rounding).settled, settled, `${value}`);
  }
});
