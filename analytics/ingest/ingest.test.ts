/** Hostile meters and a full disk: what is refused, what is answered, and that nothing is acknowledged that is not kept. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { type SqliteDatabase, StorageError } from "../../config/runtime/database.ts";
import { migrateStore, openStore } from "../../config/runtime/store.ts";
import { isOnServer, testPlace } from "../../config/runtime/testing/store-place.ts";
import { encodeCbor } from "../../protocol/cbor.ts";
import { type CiphertextAck, splitChunks } from "../../protocol/envelope/index.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { CIPHERTEXT_CODES } from "../../protocol/messages/ack-codes.ts";
import { CHUNK_BYTES } from "../../protocol/topics.ts";
import { CiphertextStore } from "../store/ciphertext-store.ts";
import { MIGRATIONS } from "../store/schema.ts";
import { ChunkDesk } from "./chunk-desk.ts";
import { IngestError } from "./codes.ts";
import { Ingest } from "./ingest.ts";

const MIB = 2 ** 20;
const WINDOW = { firstSlot: 960, slots: 96 };

/** An ingest whose seal is "x" before the bytes; bytes say their first slot, and are otherwise taken as they are. */
function makeIngest(context: TestContext) {
  const folder = mkdtempSync(path.join(tmpdir(), "wattveil-ingest-"));
  const db = openStore(testPlace(path.join(folder, "analytics.db")), { synchronous: "NORMAL" });
  context.after(() => {
    db.close();
    rmSync(folder, { recursive: true });
  });
  migrateStore(db, MIGRATIONS);
  const store = new CiphertextStore(db);
  const acks: [string, CiphertextAck][] = [];
  const refused: string[] = [];
  const range = { from: 0, to: 1_000 };
  const ingest = new Ingest({
    ...{ db, store, now: () => 0, waitingBytes: 4 * MIB, commitBytes: 64 * MIB, scheduleCommit: () => {} },
    desk: new ChunkDesk({ maxBytes: MIB, totalBytes: 8 * MIB, maxAgeSeconds: 60, now: () => 0 }),
    open: (sealed) =>
      sealed[0] === 0x78 ? Promise.resolve(sealed.subarray(1)) : Promise.reject(new ProtocolError("bad-seal", "seal")),
    check: (_meter, series, bytes) => {
      const [firstSlot, slots] = [Buffer.from(bytes).readUInt16BE(0), WINDOW.slots];
      if (bytes[2] === 0xff) return Promise.reject(new IngestError("not-its-own", "no proof", firstSlot));
      return Promise.resolve({ series, firstSlot, slots, epoch: 1, stride: 1, parameters: new Uint8Array(8) });
    },
    isMember: (meter) => meter !== "m-stranger",
    windowAt: (firstSlot) => (firstSlot % WINDOW.slots === 0 ? { firstSlot, slots: WINDOW.slots } : undefined),
    openRange: () => range,
    refuse: (code) => refused.push(code),
    ack: (meter, ack) => acks.push([meter, ack]),
    stored: () => {},
  });
  const send = async (meter: string, bytes: Uint8Array): Promise<void> => {
    for (const chunk of splitChunks(Buffer.concat([Buffer.from("x"), bytes])))
      await ingest.handle(meter, "load", chunk);
  };
  return { db, store, ingest, acks, refused, range, send };
}

function ciphertext(firstSlot = WINDOW.firstSlot, length = 20, third = 0): Uint8Array {
  const bytes = randomBytes(length);
  bytes.writeUInt16BE(firstSlot);
  bytes[2] = third;
  return bytes;
}

test("what a meter sends that is nothing is refused with its code, and the next ciphertext is taken", async (context) => {
  const { ingest, acks, refused, send } = makeIngest(context);
  const chunk = (...parts: unknown[]): Uint8Array => encodeCbor(parts);
  const id = randomBytes(8);
  const first = chunk(id, 0, 3, randomBytes(CHUNK_BYTES));
  const cases: [string, Uint8Array][] = [
    ["malformed", randomBytes(0)],
    ["malformed", new Uint8Array(100_000).fill(0x81)],
    ["malformed", encodeCbor({ a: 1 })],
    ["malformed", chunk(id, 0, 0, randomBytes(4))],
    ["malformed", chunk(id, 0, 1, new Uint8Array())],
    ["malformed", chunk(id, 2, 2, randomBytes(4))],
    ["malformed", chunk(randomBytes(8), 0, 2, randomBytes(4))],
    ["wrong-length", chunk(randomBytes(8), 0, 0xffff, randomBytes(CHUNK_BYTES))],
    ["wrong-length", chunk(randomBytes(8), 0, 1, randomBytes(CHUNK_BYTES + 1))],
    ["bad-seal", chunk(randomBytes(8), 0, 1, Buffer.from("y"))],
  ];
  for (const [code, bytes] of cases) {
    refused.length = 0;
    await ingest.handle("m-1", "load", bytes);
    assert.deepEqual(refused, [`he-${code}`]);
  }
  await ingest.handle("m-1", "load", first);
  await ingest.handle("m-1", "load", first);
  await ingest.handle("m-1", "load", chunk(id, 0, 2, randomBytes(CHUNK_BYTES)));
  assert.deepEqual(refused.slice(-2), ["he-replayed", "he-malformed"]);
  assert.equal(acks.length, 0, "nothing of it names a window");
  await send("m-1", ciphertext());
  ingest.commit();
  assert.deepEqual(
    acks.map(([meter, { code }]) => [meter, code]),
    [["m-1", CIPHERTEXT_CODES.stored]],
  );
});

test("a ciphertext at the wrong place is answered for good, one that comes too early is left to be sent again", async (context) => {
  const { acks, refused, send, store, ingest, range } = makeIngest(context);
  const cases: [string, string, Uint8Array, number | undefined][] = [
    ["not-its-own", "m-1", ciphertext(WINDOW.firstSlot, 20, 0xff), CIPHERTEXT_CODES.refused],
    ["wrong-window", "m-1", ciphertext(961), CIPHERTEXT_CODES.refused],
    ["unknown-meter", "m-stranger", ciphertext(), CIPHERTEXT_CODES.refused],
    ["future", "m-1", ciphertext(1_056), undefined],
  ];
  for (const [code, meter, bytes, answer] of cases) {
    refused.length = 0;
    acks.length = 0;
    await send(meter, bytes);
    assert.deepEqual(refused, [`he-${code}`]);
    assert.deepEqual(
      acks.map(([to, ack]) => [to, ack.code]),
      answer === undefined ? [] : [[meter, answer]],
      code,
    );
  }
  range.from = 961;
  await send("m-1", ciphertext());
  assert.equal(acks.at(-1)?.[1].code, CIPHERTEXT_CODES.closed);
  ingest.commit();
  assert.equal(store.totals().count, 0);
});

test("a full disk ends it with what to do; nothing is acknowledged, and what is sent again is stored once", async (context) => {
  if (isOnServer()) return; // whose disk is not ours to fill
  const { db: any, ingest, acks, send, store } = makeIngest(context);
  const db = any as SqliteDatabase;
  const pages = Number(db.pragma("page_count", { simple: true }));
  db.pragma(`max_page_count = ${pages + 4}`);
  const [small, large] = [ciphertext(), ciphertext(WINDOW.firstSlot, MIB / 2)];
  await send("m-1", small);
  ingest.commit();
  assert.equal(acks.length, 1);
  await send("m-2", large);
  const full = (error: unknown): boolean => error instanceof StorageError && error.code === "full";
  assert.throws(() => ingest.commit(), full);
  assert.equal(acks.length, 1, "m-2 hears nothing");
  assert.equal(store.totals().count, 1);
  db.pragma("max_page_count = 100000");
  for (let i = 0; i < 2; i++) {
    await send("m-2", large);
    ingest.commit();
  }
  assert.deepEqual(
    acks.map(([meter, { code }]) => [meter, code]),
    [
      ["m-1", CIPHERTEXT_CODES.stored],
      ["m-2", CIPHERTEXT_CODES.stored],
      ["m-2", CIPHERTEXT_CODES.duplicate],
    ],
  );
  assert.deepEqual(createHash("sha256").update(large).digest(), Buffer.from(acks[1]![1].digest));
});
