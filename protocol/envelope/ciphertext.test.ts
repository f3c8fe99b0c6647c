import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { encodeCbor } from "../cbor.ts";
import { ProtocolError } from "../errors.ts";
import { rawPublicKey } from "../keys/index.ts";
import { openCiphertext, openCiphertextAck, sealCiphertext, signCiphertextAck } from "./ciphertext.ts";
import { sign1 } from "./sign1.ts";

const sign = generateKeyPairSync("ed25519");
const seal = generateKeyPairSync("x25519");
const utility = generateKeyPairSync("ed25519");
const analytics = { id: "analytics", signKey: sign.privateKey, sealKey: seal.privateKey };
const directory = {
  servers: new Map([
    ["analytics", { role: "analytics" as const, signKey: sign.publicKey, sealKey: rawPublicKey(seal.publicKey) }],
    ["utility", { role: "utility" as const, signKey: utility.publicKey }],
  ]),
};
const ciphertext = Uint8Array.from({ length: 70_000 }, (_, i) => i % 251);
const ack = { series: "load", firstSlot: 1000, digest: new Uint8Array(32).fill(5), code: 0 as const };

const refused = (code: string) => (error: unknown) => error instanceof ProtocolError && error.code === code;

test("analytics opens what a meter sealed, and sees which meter the seal names", async () => {
  const sealed = await sealCiphertext(ciphertext, "m-001", directory);
  assert.deepEqual(await openCiphertext(sealed, analytics, "m-001"), ciphertext);
  await assert.rejects(openCiphertext(sealed, analytics, "m-002"), refused("wrong-sender"));
});

test("two seals of one ciphertext differ, and every altered byte is noticed", async () => {
  const sealed = await sealCiphertext(ciphertext.subarray(0, 100), "m-001", directory);
  assert.notDeepEqual(await sealCiphertext(ciphertext.subarray(0, 100), "m-001", directory), sealed);
  for (let at = 0; at < sealed.length; at++) {
    const altered = Uint8Array.from(sealed);
    altered[at]! ^= 1;
    await assert.rejects(openCiphertext(altered, analytics, "m-001"), ProtocolError);
  }
});

test("another server's key does not open it", async () => {
  const sealed = await sealCiphertext(ciphertext, "m-001", directory);
  const other = { id: "utility", sealKey: generateKeyPairSync("x25519").privateKey };
  await assert.rejects(openCiphertext(sealed, other, "m-001"), refused("bad-seal"));
  await assert.rejects(openCiphertext(sealed, { id: "analytics" }, "m-001"), /holds no sealing key/);
});

test("says so where the system has no analytics", async () => {
  await assert.rejects(sealCiphertext(ciphertext, "m-001", { servers: new Map() }), /lists no analytics/);
});

test("a meter believes analytics' answer to its own ciphertext, and no other", () => {
  const signed = signCiphertextAck(ack, "m-001", analytics);
  const opened = openCiphertextAck(signed, "m-001", directory);
  assert.deepEqual({ ...opened, digest: Uint8Array.from(opened.digest) }, ack);
  assert.throws(() => openCiphertextAck(signed, "m-002", directory), refused("bad-signature"));
  const byUtility = sign1(
    encodeCbor(Object.values(ack)),
    { id: "utility", signKey: utility.privateKey },
    "wv/1 he-ack m-001",
  );
  assert.throws(() => openCiphertextAck(byUtility, "m-001", directory), refused("wrong-sender"));
  for (let at = 0; at < signed.length; at++) {
    const altered = Uint8Array.from(signed);
    altered[at]! ^= 1;
    assert.throws(() => openCiphertextAck(altered, "m-001", directory), ProtocolError);
  }
});

test("an answer has a code that means something, and a whole digest", () => {
  for (const wrong of [
    [ack.series, ack.firstSlot, ack.digest, 4],
    [ack.series, ack.firstSlot, ack.digest, 6],
    [ack.series, ack.firstSlot, ack.digest.subarray(1), 0],
    ["", ack.firstSlot, ack.digest, 0],
    [ack.series, -1, ack.digest, 0],
    [ack.series, ack.firstSlot, ack.digest, 0, 0],
  ]) {
    const signed = sign1(encodeCbor(wrong), analytics, "wv/1 he-ack m-001");
    assert.throws(() => openCiphertextAck(signed, "m-001", directory), refused("malformed"));
  }
  assert.throws(() => signCiphertextAck({ ...ack, firstSlot: 2 ** 32 }, "m-001", analytics), /^RangeError: ack: /);
});
