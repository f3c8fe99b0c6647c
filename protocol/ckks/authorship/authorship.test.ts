import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { before, test } from "node:test";
import { type CkksParameters, PARAMETER_SETS } from "../parameters.ts";
import type { RnsPoly } from "../ring/index.ts";
import { CkksEngine } from "../seal/engine.ts";
import { publicKeyPolys } from "../seal/public-key.ts";
import { testKeys } from "../seal/testing/keys.ts";
import { encryptZero, type PublicKeyPolys } from "../threshold/zero.ts";
import {
  assertAuthorship,
  type AuthorshipInput,
  authorshipBytes,
  lackingAuthorshipBits,
  proveAuthorship,
} from "./authorship.ts";

/** The primes of `light`, half its degree. */
const PARAMETERS: CkksParameters = { name: "small", degree: 2048, primeBits: [45, 45, 19], scaleBits: 60 };
const LEVEL = 2;
const random = (count: number): Uint8Array => Uint8Array.from(randomBytes(count));
const statementOf = (text: string): Uint8Array => createHash("sha256").update(text).digest();
const MINE = statementOf("m-001, today");

let engine: CkksEngine;
let publicKey: PublicKeyPolys;
before(async () => {
  const keys = await testKeys(PARAMETERS, []);
  engine = await CkksEngine.create(PARAMETERS, { insecureForTests: true });
  publicKey = await publicKeyPolys(keys.publicKey, PARAMETERS, { insecureForTests: true });
});

const inputOf = (c1: RnsPoly, statement: Uint8Array): AuthorshipInput => ({
  ring: engine.ring,
  a: publicKey[1],
  c1,
  statement,
});

function encrypt() {
  const { zero, u } = encryptZero({ ring: engine.ring, publicKey, level: LEVEL, random });
  return { c1: zero[1], u };
}

const REFUSED = { name: "CkksError", code: "not-its-own" };

test("who made a ciphertext proves it, and every proof is another one", () => {
  const { c1, u } = encrypt();
  const proofs = [1, 2].map(() => proveAuthorship(inputOf(c1, MINE), u, random));
  for (const proof of proofs) {
    assertAuthorship(inputOf(c1, MINE), proof);
    assert.equal(proof.length, authorshipBytes(PARAMETERS.degree));
  }
  assert.notDeepEqual(proofs[0], proofs[1]);
});

test("a proof is for its statement and its ciphertext alone", () => {
  const { c1, u } = encrypt();
  const proof = proveAuthorship(inputOf(c1, MINE), u, random);
  assert.throws(() => assertAuthorship(inputOf(c1, statementOf("m-002, today")), proof), REFUSED);
  assert.throws(() => assertAuthorship(inputOf(encrypt().c1, MINE), proof), REFUSED);
  for (const place of [0, 31, 32, proof.length - 2]) {
    const other = proof.slice();
    other[place]! ^= 1;
    assert.throws(() => assertAuthorship(inputOf(c1, MINE), other), REFUSED, `byte ${place}`);
  }
  for (const other of [proof.slice(1), new Uint8Array(), new Uint8Array(proof.length)]) {
    assert.throws(() => assertAuthorship(inputOf(c1, MINE), other), REFUSED);
  }
  const full = proof.slice();
  full.fill(0xff, 32);
  assert.throws(() => assertAuthorship(inputOf(c1, MINE), full), { name: "CkksError", code: "malformed" });
});

test("a copy with an encryption of zero on top has no proof: who knows the one part of u does not know the other", () => {
  const { c1: theirs, u: unknown } = encrypt();
  const { c1: added, u } = encrypt();
  const copy = engine.ring.add(theirs.slice(), added);
  assert.throws(() => proveAuthorship(inputOf(copy, MINE), u, random), /RangeError: u: /);
  const proof = proveAuthorship(inputOf(added, MINE), u, random);
  assert.throws(() => assertAuthorship(inputOf(copy, MINE), proof), REFUSED);
  // The control: with both parts it is a ciphertext like any other.
  const whole = u.map((value, place) => value + unknown[place]!);
  assertAuthorship(inputOf(copy, MINE), proveAuthorship(inputOf(copy, MINE), whole, random));
});

test("what is added to c1 to show the key is refused, gross, of the flooding's size or far below it", () => {
  for (const bits of [86n, 53n, 24n]) {
    const { c1, u } = encrypt();
    const constant = engine.ring.zero(LEVEL);
    for (const [index, prime] of engine.ring.primes.slice(0, LEVEL).entries()) {
      constant.fill((1n << bits) % prime, index * engine.degree, (index + 1) * engine.degree);
    }
    engine.ring.add(c1, constant);
    assert.throws(() => proveAuthorship(inputOf(c1, MINE), u, random), /RangeError: u: /, `2^${bits}`);
  }
});

test("answers are uniform, whatever u is: they do not tell it", () => {
  const { c1, u } = encrypt();
  const { degree } = PARAMETERS;
  const most = 64 * degree - 16;
  let sum = 0;
  let squares = 0;
  let along = 0;
  const runs = 40;
  for (let run = 0; run < runs; run++) {
    const proof = proveAuthorship(inputOf(c1, MINE), u, random);
    const bits = BigInt(Math.ceil(Math.log2(2 * most + 1)));
    let stream = 0n;
    for (let at = proof.length - 1; at >= 32; at--) stream = (stream << 8n) | BigInt(proof[at]!);
    for (let place = 0; place < degree; place++) {
      const z = Number((stream >> (bits * BigInt(place))) & ((1n << bits) - 1n)) - most;
      assert.ok(Math.abs(z) <= most);
      sum += z / most;
      squares += (z / most) ** 2;
      along += (z / most) * u[place]!;
    }
  }
  const count = runs * degree;
  // Six standard deviations of sums of numbers that are uniform from -1 to 1.
  assert.ok(Math.abs(sum) < 6 * Math.sqrt(count / 3), `${sum}`);
  assert.ok(Math.abs(squares - count / 3) < 6 * Math.sqrt((count * 4) / 45), `${squares}`);
  assert.ok(Math.abs(along) < 6 * Math.sqrt(count / 3), `${along}`);
});

test("the sets of an installation have room for proofs, others say how much lacks", () => {
  const { light, standard, strong } = PARAMETER_SETS;
  for (const [set, levels] of [
    [light, [2]],
    [standard, [2, 3]],
    [strong, [2, 20]],
  ] as const) {
    for (const level of levels) assert.equal(lackingAuthorshipBits(set, level), 0, `${set.name} ${level}`);
  }
  const { degree } = light;
  const tight = { name: "tight", degree, primeBits: [36, 36, 37], scaleBits: 40 };
  assert.ok(lackingAuthorshipBits(tight) > 0);
  const { zero, u } = encryptZero({ ring: engine.ring, publicKey, level: 1, random });
  assert.equal(lackingAuthorshipBits(PARAMETERS, 1) > 0, true);
  assert.throws(() => proveAuthorship(inputOf(zero[1], MINE), u, random), /RangeError: c1: 1 primes leave no room/);
});
