import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { residue } from "../ring/modular.ts";
import { Ring } from "../ring/ring.ts";
import { primesOf } from "../ring/testing/primes.ts";
import { deal } from "./deal.ts";
import { decodeShare, encodeShare, lagrangeAtZero } from "./share.ts";

const PRIMES = primesOf(16, 50, 3);
const ring = Ring.create(16, PRIMES);
const secret = ring.zero(2).map((_, at) => BigInt(at) ** 9n % PRIMES[Math.floor(at / 16)]!);

test("any t shares interpolate to the secret, coefficient by coefficient", () => {
  const dealing = fc.integer({ min: 1, max: 9 }).chain((n) =>
    fc.integer({ min: 1, max: n }).chain((t) => {
      const all = Array.from({ length: n }, (_, at) => at + 1);
      return fc.record({
        n: fc.constant(n),
        t: fc.constant(t),
        active: fc.shuffledSubarray(all, { minLength: t, maxLength: t }),
      });
    }),
  );
  fc.assert(
    fc.property(dealing, ({ n, t, active }) => {
      const shares = deal({ ring, secret, n, t, random: randomBytes });
      const sum = secret.map((_, at) => {
        const prime = PRIMES[Math.floor(at / 16)]!;
        const terms = active.map((index) => lagrangeAtZero(active, index, prime) * shares[index - 1]!.poly[at]!);
        return residue(
          terms.reduce((total, term) => total + term, 0n),
          prime,
        );
      });
      assert.deepEqual(sum, secret);
    }),
    { numRuns: 50 },
  );
});

test("refuses dealings and secrets that do not fit", () => {
  const random = randomBytes;
  assert.throws(
    () => deal({ ring, secret, n: 3, t: 4, random }),
    /RangeError: t: expected an integer from 1 to 3, got 4/,
  );
  assert.throws(() => deal({ ring, secret, n: 256, t: 2, random }), /RangeError: n: expected/);
  assert.throws(() => deal({ ring, secret: new BigUint64Array(5), n: 3, t: 2, random }), /RangeError: polynomial/);
  const wrong = secret.slice().fill(PRIMES[0]!);
  assert.throws(() => deal({ ring, secret: wrong, n: 3, t: 2, random }), /RangeError: secret: expected residues/);
});

test("a share's file restores it, and any change to it is refused", () => {
  const share = deal({ ring, secret, n: 5, t: 2, random: randomBytes })[3]!;
  const bytes = encodeShare(ring, share);
  assert.deepEqual(decodeShare(ring, bytes, 2), share);
  for (const at of [0, 4, 5, 6, 7, 9, 16, 100, bytes.length - 1]) {
    const changed = bytes.slice();
    changed[at]! ^= 1;
    assert.throws(() => decodeShare(ring, changed, 2), { name: "CkksError", code: "malformed" }, `byte ${at}`);
  }
  assert.throws(() => decodeShare(ring, bytes.slice(1), 2), { code: "wrong-size" });
  assert.throws(() => decodeShare(ring, bytes, 3), { code: "wrong-size" });
  const other = Ring.create(16, primesOf(16, 49, 3));
  assert.throws(() => decodeShare(other, bytes, 2), { code: "wrong-parameters" });
  const resealed = (at: number, value: number): Uint8Array => {
    const changed = bytes.slice();
    changed[at] = value;
    changed.set(createHash("sha256").update(changed.subarray(0, -32)).digest(), changed.length - 32);
    return changed;
  };
  for (const [at, value] of [
    [7, 0],
    [7, 6],
    [6, 6],
    [6, 0],
    [23, 0xff],
  ] as const) {
    assert.throws(() => decodeShare(ring, resealed(at, value), 2), { code: "malformed" }, `byte ${at}`);
  }
});
