import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, test } from "node:test";
import { seededBytes } from "../ring/sample.ts";
import { combine, toSlots } from "./combine.ts";
import { deal } from "./deal.ts";
import { freshVariance, margin } from "./flooding.ts";
import { partial, unfloodedPart } from "./partial.ts";
import { coefficientsAt } from "./stride.ts";
import { sealKeys } from "./testing/seal-keys.ts";
import { randomiseC0, randomiseC1, zeroEncryption } from "./zero.ts";
import type { RnsPoly } from "../ring/ring.ts";
import type { KeyShare } from "./share.ts";

type Keys = Awaited<ReturnType<typeof sealKeys>>;
const LIGHT = { degree: 4096, primeBits: [45, 45], specialBits: 19 };
let keys: Keys;
before(async () => {
  keys = await sealKeys(LIGHT.degree, [...LIGHT.primeBits, LIGHT.specialBits]);
});

/** All subsets of 1..n with t members. */
function subsets(n: number, t: number, from = 1): number[][] {
  if (t === 0) return [[]];
  return Array.from({ length: n - from + 1 }, (_, at) => from + at).flatMap((first) =>
    subsets(n, t - 1, first + 1).map((rest) => [first, ...rest]),
  );
}
const dealt = (of: Keys, n: number, t: number): KeyShare[] =>
  deal({ ring: of.ring, secret: of.secret, n, t, random: randomBytes });
const unflooded = (of: Keys, c1: RnsPoly, shares: KeyShare[], active: number[], stride: number): RnsPoly[] =>
  active.map((index) => unfloodedPart({ ring: of.ring, c1, share: shares[index - 1]!, active, stride }));
const readings = (count: number): Float64Array => Float64Array.from({ length: count }, (_, slot) => (slot * 37) % 4001);
/** Pearson's statistic of residues over 64 equal parts of the prime; about 63 +- 11 for uniform ones. */
function unevenness(residues: RnsPoly, prime: bigint): number {
  const counts = new Float64Array(64);
  for (const value of residues) counts[Number((value * 64n) / prime)]! += 1;
  return counts.reduce((sum, seen) => sum + (seen - residues.length / 64) ** 2 / (residues.length / 64), 0);
}

test("any t of n open, bit for bit what SEAL decrypts, and decode as SEAL decodes", () => {
  const ciphertext = keys.encrypt(readings(2048), 2 ** 40);
  const { c0, c1, scale } = keys.rawOf(ciphertext);
  const truth = keys.decrypt(ciphertext);
  const opened = coefficientsAt(keys.ring, c0, 1);
  for (const [n, t] of [
    [3, 2],
    [5, 3],
    [3, 1],
    [4, 4],
  ] as const) {
    const shares = dealt(keys, n, t);
    for (const active of subsets(n, t)) {
      const partials = unflooded(keys, c1, shares, active, 1);
      const coefficients = combine({ ring: keys.ring, c0: opened, partials, stride: 1 });
      assert.deepEqual(coefficients, truth.coefficients);
    }
  }
  const slots = toSlots(keys.ring, truth.coefficients, scale, 1);
  for (const [slot, value] of truth.slots.entries()) assert.ok(Math.abs(slots.real[slot]! - value) < 1e-8);
  assert.ok(slots.imaginary.every((value) => Math.abs(value) < 1e-3));
});

test("opens lower levels, and products after relinearisation and rescaling", async () => {
  const deep = await sealKeys(8192, [50, 40, 40, 50]);
  const shares = dealt(deep, 3, 2);
  const a = deep.encrypt(readings(4096), 2 ** 40);
  const relinKeys = deep.relinKeys();
  const product = deep.evaluator.square(a)!;
  deep.evaluator.relinearize(product, relinKeys, product);
  deep.evaluator.rescaleToNext(product, product);
  const lower = deep.evaluator.cipherModSwitchToNext(a)!;
  for (const ciphertext of [product, lower]) {
    const { c0, c1, level } = deep.rawOf(ciphertext);
    assert.equal(level, 2);
    const partials = unflooded(deep, c1, shares, [3, 1], 1);
    const coefficients = combine({ ring: deep.ring, c0: coefficientsAt(deep.ring, c0, 1), partials, stride: 1 });
    assert.deepEqual(coefficients, deep.decrypt(ciphertext).coefficients);
  }
});

test("a flooded sparse opening gives the sum of a day within the stated error, zeros beyond it", () => {
  const stride = 16;
  const wanted = { meters: 3, largestPerMeterWh: 8192, t: 2, errorWh: 0.5, tail: 6, openings: 10_000 };
  const { scaleBits, sigmaBits } = margin({ ...LIGHT, ...wanted, stride });
  const day = readings(128).fill(0, 96);
  const repeated = Float64Array.from({ length: 2048 }, (_, slot) => day[slot % 128]!);
  const { ring } = keys;
  let c0 = ring.zero(2);
  let c1 = ring.zero(2);
  for (let meter = 0; meter < 3; meter++) {
    const raw = keys.rawOf(keys.encrypt(repeated, 2 ** scaleBits));
    c0 = ring.add(c0, raw.c0);
    c1 = ring.add(c1, raw.c1);
  }
  const shares = dealt(keys, 3, 2);
  const zero = zeroEncryption({ ring, publicKey: keys.publicKey, level: 2, seed: new Uint8Array(32).fill(1) });
  const opened = randomiseC0(ring, coefficientsAt(ring, c0, stride), zero, stride);
  c1 = randomiseC1(ring, c1, zero);
  const random = seededBytes(new Uint8Array(32).fill(2), "noise of a test");
  const active = [2, 3];
  const partials = active.map((index) =>
    partial({ ring, c1, share: shares[index - 1]!, active, stride, flooding: { sigmaBits }, random }),
  );
  const slots = toSlots(ring, combine({ ring, c0: opened, partials, stride }), 2 ** scaleBits, stride);
  const errors = slots.real.map((value, slot) => Math.abs(value - 3 * day[slot]!));
  assert.ok(
    errors.every((error) => error < 0.5),
    `worst ${Math.max(...errors)}`,
  );
  assert.ok(slots.imaginary.every((value) => Math.abs(value) < 0.5));
  // The noise is there: an opening this exact without it would be a mistake of this test.
  assert.ok(Math.max(...errors) > 0.05, `worst ${Math.max(...errors)}`);
});

test("t - 1 shares give uniform residues and one more opens", () => {
  const ciphertext = keys.encrypt(readings(2048), 2 ** 25);
  const { c0, c1 } = keys.rawOf(ciphertext);
  const { ring } = keys;
  const opened = coefficientsAt(ring, c0, 1);
  const truth = keys.decrypt(ciphertext).coefficients;
  const firstPrime = (coefficients: RnsPoly): RnsPoly => coefficients.subarray(0, LIGHT.degree);
  const shares = dealt(keys, 5, 3);
  const two = shares.map((share) => ({ ...share, t: 2 }));
  const attempts = [
    unflooded(keys, c1, shares, [1, 2, 3], 1).slice(0, 2), // two parts of three
    unflooded(keys, c1, two, [1, 2], 1), // two shares weighted as if two were enough
  ].map((partials) => combine({ ring, c0: opened, partials, stride: 1 }));
  for (const attempt of attempts) {
    assert.ok(Math.abs(unevenness(firstPrime(attempt), ring.primes[0]!) - 63) < 6 * Math.sqrt(126));
  }
  const control = combine({ ring, c0: opened, partials: unflooded(keys, c1, shares, [1, 2, 3], 1), stride: 1 });
  assert.deepEqual(control, truth);
  assert.ok(unevenness(firstPrime(control), ring.primes[0]!) > 10_000);
  // The shares themselves say nothing either; the secret's coefficients are -1, 0 and 1.
  for (const share of shares) {
    const coefficients = firstPrime(ring.inverse(share.poly.slice()));
    assert.ok(Math.abs(unevenness(coefficients, ring.primes[0]!) - 63) < 6 * Math.sqrt(126));
  }
  assert.ok(unevenness(firstPrime(ring.inverse(keys.secret.slice())), ring.primes[0]!) > 10_000);
});

test("encryptions of zero are the same for everyone and as small as fresh ones of SEAL", () => {
  const { ring, publicKey, secret } = keys;
  const seed = new Uint8Array(32).fill(5);
  const zero = zeroEncryption({ ring, publicKey, level: 2, seed });
  assert.deepEqual(zeroEncryption({ ring, publicKey, level: 2, seed }), zero);
  const other = zeroEncryption({ ring, publicKey, level: 2, seed: new Uint8Array(32) });
  assert.notDeepEqual(other, zero);
  const fresh = keys.rawOf(keys.encrypt(new Float64Array(2048), 2 ** 40));
  for (const [c0, c1] of [zero, [fresh.c0, fresh.c1] as const]) {
    const noise = ring.inverse(ring.add(ring.multiply(c1.slice(), secret), c0)).subarray(0, LIGHT.degree);
    const prime = ring.primes[0]!;
    const variance = noise.reduce((sum, e) => sum + Number(2n * e > prime ? e - prime : e) ** 2, 0) / noise.length;
    const expected = freshVariance(LIGHT.degree, LIGHT.specialBits);
    assert.ok(variance > 0.8 * expected && variance < 1.2 * expected, `${variance} instead of ${expected}`);
  }
  const lower = zeroEncryption({ ring, publicKey, level: 1, seed });
  assert.equal(lower[1].length, LIGHT.degree);
  assert.throws(() => zeroEncryption({ ring, publicKey, level: 3, seed }), /RangeError: level: expected an integer/);
  assert.throws(() => zeroEncryption({ ring, publicKey: zero, level: 2, seed }), /RangeError: publicKey\[0\]/);
});

test("refuses active sets, lengths and residues that do not fit", () => {
  const { ring } = keys;
  const share = dealt(keys, 3, 2)[0]!;
  const c1 = ring.zero(2);
  const given = { ring, c1, share, stride: 1, flooding: { sigmaBits: 20 }, random: randomBytes };
  for (const active of [[1], [1, 1], [1, 4], [0, 1], [1, 2, 3], [1, 1.5]]) {
    assert.throws(() => partial({ ...given, active }), /RangeError: active: expected 2 different indices from 1 to 3/);
  }
  assert.throws(() => partial({ ...given, active: [2, 3] }), /RangeError: active: expected share 1 among 2, 3/);
  assert.throws(() => partial({ ...given, active: [1, 2], stride: 3 }), /RangeError: stride: expected a power of two/);
  assert.throws(() => partial({ ...given, active: [1, 2], c1: ring.zero(3) }), /RangeError: c1: expected at most 2/);
  const flooding = { sigmaBits: 3 };
  assert.throws(
    () => partial({ ...given, active: [1, 2], flooding }),
    /RangeError: sigmaBits: expected a number from 9/,
  );
  const bad = ring.zero(2).fill((1n << 64n) - 1n);
  assert.throws(() => combine({ ring, c0: ring.zero(2), partials: [bad], stride: 1 }), /RangeError: partials\[0\]/);
  assert.throws(() => combine({ ring, c0: ring.zero(2), partials: [ring.zero(1)], stride: 1 }), /RangeError: partials/);
});
