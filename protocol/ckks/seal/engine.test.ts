import assert from "node:assert/strict";
import { test } from "node:test";
import { CkksError } from "../errors.ts";
import { PARAMETER_SETS } from "../parameters.ts";
import type { CkksErrorCode } from "../errors.ts";
import { CkksEngine } from "./engine.ts";
import { LiveObjects } from "./load.ts";
import { SMALL, testKeys } from "./testing/keys.ts";
import { decryptForTests } from "./testing/decrypt.ts";

const keys = await testKeys(SMALL, [1, 2, 64]);
const engine = await CkksEngine.create(SMALL, { insecureForTests: true });
engine.loadKeys(keys);
const open = decryptForTests(engine, keys.secretKey);
const ramp = Float64Array.from({ length: engine.slots }, (_, slot) => (slot % 128) + 0.25);

function refuses(code: CkksErrorCode, work: () => unknown): void {
  assert.throws(work, (error) => error instanceof CkksError && error.code === code);
}

function close(actual: Float64Array, expected: ArrayLike<number>, within: number): void {
  for (let slot = 0; slot < expected.length; slot++) {
    assert.ok(
      Math.abs(actual[slot]! - expected[slot]!) <= within,
      `slot ${slot}: ${actual[slot]!}, ${expected[slot]!}`,
    );
  }
}

test("what is encrypted comes back, at every level", () => {
  for (let level = 1; level <= engine.dataLevels; level++) {
    engine.scope(() => {
      const plaintext = engine.encode(ramp, { level, scale: 2 ** 40 });
      const ciphertext = engine.encrypt(plaintext);
      assert.equal(ciphertext.level, level);
      close(open(ciphertext), ramp, 1e-5);
    });
  }
});

test("sums, products, rotations and rescaling compute what they say", () => {
  engine.scope(() => {
    const a = engine.encrypt(engine.encode(ramp, { scale: 2 ** 40 }));
    const b = engine.encrypt(engine.encodeConstant(3, { scale: 2 ** 40 }));
    close(
      open(engine.add(a, b)),
      ramp.map((value) => value + 3),
      1e-5,
    );
    close(
      open(engine.sub(a, b)),
      ramp.map((value) => value - 3),
      1e-5,
    );
    close(
      open(engine.negate(a)),
      ramp.map((value) => -value),
      1e-5,
    );
    close(
      open(engine.addPlain(a, engine.encodeConstant(5, { scale: 2 ** 40 }))),
      ramp.map((value) => value + 5),
      1e-5,
    );
    close(
      open(engine.multiplyPlain(a, engine.encodeConstant(0.5, { scale: 2 ** 40 }))),
      ramp.map((v) => v / 2),
      1e-5,
    );
    const product = engine.multiply(a, b);
    assert.equal(product.size, 2);
    close(
      open(product),
      ramp.map((value) => 3 * value),
      1e-3,
    );
    close(
      open(engine.multiply(a, a)),
      ramp.map((value) => value * value),
      1e-3,
    );
    const rescaled = engine.rescale(product);
    assert.equal(rescaled.level, a.level - 1);
    for (const steps of [0, 1, 64]) {
      const rotated = ramp.map((_, slot) => ramp[(slot + steps) % ramp.length]!);
      close(open(engine.rotate(a, steps)), rotated, 1e-4);
    }
    close(open(engine.modSwitchTo(a, 1)), ramp, 1e-5);
  });
});

test("rotates a repeated window within its period", () => {
  engine.scope(() => {
    const a = engine.encrypt(engine.encode(ramp, { scale: 2 ** 40 }));
    const rotated = open(engine.rotate(a, 2));
    close(
      rotated,
      Float64Array.from(ramp, (_, slot) => ((slot + 2) % 128) + 0.25),
      1e-4,
    );
  });
});

test("evaluation is the same to the byte in another engine", async () => {
  const other = await CkksEngine.create(SMALL, { insecureForTests: true });
  other.loadKeys(keys);
  const work = (at: CkksEngine, bytes: Uint8Array): Uint8Array =>
    at.scope(() => {
      const a = at.loadCiphertextBytes(bytes);
      const weights = at.encode(ramp, { scale: 2 ** 10, level: a.level - 1 });
      return at.saveCiphertext(at.rotate(at.multiplyPlain(at.rescale(at.multiply(a, a)), weights), 2));
    });
  const bytes = engine.scope(() => engine.saveCiphertext(engine.encrypt(engine.encode(ramp, { scale: 2 ** 40 }))));
  assert.deepEqual(work(engine, bytes), work(other, bytes));
  other.close();
});

test("residues go out and come back unchanged", () => {
  engine.scope(() => {
    const a = engine.encrypt(engine.encode(ramp));
    const raw = engine.rawCiphertext(a);
    assert.equal(raw.ntt, true);
    assert.deepEqual(engine.saveCiphertext(engine.loadCiphertext(raw)), engine.saveCiphertext(a));
    const plaintext = engine.encode(ramp, { level: 1, scale: 2 ** 30 });
    close(engine.decode(engine.rawPlaintext(plaintext)), ramp, 1e-3);
  });
});

test("refuses NaN, infinity, too many values and values beyond the modulus", () => {
  engine.scope(() => {
    assert.throws(() => engine.encode([1, Number.NaN]), RangeError);
    assert.throws(() => engine.encode([Number.POSITIVE_INFINITY]), RangeError);
    assert.throws(() => engine.encode([2 ** 100]), RangeError);
    assert.throws(() => engine.encode(new Float64Array(engine.slots + 1)), RangeError);
    assert.throws(() => engine.encode([1], { scale: 0 }), RangeError);
    assert.throws(() => engine.encode([1], { scale: Number.NaN }), RangeError);
  });
});

test("refuses malformed ciphertexts before SEAL sees them", () => {
  engine.scope(() => {
    const bytes = engine.saveCiphertext(engine.encrypt(engine.encode(ramp)));
    const changed = (at: number, ...values: number[]): Uint8Array => {
      const copy = bytes.slice();
      copy.set(values, at);
      return copy;
    };
    refuses("malformed", () => engine.loadCiphertextBytes(bytes.subarray(0, bytes.length - 1)));
    refuses("malformed", () => engine.loadCiphertextBytes(bytes.subarray(0, 60)));
    refuses("malformed", () => engine.loadCiphertextBytes(new Uint8Array(0)));
    refuses("malformed", () => engine.loadCiphertextBytes(changed(0, 0)));
    refuses("malformed", () => engine.loadCiphertextBytes(changed(5, 2))); // compressed
    refuses("malformed", () => engine.loadCiphertextBytes(changed(48, 7)));
    refuses("malformed", () => engine.loadCiphertextBytes(changed(49, 3)));
    refuses("malformed", () => engine.loadCiphertextBytes(changed(48, 0))); // not in NTT form
    refuses("malformed", () => engine.loadCiphertextBytes(changed(105, 1)));
    refuses("malformed", () => engine.loadCiphertextBytes(changed(113, ...new Array<number>(8).fill(0xff))));
    refuses("wrong-parameters", () => engine.loadCiphertextBytes(changed(16, 1, 2, 3)));
    refuses("wrong-scale", () => engine.loadCiphertextBytes(changed(73, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f))); // NaN
    const raw = engine.rawCiphertext(engine.loadCiphertextBytes(bytes));
    refuses("wrong-level", () => engine.loadCiphertext({ ...raw, level: engine.dataLevels + 1 }));
    refuses("wrong-level", () => engine.loadCiphertext({ ...raw, level: 0 }));
    refuses("wrong-scale", () => engine.loadCiphertext({ ...raw, scale: 2 ** 300 }));
    refuses("wrong-size", () => engine.loadCiphertext({ ...raw, polys: raw.polys.slice(1) }));
    refuses("malformed", () => engine.loadCiphertext({ ...raw, polys: raw.polys.map((poly) => poly.subarray(1)) }));
  });
});

test("refuses keys of other parameters, truncated keys, and work without a key", async () => {
  const fresh = await CkksEngine.create(SMALL, { insecureForTests: true });
  const light = await testKeys(PARAMETER_SETS.light, []);
  refuses("wrong-parameters", () => fresh.loadKeys({ publicKey: light.publicKey }));
  refuses("malformed", () => fresh.loadKeys({ publicKey: keys.publicKey.subarray(0, 1000) }));
  fresh.loadKeys({ publicKey: Buffer.from(keys.publicKey) });
  fresh.scope(() => {
    const a = fresh.encrypt(fresh.encode([1], { scale: 2 ** 30 }));
    assert.throws(() => fresh.multiply(a, a), /no relinearisation keys/);
    assert.throws(() => fresh.rotate(a, 1), /no Galois keys/);
    assert.throws(() => engine.rotate(a, 3), /no Galois key for a rotation by 3/);
  });
  fresh.close();
});

test("refuses sums of different levels or scales, and products by zero", () => {
  engine.scope(() => {
    const a = engine.encrypt(engine.encode(ramp, { scale: 2 ** 40 }));
    const b = engine.encrypt(engine.encode(ramp, { scale: 2 ** 41 }));
    assert.throws(() => engine.add(a, b), /do not add up/);
    assert.throws(() => engine.add(a, engine.modSwitchTo(a, 1)), /do not add up/);
    assert.throws(() => engine.multiplyPlain(a, engine.encodeConstant(0)), /not all zero/);
    assert.throws(() => engine.modSwitchTo(engine.modSwitchTo(a, 1), 2), /level/);
    assert.throws(() => engine.rescale(engine.modSwitchTo(a, 1)), /level/);
  });
});

test("scopes delete what they made, whether they return or throw, and nothing outside a scope is made", () => {
  const before = LiveObjects.count;
  assert.throws(() => engine.encode(ramp), /scope/);
  assert.throws(() => engine.scope(() => void engine.encode([Number.NaN])), RangeError);
  const kept = engine.scope((outer) => {
    const inner = engine.scope((s) => {
      engine.encode(ramp);
      return s.keep(engine.encode(ramp));
    });
    return outer.keep(engine.encrypt(inner));
  });
  assert.equal(LiveObjects.count, before + 1);
  assert.equal(kept.level, engine.dataLevels);
  kept.delete();
  kept.delete();
  assert.equal(LiveObjects.count, before);
  assert.throws(() => kept.object, /deleted/);
  assert.throws(() => engine.scope(() => Promise.resolve()), /promise/);
});
