import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { splitChunks } from "../../protocol/envelope/index.ts";
import { CHUNK_BYTES } from "../../protocol/topics.ts";
import { ChunkDesk } from "./chunk-desk.ts";

/** A message of two chunks that begin it, the last of them small. */
const message = (): Uint8Array[] => splitChunks(randomBytes(CHUNK_BYTES + 100));

function makeDesk(totalChunks: number) {
  const clock = { seconds: 0 };
  const desk = new ChunkDesk({
    ...{ maxBytes: 4 * CHUNK_BYTES, totalBytes: totalChunks * CHUNK_BYTES, maxAgeSeconds: 60 },
    now: () => clock.seconds,
  });
  return { desk, clock };
}

test("meters that send at once, chunk after chunk in turns, all get through within the memory that this takes", () => {
  const { desk } = makeDesk(100);
  const messages = Array.from({ length: 100 }, message);
  for (const [i, chunks] of messages.entries()) assert.equal(desk.add(`m-${i}`, chunks[0]!), undefined);
  assert.equal(desk.heldBytes, 100 * CHUNK_BYTES);
  for (const [i, chunks] of messages.entries()) assert.equal(desk.add(`m-${i}`, chunks[1]!)?.length, CHUNK_BYTES + 100);
  assert.equal(desk.heldBytes, 0);
});

test("meters that never finish a message hold up nobody: whoever was heard longest ago gives way", () => {
  const { desk } = makeDesk(8);
  for (let i = 0; i < 50; i++) {
    desk.add(`hostile-${i}`, message()[0]!);
    assert.ok(desk.heldBytes <= 8 * CHUNK_BYTES);
  }
  const [first, second] = message() as [Uint8Array, Uint8Array];
  desk.add("m-1", first);
  for (let i = 0; i < 7; i++) desk.add(`hostile-${i}`, message()[0]!);
  assert.ok(desk.add("m-1", second), "it was heard more lately than half of them");
  // One meter cannot take more than its own part, however much it begins.
  for (let i = 0; i < 50; i++) desk.add("hostile", message()[0]!);
  assert.ok(desk.heldBytes <= 8 * CHUNK_BYTES);
});

test("the end of a message whose beginning was lost is forgotten with time, and the message sent again arrives", () => {
  const { desk, clock } = makeDesk(8);
  desk.add("m-1", message()[1]!);
  assert.equal(desk.heldBytes, 100);
  const [first, second] = message() as [Uint8Array, Uint8Array];
  desk.add("m-1", first);
  assert.ok(desk.add("m-1", second));
  clock.seconds = 61;
  desk.add("m-2", message()[0]!);
  assert.equal(desk.heldBytes, CHUNK_BYTES, "nothing of m-1 is left");
});
