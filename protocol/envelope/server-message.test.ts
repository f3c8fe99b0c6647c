import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { encodeCbor } from "../cbor.ts";
import { ProtocolError } from "../errors.ts";
import { type Directory, openDirectory, rawPublicKey, sealDirectory, type ServerKeys } from "../keys/index.ts";
import type { Role } from "../topics.ts";
import { openClock, sealClock } from "./clock.ts";
import { hpkeSeal } from "./hpke.ts";
import { openServerMessage, sealServerMessage } from "./server-message.ts";
import { CONTEXT, sign1, verify1 } from "./sign1.ts";

const ROLES: readonly [string, Role][] = [
  ["authority", "authority"],
  ["utility", "utility"],
  ["simulator", "simulator"],
  ["a-1", "aggregator"],
  ["a-2", "aggregator"],
  ["a-3", "aggregator"],
];

const keys = new Map(
  ROLES.map(([id, role]) => [id, { role, sign: generateKeyPairSync("ed25519"), seal: generateKeyPairSync("x25519") }]),
);
const servers = new Map(
  [...keys].map(([id, { role, sign, seal }]): [string, ServerKeys] => [
    id,
    { role, signKey: sign.publicKey, sealKey: rawPublicKey(seal.publicKey) },
  ]),
);
const directory: Directory = {
  ...{ n: 3, t: 2, q: 2, slotSeconds: 900, simulation: true, created: 1_737_504_000 },
  ca: new Uint8Array(32),
  servers,
};

function party(id: string) {
  const { sign, seal } = keys.get(id)!;
  return { id, directory, signKey: sign.privateKey, sealKey: seal.privateKey };
}

function code(...expected: string[]): (error: unknown) => boolean {
  return (error) => error instanceof ProtocolError && expected.includes(error.code);
}

const message = { type: "open", round: "r-1", data: Uint8Array.of(1, 2, 3) };

test("a server opens what another sealed to it", async () => {
  const sealed = await sealServerMessage(message, party("utility"), "a-1");
  const opened = await openServerMessage(sealed, party("a-1"), "utility");
  assert.equal(opened.from, "utility");
  assert.deepEqual({ ...(opened.message as object), data: [1, 2, 3] }, { ...message, data: [1, 2, 3] });
});

test("refuses a message for another recipient, or from another sender than the topic's", async () => {
  const sealed = await sealServerMessage(message, party("utility"), "a-1");
  await assert.rejects(openServerMessage(sealed, party("a-2"), "utility"), code("bad-seal"));
  await assert.rejects(openServerMessage(sealed, party("a-1"), "a-2"), code("wrong-sender"));
});

test("refuses a message that someone sealed in another's name", async () => {
  const sealKey = servers.get("a-1")!.sealKey!;
  const byA2 = sign1(encodeCbor(message), party("a-2"), "wv/1 utility a-1");
  const forged = await hpkeSeal(byA2, "utility", "a-1", sealKey);
  await assert.rejects(openServerMessage(forged, party("a-1")), code("wrong-sender"));
  const unsigned = await hpkeSeal(encodeCbor(message), "utility", "a-1", sealKey);
  await assert.rejects(openServerMessage(unsigned, party("a-1")), code("malformed"));
});

test("refuses a signed message that its recipient passes on to another", async () => {
  const toA1 = sign1(encodeCbor(message), party("utility"), "wv/1 utility a-1");
  const passedOn = await hpkeSeal(toA1, "utility", "a-2", servers.get("a-2")!.sealKey!);
  await assert.rejects(openServerMessage(passedOn, party("a-2")), code("bad-signature"));
});

test("refuses a sealed message with any one byte altered, or cut", async () => {
  const sealed = await sealServerMessage({ a: 1 }, party("utility"), "a-1");
  for (let at = 0; at < sealed.length; at += 3) {
    const altered = Uint8Array.from(sealed);
    altered[at]! ^= 1 << (at % 8);
    await assert.rejects(openServerMessage(altered, party("a-1")), ProtocolError);
    await assert.rejects(openServerMessage(sealed.subarray(0, at), party("a-1")), code("malformed"));
  }
});

test("a party without keys, or a recipient without one, is the caller's fault", async () => {
  await assert.rejects(sealServerMessage(message, party("utility"), "a-9"), /^RangeError: to: expected a server/);
  await assert.rejects(sealServerMessage(message, { id: "x", directory }, "a-1"), /^RangeError: signKey: x holds no/);
  await assert.rejects(openServerMessage(new Uint8Array(0), { id: "x", directory }), /^RangeError: sealKey: x holds/);
});

test("a signature holds for its context and signer only", () => {
  const signed = sign1(Uint8Array.of(1), party("a-1"), CONTEXT.endorse);
  assert.equal(verify1(signed, directory, CONTEXT.endorse).signer, "a-1");
  assert.throws(() => verify1(signed, directory, CONTEXT.countersign), code("bad-signature"));
  assert.throws(() => verify1(signed, directory, CONTEXT.endorse, "a-2"), code("wrong-sender"));
  const stranger = sign1(Uint8Array.of(1), { ...party("a-1"), id: "a-7" }, CONTEXT.endorse);
  assert.throws(() => verify1(stranger, directory, CONTEXT.endorse), code("wrong-sender"));
  const inAnothersName = sign1(Uint8Array.of(1), { ...party("a-1"), id: "a-2" }, CONTEXT.endorse);
  assert.throws(() => verify1(inAnothersName, directory, CONTEXT.endorse), code("bad-signature"));
});

test("refuses a signed item with any one bit flipped, cut, or with trailing bytes", () => {
  const signed = sign1(Uint8Array.of(1, 2, 3), party("a-1"), CONTEXT.endorse);
  for (let bit = 0; bit < signed.length * 8; bit++) {
    const altered = Uint8Array.from(signed);
    altered[bit >> 3]! ^= 1 << (bit & 7);
    assert.throws(() => verify1(altered, directory, CONTEXT.endorse), ProtocolError);
  }
  assert.throws(() => verify1(signed.subarray(1), directory, CONTEXT.endorse), code("malformed"));
  assert.throws(() => verify1(Buffer.concat([signed, signed]), directory, CONTEXT.endorse), code("malformed"));
});

test("the simulator's clock is taken in a simulation, and nobody else's", () => {
  const tick = { time: 1_736_895_600, sequence: 7 };
  assert.deepEqual(openClock(sealClock(tick, party("simulator")), directory), tick);
  assert.throws(() => openClock(sealClock(tick, party("a-1")), directory), code("wrong-sender"));
  const production = { ...directory, simulation: false };
  assert.throws(() => openClock(sealClock(tick, party("simulator")), production), code("wrong-sender"));
  const notATick = sign1(encodeCbor(["late", 1]), party("simulator"), CONTEXT.clock);
  assert.throws(() => openClock(notATick, directory), code("malformed"));
});

test("a directory verifies under the pinned key alone", () => {
  const authority = keys.get("authority")!.sign;
  const sealed = sealDirectory(directory, authority.privateKey);
  const opened = openDirectory(sealed, authority.publicKey);
  assert.deepEqual({ ...opened, servers: [...opened.servers.keys()] }, { ...directory, servers: [...servers.keys()] });
  const other: KeyObject = generateKeyPairSync("ed25519").publicKey;
  assert.throws(() => openDirectory(sealed, other), code("bad-signature"));
  const altered = Uint8Array.from(sealed);
  altered[60]! ^= 1;
  assert.throws(() => openDirectory(altered, authority.publicKey), ProtocolError);
});

test("a directory that contradicts itself is not signed, and not taken", () => {
  const { privateKey, publicKey } = keys.get("authority")!.sign;
  assert.throws(() => sealDirectory({ ...directory, t: 4 }, privateKey), /^RangeError: directory/);
  assert.throws(() => sealDirectory({ ...directory, q: 1 }, privateKey), /q is more than half of n/);
  assert.throws(() => sealDirectory({ ...directory, n: 4 }, privateKey), /all n aggregators are there/);
  const usurped = new Map(servers).set("authority", { ...servers.get("a-1")!, role: "authority" });
  const sealed = sealDirectory({ ...directory, servers: usurped }, privateKey);
  assert.throws(() => openDirectory(sealed, publicKey), code("wrong-sender"));
});
