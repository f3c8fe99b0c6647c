import assert from "node:assert/strict";
import { createHash, createPublicKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { assertSender } from "../../../protocol/ckks/authorship/sender.ts";
import { rawOfPacked, unpackCiphertext } from "../../../protocol/ckks/packed.ts";
import { CkksEngine } from "../../../protocol/ckks/seal/engine.ts";
import { decryptForTests } from "../../../protocol/ckks/seal/testing/decrypt.ts";
import { SMALL, testKeys } from "../../../protocol/ckks/seal/testing/keys.ts";
import { openCiphertext } from "../../../protocol/envelope/index.ts";
import { rawPublicKey } from "../../../protocol/keys/index.ts";
import type { EncryptionRequest } from "./encryption.ts";
import { EncryptionError, ThreadEncryptor, type ThreadEncryptorOptions } from "./encryptor.ts";

const keys = await testKeys(SMALL, []);
const { privateKey: sealKey } = generateKeyPairSync("x25519");
const analyticsKey = rawPublicKey(createPublicKey(sealKey));
const engine = await CkksEngine.create(SMALL, { insecureForTests: true });
const decrypt = decryptForTests(engine, keys.secretKey);

const REQUEST: EncryptionRequest = {
  ...{ meter: "m-001", epoch: 1, set: "small", series: "load", firstSlot: 1_930_556, level: 3, cut: true },
  numbers: Float64Array.from({ length: 100 }, (_, slot) => 10 * slot),
};

function encryptor(options: Partial<ThreadEncryptorOptions> = {}): ThreadEncryptor {
  const keyOf = (epoch: number) => ({ epoch, parameters: SMALL, publicKey: keys.publicKey });
  return new ThreadEncryptor({ insecureForTests: true, analyticsKey, keyOf, idleMilliseconds: 60_000, ...options });
}

test("what the thread makes opens to the readings for whoever holds both keys", async () => {
  const made = encryptor();
  const { sealed, digest, packedBytes } = await made.encrypt(REQUEST);
  await made.close();
  const packed = await openCiphertext(sealed, { id: "analytics", sealKey }, "m-001");
  assert.equal(packed.length, packedBytes);
  assert.deepEqual(digest, Uint8Array.from(createHash("sha256").update(packed).digest()));
  const window = unpackCiphertext(engine, packed, 3);
  assert.deepEqual([window.series, window.firstSlot, window.slots, window.stride], ["load", 1_930_556, 100, 8]);
  const [, a] = engine.keys.publicPolys(keys.publicKey);
  assertSender(engine, a, window, "m-001");
  assert.throws(() => assertSender(engine, a, window, "m-002"), { code: "not-its-own" });
  engine.scope(() => {
    // The cut half holds the window in the polynomials of X^8 only; what else decrypts to is noise of other classes.
    const values = decrypt(engine.loadCiphertext(rawOfPacked(engine, window)));
    assert.equal(values.length, 1024);
  });
  const whole = encryptor();
  const second = await whole.encrypt({ ...REQUEST, cut: false });
  await whole.close();
  const bytes = await openCiphertext(second.sealed, { id: "analytics", sealKey }, "m-001");
  engine.scope(() => {
    const values = decrypt(engine.loadCiphertext(rawOfPacked(engine, unpackCiphertext(engine, bytes, 3))));
    for (let slot = 0; slot < 128; slot++) {
      assert.ok(Math.abs(values[slot]! - (REQUEST.numbers[slot] ?? 0)) < 1e-3, `slot ${slot}: ${values[slot]}`);
    }
  });
});

test("windows are done in the order in which they came, and two of the same numbers differ", async () => {
  const made = encryptor();
  const order: number[] = [];
  const all = [0, 1, 2, 3].map(async (index) => {
    const { digest } = await made.encrypt(REQUEST);
    order.push(index);
    return Buffer.from(digest).toString("hex");
  });
  assert.equal(new Set(await Promise.all(all)).size, 4);
  assert.deepEqual(order, [0, 1, 2, 3]);
  await made.close();
});

test("a missing key fails its windows, says why, and leaves the others", async () => {
  const made = encryptor({
    keyOf: (epoch, set) => {
      if (set === "lost") throw new Error("public.key cannot be read");
      return { epoch, parameters: SMALL, publicKey: keys.publicKey };
    },
  });
  const failing = made.encrypt({ ...REQUEST, set: "lost" });
  const fine = made.encrypt(REQUEST);
  await assert.rejects(failing, (error) => error instanceof EncryptionError && error.message.includes("public.key"));
  assert.ok((await fine).sealed.length > 0);
  await made.close();
});

test("after keys were dealt anew the thread encrypts for the new epoch, without a restart", async () => {
  const other = await testKeys(SMALL, []);
  const made = encryptor({
    keyOf: (epoch) => ({ epoch, parameters: SMALL, publicKey: epoch === 1 ? keys.publicKey : other.publicKey }),
  });
  for (const [epoch, { publicKey }] of [
    [1, keys],
    [2, other],
    [1, keys],
  ] as const) {
    const { sealed } = await made.encrypt({ ...REQUEST, epoch });
    const window = unpackCiphertext(engine, await openCiphertext(sealed, { id: "analytics", sealKey }, "m-001"), 3);
    assert.equal(window.epoch, epoch);
    assertSender(engine, engine.keys.publicPolys(publicKey)[1], window, "m-001");
  }
  await made.close();
});

test("numbers that do not fit fail their window alone", async () => {
  const made = encryptor();
  await assert.rejects(made.encrypt({ ...REQUEST, numbers: new Float64Array(100).fill(Number.NaN) }), EncryptionError);
  assert.ok((await made.encrypt(REQUEST)).packedBytes > 0);
  await made.close();
  await assert.rejects(made.encrypt(REQUEST), /closed/);
});
