/** Attacks on key shares that were run against earlier drafts, each with the rule that stops it and without. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { before, test } from "node:test";
import { inverseMod, residue } from "../ring/modular.ts";
import { seededBytes } from "../ring/sample.ts";
import { deal } from "./deal.ts";
import { partial } from "./partial.ts";
import { lagrangeAtZero, type KeyShare } from "./share.ts";
import { sealKeys } from "./testing/seal-keys.ts";
import { randomiseC1, zeroEncryption } from "./zero.ts";
import type { RnsPoly } from "../ring/ring.ts";

const DEGREE = 4096;
const SIGMA_BITS = 50;
const ACTIVE = [1, 2];
let keys: Awaited<ReturnType<typeof sealKeys>>;
let share: KeyShare;
before(async () => {
  keys = await sealKeys(DEGREE, [45, 45, 19]);
  const random = seededBytes(new Uint8Array(32), "dealing of a test");
  share = deal({ ring: keys.ring, secret: keys.secret, n: 3, t: 2, random })[0]!;
});

const part = (c1: RnsPoly, active: number[], noise: string): RnsPoly => {
  const random = seededBytes(new Uint8Array(32), noise);
  return partial({ ring: keys.ring, c1, share, active, stride: 1, flooding: { sigmaBits: SIGMA_BITS }, random });
};

/** A vector of residues as integers between -Q/2 and Q/2. */
function integers(poly: RnsPoly): { values: bigint[]; modulus: bigint } {
  const [p, q] = keys.ring.primes.slice(0, 2) as [bigint, bigint];
  const modulus = p * q;
  const [forP, forQ] = [q * inverseMod(q, p), p * inverseMod(p, q)];
  const values = Array.from({ length: DEGREE }, (_, at) => {
    const value = residue(poly[at]! * forP + poly[DEGREE + at]! * forQ, modulus);
    return 2n * value > modulus ? value - modulus : value;
  });
  return { values, modulus };
}

/**
 * Asks for the openings of constants 2^shift / lambda: each tells the share's coefficients times 2^shift modulo Q up to
 * the noise, so that three shifts by 30 bits tell all of them exactly. `prepare` is what an aggregator does first.
 */
function attackWithConstants(prepare: (c1: RnsPoly) => RnsPoly): bigint[] {
  let estimate: bigint[] = Array.from({ length: DEGREE }, () => 0n);
  for (const shift of [0n, 30n, 60n]) {
    const c1 = keys.ring.zero(2);
    for (const [index, prime] of keys.ring.primes.slice(0, 2).entries()) {
      const constant = residue((1n << shift) * inverseMod(lagrangeAtZero(ACTIVE, share.index, prime), prime), prime);
      c1.fill(constant, index * DEGREE, (index + 1) * DEGREE);
    }
    const { values, modulus } = integers(part(prepare(c1), ACTIVE, `attack ${shift}`));
    estimate = values.map((value, at) => {
      const rest = residue(value - (estimate[at]! << shift), modulus);
      const centred = 2n * rest > modulus ? rest - modulus : rest;
      const half = shift === 0n ? 0n : 1n << (shift - 1n);
      return estimate[at]! + ((centred + half) >> shift);
    });
  }
  return estimate;
}

test("three chosen constants give a key share away, flooding notwithstanding; randomised first, they do not", () => {
  const truth = integers(keys.ring.inverse(share.poly.slice())).values;
  assert.deepEqual(
    attackWithConstants((c1) => c1),
    truth,
  );
  const randomised = attackWithConstants((c1) => {
    const seed = createHash("sha256").update(c1).digest();
    return randomiseC1(keys.ring, c1, zeroEncryption({ ring: keys.ring, publicKey: keys.publicKey, level: 2, seed }));
  });
  const near = randomised.filter((value, at) => {
    const distance = value - truth[at]!;
    return distance > -(1n << 70n) && distance < 1n << 70n;
  });
  // By chance a uniform guess is within 2^70 of the truth once in 2^19.
  assert.ok(near.length <= 2, `${near.length} of ${DEGREE} coefficients`);
});

test("a second opening with another active set and the same noise gives the share away; a refusal must stop it", () => {
  const { ring } = keys;
  const c1 = keys.rawOf(keys.encrypt(new Float64Array(2048).fill(1), 2 ** 40)).c1;
  const recover = (first: RnsPoly, second: RnsPoly): RnsPoly => {
    const difference = ring.forward(ring.subtract(first.slice(), second));
    return difference.map((value, at) => {
      const prime = ring.primes[Math.floor(at / DEGREE)]!;
      const weight = lagrangeAtZero([1, 2], 1, prime) - lagrangeAtZero([1, 3], 1, prime);
      return c1[at] === 0n ? share.poly[at]! : residue(value * inverseMod(weight * c1[at]!, prime), prime);
    });
  };
  const stored = part(c1, [1, 2], "noise");
  assert.deepEqual(recover(stored, part(c1, [1, 3], "noise")), share.poly);
  // With fresh noise the difference says little, but every such retry spends the margin; a replay says nothing new.
  const fresh = recover(stored, part(c1, [1, 3], "other noise"));
  assert.ok(fresh.filter((value, at) => value === share.poly[at]).length <= 2);
  assert.deepEqual(part(c1, [1, 2], "noise"), stored);
});

test("a malformed ciphertext that one meter adds shows the secret key to whoever combines: a stated limit", () => {
  const { ring, secret } = keys;
  const raw = keys.rawOf(keys.encrypt(new Float64Array(2048), 2 ** 40));
  // (0, 2^86) in a sum: what opens is the sum plus 2^86 times the secret.
  const large = ring.zero(2);
  for (const [index, prime] of ring.primes.slice(0, 2).entries()) {
    large.fill((1n << 86n) % prime, index * DEGREE, (index + 1) * DEGREE);
  }
  const c1 = ring.add(raw.c1.slice(), large);
  const opened = integers(ring.inverse(ring.add(ring.multiply(c1, secret), raw.c0))).values;
  const shown = opened.map((value) => (value + (1n << 85n)) >> 86n);
  assert.deepEqual(shown, integers(ring.inverse(secret.slice())).values);
});
