import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sealKeys } from "../threshold/testing/seal-keys.ts";
import { minimalRoot, powerMod, residue } from "./modular.ts";
import { Ring } from "./ring.ts";
import { seededBytes, uniform } from "./sample.ts";
import { primesOf } from "./testing/primes.ts";

// The widest and the narrowest primes that this degree allows, so that every reduction has its extremes.
const DEGREE = 16;
const PRIMES = [...primesOf(DEGREE, 61, 2), ...primesOf(DEGREE, 45, 1), ...primesOf(DEGREE, 7, 1)];
const ring = Ring.create(DEGREE, PRIMES);

const word = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.constantFrom(0n, 1n, (1n << 32n) - 1n, 1n << 32n, (1n << 61n) - 1n, (1n << 64n) - 1n),
);
/** Residues with many at the edges: 0, 1 and p - 1. */
const polynomial = fc
  .array(fc.oneof(word, fc.constant(-1n)), { minLength: 4 * DEGREE, maxLength: 4 * DEGREE })
  .map((words) => BigUint64Array.from(words, (value, at) => residue(value, PRIMES[Math.floor(at / DEGREE)]!)));

const primeAt = (at: number): bigint => PRIMES[Math.floor(at / DEGREE)]!;
const mapped = (a: BigUint64Array, f: (x: bigint, p: bigint, at: number) => bigint): BigUint64Array =>
  a.map((x, at) => residue(f(x, primeAt(at), at), primeAt(at)));

test("the transform gives the values at odd powers of SEAL's root, in bit-reversed order", () => {
  const reversed = (index: number): number =>
    parseInt(index.toString(2).padStart(4, "0").split("").reverse().join(""), 2);
  fc.assert(
    fc.property(polynomial, (poly) => {
      const values = ring.forward(poly.slice());
      for (const [at, value] of values.entries()) {
        const prime = primeAt(at);
        const x = powerMod(minimalRoot(DEGREE, prime), BigInt(2 * reversed(at % DEGREE) + 1), prime);
        const first = at - (at % DEGREE);
        let expected = 0n;
        for (let k = DEGREE - 1; k >= 0; k--) expected = (expected * x + poly[first + k]!) % prime;
        assert.equal(value, expected);
      }
      assert.deepEqual(ring.inverse(values), poly);
    }),
    { numRuns: 40 },
  );
});

test("products of transforms are products of polynomials modulo X^n + 1", () => {
  fc.assert(
    fc.property(polynomial, polynomial, (a, b) => {
      const product = ring.inverse(ring.multiply(ring.forward(a.slice()), ring.forward(b.slice())));
      for (const [index, prime] of PRIMES.entries()) {
        const expected = Array.from({ length: DEGREE }, () => 0n);
        for (let i = 0; i < DEGREE; i++) {
          for (let j = 0; j < DEGREE; j++) {
            const term = a[index * DEGREE + i]! * b[index * DEGREE + j]!;
            const k = (i + j) % DEGREE;
            expected[k] = residue(expected[k]! + (i + j < DEGREE ? term : -term), prime);
          }
        }
        assert.deepEqual([...product.subarray(index * DEGREE, (index + 1) * DEGREE)], expected);
      }
    }),
    { numRuns: 40 },
  );
});

test("sums, differences, products and multiples are those of the residues", () => {
  fc.assert(
    fc.property(polynomial, polynomial, word, (a, b, factor) => {
      const with_ = (f: (x: bigint, y: bigint) => bigint): BigUint64Array => mapped(a, (x, _, at) => f(x, b[at]!));
      assert.deepEqual(
        ring.add(a.slice(), b),
        with_((x, y) => x + y),
      );
      assert.deepEqual(
        ring.subtract(a.slice(), b),
        with_((x, y) => x - y),
      );
      assert.deepEqual(
        ring.multiply(a.slice(), b),
        with_((x, y) => x * y),
      );
      assert.deepEqual(
        ring.negate(a.slice()),
        with_((x) => -x),
      );
      assert.deepEqual(
        ring.scale(a.slice(), factor),
        with_((x) => x * factor),
      );
      assert.deepEqual(
        ring.scale(a.slice(), -factor),
        with_((x) => -x * factor),
      );
      assert.deepEqual(
        ring.addScaled(a.slice(), b, factor),
        with_((x, y) => x + y * factor),
      );
      const factors = PRIMES.map((prime, index) => (factor + BigInt(index)) % prime);
      const scaled = mapped(a, (x, _, at) => x * factors[Math.floor(at / DEGREE)]!);
      assert.deepEqual(ring.scale(a.slice(), factors), scaled);
    }),
  );
});

test("signed numbers and any 64-bit words are taken modulo every prime", () => {
  const signed = fc.array(fc.oneof(fc.integer(), fc.constantFrom(0, -(2 ** 31), 2 ** 31 - 1)), {
    minLength: DEGREE,
    maxLength: DEGREE,
  });
  fc.assert(
    fc.property(polynomial, signed, word, (a, b, weight) => {
      const expected = mapped(a, (x, _, at) => x + BigInt(b[at % DEGREE]!) * weight);
      assert.deepEqual(ring.addSigned(a.slice(), Int32Array.from(b), weight), expected);
    }),
  );
  fc.assert(
    fc.property(fc.array(word, { minLength: DEGREE, maxLength: DEGREE }), word, word, (words, factor, offset) => {
      for (const [index, prime] of PRIMES.entries()) {
        const a = BigUint64Array.from(words);
        ring.at(index).affine(a, factor, offset);
        assert.deepEqual(
          [...a],
          words.map((x) => (x * factor + offset) % prime),
        );
      }
    }),
  );
});

test("shorter vectors work where the number of primes is given", () => {
  const a = BigUint64Array.of(1n, 2n, PRIMES[1]! - 1n, 4n);
  assert.deepEqual(ring.add(a.slice(), a, 2), BigUint64Array.of(2n, 4n, PRIMES[1]! - 2n, 8n));
  assert.throws(() => ring.add(a.slice(), a), /RangeError: polynomial: expected 1 to 4 times 16 residues, got 4/);
});

test("finds what is no residue", () => {
  const a = ring.zero(2);
  ring.assertReduced("share", a);
  a[DEGREE + 3] = PRIMES[1]!;
  assert.throws(() => ring.assertReduced("share", a), /RangeError: share: expected residues below \d+, but not at 19/);
});

test("refuses degrees, primes and lengths that do not fit", () => {
  assert.throws(() => Ring.create(24, PRIMES), /RangeError: degree: expected a power of two/);
  assert.throws(() => Ring.create(65_536, PRIMES), /RangeError: degree/);
  assert.throws(() => Ring.create(16, []), /RangeError: primes: expected at least one/);
  assert.throws(() => Ring.create(16, [(1n << 61n) + 1n]), /RangeError: primes\[0\]: expected a prime/);
  assert.throws(() => Ring.create(16, [97n * 193n]), /RangeError: primes\[0\]: expected a prime/);
  assert.throws(() => Ring.create(16, [97n, 97n]), /RangeError: primes\[1\]: 97 is there twice/);
  assert.throws(() => Ring.create(32, [97n]), /RangeError: prime: expected 1 modulo 64, got 97/);
  assert.throws(() => ring.forward(new BigUint64Array(15)), /RangeError: polynomial: expected/);
  assert.throws(() => ring.add(ring.zero(2), ring.zero(1)), /RangeError: b: expected 32 residues, got 16/);
  assert.throws(() => ring.at(4), /RangeError: prime index: expected an integer from 0 to 3, got 4/);
  assert.throws(
    () => ring.at(0).add(new BigUint64Array(17), new BigUint64Array(17)),
    /RangeError: a: expected 1 to 16/,
  );
});

test("inverse transforms of SEAL's plaintexts are the coefficients that were encoded, and back", async () => {
  for (const degree of [4096, 8192]) {
    const keys = await sealKeys(degree, [45, 40, 24]);
    const sealRing = keys.ring;
    const primes = sealRing.primes.slice(0, 2);
    // A constant is a constant polynomial; a single value v in slot 0 has coefficients near 2 v scale / degree.
    const poly = keys.encode(new Float64Array(degree / 2).fill(-1234.5), 2 ** 30);
    const coefficients = sealRing.inverse(poly.slice());
    for (const [index, prime] of primes.entries()) {
      const part = coefficients.subarray(index * degree, (index + 1) * degree);
      assert.equal(part[0], residue((-12345n * 2n ** 29n) / 5n, prime));
      assert.ok(part.subarray(1).every((value) => value === 0n));
    }
    assert.deepEqual(sealRing.forward(coefficients), poly);
    // Values 1, 2, 3 ... : every coefficient is the canonical embedding's, rounded.
    const values = Float64Array.from({ length: degree / 2 }, (_, slot) => (slot % 97) - 40);
    const spread = sealRing.inverse(keys.encode(values, 2 ** 30));
    const exponents: number[] = [];
    for (let slot = 0, power = 1; slot < degree / 2; slot++, power = (power * 3) % (2 * degree)) exponents.push(power);
    for (const k of [0, 1, 2, 777, degree - 1]) {
      let expected = 0;
      for (const [slot, value] of values.entries()) {
        expected += 2 * value * Math.cos((Math.PI * ((exponents[slot]! * k) % (2 * degree))) / degree);
      }
      expected *= 2 ** 30 / degree;
      for (const [index, prime] of primes.entries()) {
        const difference = residue(spread[index * degree + k]! - BigInt(Math.round(expected)), prime);
        assert.ok(difference < 3n || difference > prime - 3n, `coefficient ${k} of degree ${degree}`);
      }
    }
  }
});

test("vectors of 32,768 coefficients and many primes survive transform and back", () => {
  const primes = primesOf(32_768, 60, 3);
  const large = Ring.create(32_768, primes);
  const poly = large.zero();
  const random = seededBytes(new Uint8Array(32), "transform");
  for (const [index, prime] of primes.entries()) poly.set(uniform(32_768, prime, random), index * 32_768);
  const before = poly.slice();
  assert.notDeepEqual(large.forward(poly), before);
  assert.deepEqual(large.inverse(poly), before);
});
