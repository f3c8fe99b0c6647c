import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { encodeCbor } from "../cbor.ts";
import { ProtocolError } from "../errors.ts";
import { packLanes } from "../learning/lanes.ts";
import { roundOf } from "../learning/announcement.ts";
import { elementsOf } from "../learning/shape.ts";
import { trainingRound } from "../learning/testing/rounds.ts";
import { splitVector } from "../shamir/split-vector.ts";
import { packedBytes } from "../shamir/vector-shares.ts";
import { TOPICS, topicOf } from "../topics.ts";
import { directionKey } from "./aead.ts";
import { SyntheticSeal } from "./synthetic.ts";
import { createUpdateOpener, createUpdateSealer, type UpdateMessage } from "./update.ts";

const rootKey = new Uint8Array(32).fill(9);
const round = "00112233445566778899aabbccddeeff";
const tag = Buffer.from("0102030405060708", "hex");
const seeded: UpdateMessage = { tag, elements: 3, share: { seed: Buffer.alloc(32, 5) } };
const packed: UpdateMessage = { tag, elements: 3, share: { packed: Buffer.alloc(packedBytes(3), 3) } };
const sealer = createUpdateSealer(rootKey, "m-001", 2);
const opener = createUpdateOpener(rootKey, "m-001", 2);

function refuses(payload: Uint8Array, code: string, by = opener, of = round): void {
  assert.throws(
    () => by.open(of, payload),
    (error) => error instanceof ProtocolError && error.code === code,
  );
}

test("seeds and packed shares arrive as they were sent, and a repeat is the same bytes", () => {
  for (const update of [seeded, packed]) {
    const payload = sealer.seal(round, update);
    const opened = opener.open(round, payload);
    assert.deepEqual(opened, update);
    assert.deepEqual(sealer.seal(round, update), payload);
  }
});

test("refuses an update of another round, meter, aggregator or key, and a changed one", () => {
  const payload = sealer.seal(round, packed);
  refuses(payload, "bad-seal", opener, `${round.slice(0, 31)}0`);
  refuses(payload, "bad-seal", createUpdateOpener(rootKey, "m-002", 2));
  refuses(payload, "bad-seal", createUpdateOpener(rootKey, "m-001", 3));
  refuses(payload, "bad-seal", createUpdateOpener(new Uint8Array(32), "m-001", 2));
  const changed = Uint8Array.from(payload);
  changed[changed.length - 20]! ^= 1;
  refuses(changed, "bad-seal");
  refuses(payload.subarray(0, payload.length - 1), "malformed");
  refuses(Uint8Array.of(), "malformed");
});

test("refuses what is sealed rightly and no update", () => {
  const synthetic = new SyntheticSeal(
    ...(["an update", directionKey(rootKey, "wv/1/update"), directionKey(rootKey, "wv/1/update-iv")] as const),
  );
  const topic = topicOf("update", { meter: "m-001", round, agg: "2" });
  const wrong = [
    [tag, 3, 0, new Uint8Array(31)],
    [tag, 3, 1, new Uint8Array(packedBytes(3) - 1)],
    [tag, 3, 2, new Uint8Array(32)],
    [tag.subarray(1), 3, 0, new Uint8Array(32)],
    [tag, 0, 1, new Uint8Array(0)],
    [tag, 40_000, 0, new Uint8Array(32)],
    { tag },
  ];
  for (const plaintext of wrong) refuses(synthetic.seal(topic, encodeCbor(plaintext)), "malformed");
});

test("does not seal what no aggregator would take", () => {
  assert.throws(() => sealer.seal(round, { ...seeded, elements: 0 }), /update: /);
  assert.throws(() => sealer.seal("r/1", seeded), /round: expected one topic level/);
});

test("the longest update that can be announced is one message", () => {
  const content = trainingRound(2);
  const elements = elementsOf({ length: 65_536, lanes: 2 });
  const payload = sealer.seal(roundOf(content), {
    ...{ tag, elements },
    share: { packed: new Uint8Array(packedBytes(elements)) },
  });
  assert.ok(payload.length <= TOPICS.update.maxBytes, `${payload.length} bytes`);
});

test("10,000 parameters of 16 bits travel in less than twice the bytes of float32, all three messages whole", () => {
  const { vector } = trainingRound(10_000);
  const values = Array.from({ length: 10_000 }, (_, i) => createHash("sha256").update(`${i}`).digest().readInt16LE());
  const elements = packLanes(values, vector);
  const { tag: of, shares } = splitVector({ key: rootKey, round, elements, n: 3, t: 2 });
  const sizes = shares.map((share, i) => {
    const topic = topicOf("update", { meter: "m-001", round, agg: String(i + 1) });
    const message = { tag: of, elements: elements.length, share };
    const payload = createUpdateSealer(rootKey, "m-001", i + 1).seal(round, message);
    // The PUBLISH packet of MQTT 3.1.1, QoS 1: head, length, topic, packet id, payload.
    const rest = 2 + topic.length + 2 + payload.length;
    return 1 + (rest < 128 ? 1 : rest < 16_384 ? 2 : 3) + rest;
  });
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(bytes / 40_000 <= 1.92, `${bytes} bytes, ${bytes / 40_000} times float32`);
});
