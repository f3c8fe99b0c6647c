import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeCbor } from "../cbor.ts";
import { CkksError } from "./errors.ts";
import type { CkksErrorCode } from "./errors.ts";
import {
  packCiphertext,
  packedDigest,
  packedKeys,
  packedSize,
  pickCoefficients,
  rawOfPacked,
  repeatWindow,
  strideOf,
  unpackCiphertext,
} from "./packed.ts";
import { CkksEngine } from "./seal/engine.ts";
import { decryptForTests } from "./seal/testing/decrypt.ts";
import { SMALL, testKeys } from "./seal/testing/keys.ts";

const keys = await testKeys(SMALL, []);
const engine = await CkksEngine.create(SMALL, { insecureForTests: true });
engine.loadKeys(keys);
const open = decryptForTests(engine, keys.secretKey);
const day = Float64Array.from({ length: 96 }, (_, slot) => (slot * 37) % 1000);
const window = { series: "load", firstSlot: 1_930_560, slots: 96 };
const stride = strideOf(96, engine.degree);
const raw = engine.scope(() =>
  engine.rawCiphertext(engine.encrypt(engine.encode(repeatWindow(day, engine.slots), { level: 2 }))),
);
const whole = packCiphertext(engine, window, raw, 1);
const cut = packCiphertext(engine, window, raw, stride);

function refuses(code: CkksErrorCode, bytes: Uint8Array, level = 2): void {
  assert.throws(
    () => unpackCiphertext(engine, bytes, level),
    (error) => error instanceof CkksError && error.code === code,
  );
}

/** The packed ciphertext with one field changed. */
function changed(field: number, value: unknown): Uint8Array {
  const unpacked = unpackCiphertext(engine, cut, 2);
  const size = packedSize(engine, 2, stride) - packedSize(engine, 2, 1) / 2;
  // The epoch and the empty proof are a byte each at the end.
  const c1 = cut.subarray(cut.length - 2 - packedSize(engine, 2, 1) / 2, -2);
  const c0At = cut.length - 2 - c1.length - 3 - size;
  const fields: unknown[] = [2, engine.id, unpacked.series, unpacked.firstSlot, unpacked.slots, unpacked.stride];
  fields.push(cut.slice(c0At, c0At + size), c1.slice(), unpacked.epoch, unpacked.proof.slice());
  fields[field] = value;
  return encodeCbor(fields);
}

test("a whole ciphertext comes back residue for residue", () => {
  const unpacked = unpackCiphertext(engine, whole, 2);
  assert.deepEqual(rawOfPacked(engine, unpacked), raw);
  const { content, proof, c0, c1, ...rest } = unpacked;
  assert.deepEqual([c0.length, c1.length, proof.length], [2 * engine.degree, 2 * engine.degree, 0]);
  assert.equal(content.length, whole.length - 1);
  assert.deepEqual(rest, { ...window, epoch: 1, stride: 1, level: 2 });
});

test("a cut ciphertext has half the bytes, and its classes hold the same polynomial", () => {
  assert.ok(cut.length < 0.6 * whole.length);
  assert.equal(packedSize(engine, 2, stride) <= cut.length, true);
  const { c0 } = unpackCiphertext(engine, cut, 2);
  const coefficients = engine.ring.inverse(raw.polys[0]!.slice());
  for (const [index, residue] of c0.entries()) assert.equal(residue, coefficients[index * stride]);
  // Decrypted as it stands, the coefficients at multiples of the stride are right, the others are noise.
  engine.scope(() => {
    const cipher = engine.loadCiphertext(rawOfPacked(engine, unpackCiphertext(engine, cut, 2)));
    const full = engine.loadCiphertext(raw);
    assert.notDeepEqual(open(cipher), open(full));
    assert.ok(Math.abs(open(full)[5]! - day[5]!) < 1e-6);
  });
});

test("the fields that a test changes are the fields of a packed ciphertext", () => {
  assert.equal(Buffer.compare(changed(2, "load"), cut), 0);
});

test("malformed bytes are refused, each under its code", () => {
  refuses("malformed", new Uint8Array(0));
  refuses("malformed", cut.subarray(0, cut.length - 1));
  refuses("malformed", Uint8Array.of(...cut, 0));
  refuses("malformed", encodeCbor({ version: 1 }));
  refuses("malformed", changed(0, 1));
  refuses("malformed", changed(2, "Load"));
  refuses("malformed", changed(3, -1));
  refuses("malformed", changed(4, 0));
  refuses("malformed", changed(5, 1.5));
  refuses("malformed", changed(6, "text"));
  refuses("wrong-parameters", changed(1, new Uint8Array(8)));
  refuses("wrong-parameters", changed(1, new Uint8Array(7)));
  refuses("wrong-window", changed(3, 0xffff_ffff));
  refuses("wrong-window", changed(4, engine.slots + 1));
  refuses("wrong-window", changed(5, 2 * stride));
  refuses("wrong-size", changed(5, 1));
  refuses("wrong-size", changed(7, new Uint8Array(100)));
  refuses("wrong-level", cut, 1);
  refuses("wrong-level", cut, 3);
  const c1 = cut.slice(cut.length - 2 - packedSize(engine, 2, 1) / 2, -2);
  refuses("malformed", changed(7, c1.fill(0xff)));
  refuses("malformed", changed(8, 0));
  refuses("malformed", changed(8, 0x1_0000));
  // Longer CBOR lengths than needed are another encoding of the same thing.
  const longer = Uint8Array.of(cut[0]!, 0x18, 0x01, ...cut.subarray(2));
  refuses("malformed", longer);
  // So is a slot's number as a float of the same length, and a longer length of a byte string.
  const slotAt = Buffer.from(cut).indexOf(Buffer.from(encodeCbor(window.firstSlot)));
  const float = cut.slice();
  new DataView(float.buffer).setFloat32(slotAt + 1, window.firstSlot);
  float[slotAt] = 0xfa;
  assert.equal(float.length, cut.length);
  refuses("malformed", float);
  const c1At = cut.length - 5 - packedSize(engine, 2, 1) / 2;
  assert.equal(cut[c1At], 0x59);
  refuses("malformed", Uint8Array.of(...cut.subarray(0, c1At), 0x5a, 0, 0, ...cut.subarray(c1At + 1)));
});

test("each length of a half has one way to be written", async () => {
  for (const [degree, slots] of [
    [1024, 1],
    [1024, 4],
    [1024, 96],
    [16_384, 8192],
  ] as const) {
    const set = { name: "other", degree, primeBits: [45, 45, 45], scaleBits: 40 };
    const { publicKey } = await testKeys(set, []);
    const other = await CkksEngine.create(set, { insecureForTests: true });
    other.loadKeys({ publicKey });
    const fresh = other.scope(() => other.rawCiphertext(other.encrypt(other.encodeConstant(1))));
    const packed = packCiphertext(other, { ...window, slots }, fresh, strideOf(slots, degree));
    assert.equal(unpackCiphertext(other, packed, 2).slots, slots);
    other.close();
  }
});

test("adding unpacked residues gives the sum that SEAL gives, whole or cut", () => {
  const days = [1, 2, 3, 4, 5].map((factor) => day.map((value) => (value * factor) % 2500));
  engine.scope(() => {
    const fresh = days.map((values) => engine.encrypt(engine.encode(repeatWindow(values, engine.slots), { level: 2 })));
    const sealSum = engine.rawCiphertext(fresh.reduce((sum, one) => engine.add(sum, one)));
    for (const step of [1, stride]) {
      const inputs = fresh.map((one) =>
        unpackCiphertext(engine, packCiphertext(engine, window, engine.rawCiphertext(one), step), 2),
      );
      const sum = inputs.reduce((left, right) => ({
        ...left,
        c0: engine.ring.add(left.c0, right.c0, 2),
        c1: engine.ring.add(left.c1, right.c1, 2),
      }));
      const [c0, c1] = rawOfPacked(engine, sum).polys;
      assert.deepEqual(c1, sealSum.polys[1]);
      const coefficients = (poly: BigUint64Array): BigUint64Array =>
        pickCoefficients(engine.ring.inverse(poly.slice()), engine.degree, step);
      assert.deepEqual(coefficients(c0!), coefficients(sealSum.polys[0]!));
    }
  });
});

test("the epoch of the key is part of the bytes, and can be read before the residues", () => {
  const later = packCiphertext(engine, { ...window, epoch: 2 }, raw, stride);
  assert.notDeepEqual(packedDigest(later), packedDigest(cut));
  assert.equal(unpackCiphertext(engine, later, 2).epoch, 2);
  assert.deepEqual(packedKeys(later), { id: engine.id, epoch: 2, series: "load", firstSlot: window.firstSlot });
  assert.throws(() => packedKeys(later.subarray(1)), CkksError);
  assert.throws(() => packCiphertext(engine, { ...window, epoch: 0 }, raw, stride), /RangeError: epoch: /);
});

test("the proof is the last of the bytes, made for all that stand before it", () => {
  let proven = new Uint8Array();
  const packed = packCiphertext(engine, window, raw, stride, (content) => {
    proven = Uint8Array.from(content);
    return new Uint8Array(300).fill(7);
  });
  const { content, proof } = unpackCiphertext(engine, packed, 2);
  assert.deepEqual(Uint8Array.from(content), proven);
  assert.deepEqual(Uint8Array.from(proof), new Uint8Array(300).fill(7));
  assert.equal(packed.length, proven.length + 3 + 300);
  assert.equal(unpackCiphertext(engine, cut, 2).proof.length, 0);
  assert.equal(Buffer.compare(unpackCiphertext(engine, cut, 2).content, content), 0);
  const long = Uint8Array.of(...proven, 0x5a, 0, 0, ...packed.subarray(proven.length + 1));
  refuses("malformed", long);
});

test("what is not a fresh ciphertext of this window is not packed", () => {
  assert.throws(() => packCiphertext(engine, window, raw, 4), /stride/);
  assert.throws(() => packCiphertext(engine, window, { ...raw, scale: 2 ** 59 }, 1), /scale/);
  assert.throws(() => packCiphertext(engine, window, { ...raw, polys: raw.polys.slice(1) }, 1), /polynomials/);
  assert.throws(() => strideOf(engine.slots + 1, engine.degree), /slots/);
});

test("the digest changes with every byte", () => {
  const other = cut.slice();
  other[other.length - 1]! ^= 1;
  assert.equal(packedDigest(cut).length, 32);
  assert.notDeepEqual(packedDigest(cut), packedDigest(other));
});
