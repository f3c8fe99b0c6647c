import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { encodeCbor } from "../cbor.ts";
import { ProtocolError } from "../errors.ts";
import { CHUNK_BYTES, TOPICS } from "../topics.ts";
import { ChunkAssembler, DEFAULT_CHUNK_LIMITS, splitChunks } from "./chunks.ts";

const still = (): number => 0;
const long = Uint8Array.from(randomBytes(2 * CHUNK_BYTES + 5));
const chunks = splitChunks(long);

function code(...expected: string[]): (error: unknown) => boolean {
  return (error) => error instanceof ProtocolError && expected.includes(error.code);
}

function chunk(
  id: number,
  index: number,
  count: number,
  content: Uint8Array = new Uint8Array(CHUNK_BYTES),
): Uint8Array {
  return encodeCbor([new Uint8Array(8).fill(id), index, count, content]);
}

test("chunks fit their topics and are put together in any order", () => {
  assert.equal(chunks.length, 3);
  for (const one of chunks) assert.ok(one.length <= TOPICS.roundRequest.maxBytes);
  const assembler = new ChunkAssembler(still);
  assert.equal(assembler.add("a-1", chunks[2]!), undefined);
  assert.equal(assembler.add("a-1", chunks[0]!), undefined);
  assert.deepEqual(assembler.add("a-1", chunks[1]!), long);
});

test("a short message is one chunk", () => {
  const [only, ...rest] = splitChunks(Uint8Array.of(1, 2));
  assert.equal(rest.length, 0);
  assert.deepEqual(new ChunkAssembler(still).add("a-1", only!), Uint8Array.of(1, 2));
  assert.throws(() => splitChunks(new Uint8Array(0)), RangeError);
});

test("senders do not mix", () => {
  const assembler = new ChunkAssembler(still);
  assembler.add("a-1", chunks[0]!);
  assembler.add("a-1", chunks[1]!);
  assert.equal(assembler.add("a-2", chunks[2]!), undefined);
  assert.deepEqual(assembler.add("a-1", chunks[2]!), long);
});

test("refuses a chunk that is here already, and completes all the same", () => {
  const assembler = new ChunkAssembler(still);
  assembler.add("a-1", chunks[0]!);
  assert.throws(() => assembler.add("a-1", chunks[0]!), code("replayed"));
  assembler.add("a-1", chunks[1]!);
  assert.deepEqual(assembler.add("a-1", chunks[2]!), long);
});

test("refuses a chunk that contradicts the others or itself", () => {
  const assembler = new ChunkAssembler(still);
  assembler.add("a-1", chunk(1, 0, 3));
  assert.throws(() => assembler.add("a-1", chunk(1, 1, 4)), code("malformed"));
  assert.throws(() => assembler.add("a-1", chunk(2, 3, 3)), code("malformed"));
  assert.throws(() => assembler.add("a-1", chunk(2, 0, 3, new Uint8Array(5))), code("malformed"));
  assert.throws(() => assembler.add("a-1", encodeCbor([1, 2, 3])), code("malformed"));
  assert.throws(() => assembler.add("a-1", Uint8Array.of(0xff)), code("malformed"));
  assert.throws(() => assembler.add("a-1", chunk(2, 0, 1, new Uint8Array(0))), code("malformed"));
});

test("refuses what is larger than the limits", () => {
  const assembler = new ChunkAssembler(still, { ...DEFAULT_CHUNK_LIMITS, maxBytes: 2 * CHUNK_BYTES });
  assert.throws(() => assembler.add("a-1", chunk(1, 0, 4)), code("wrong-length"));
  assert.throws(() => assembler.add("a-1", chunk(1, 0, 1, new Uint8Array(CHUNK_BYTES + 1))), code("wrong-length"));
  assert.throws(() => assembler.add("a-1", chunk(1, 0, 65_535)), code("wrong-length"));
});

test("an unfinished message is forgotten after its time", () => {
  let now = 0;
  const assembler = new ChunkAssembler(() => now, { ...DEFAULT_CHUNK_LIMITS, maxAgeSeconds: 10 });
  assembler.add("a-1", chunks[0]!);
  assembler.add("a-1", chunks[1]!);
  now = 11;
  assert.equal(assembler.add("a-1", chunks[2]!), undefined);
  assembler.add("a-1", chunks[0]!);
  assert.deepEqual(assembler.add("a-1", chunks[1]!), long);
});

test("unfinished messages of a sender give way to newer ones, in count and in bytes", () => {
  for (const limits of [{ maxMessages: 2 }, { maxBytes: 4 * CHUNK_BYTES }]) {
    const assembler = new ChunkAssembler(still, { ...DEFAULT_CHUNK_LIMITS, ...limits });
    assembler.add("a-1", chunk(1, 0, 3));
    assembler.add("a-1", chunk(2, 0, 3));
    assembler.add("a-1", chunk(3, 0, 3));
    assert.equal(assembler.add("a-1", chunk(3, 1, 3)), undefined);
    assert.equal(assembler.add("a-1", chunk(3, 2, 3))?.length, 3 * CHUNK_BYTES);
    assembler.add("a-1", chunk(1, 1, 3)); // the first is gone: this begins it anew
    assert.equal(assembler.add("a-1", chunk(1, 2, 3)), undefined);
  }
});

test("refuses more senders than there are servers", () => {
  const assembler = new ChunkAssembler(still, { ...DEFAULT_CHUNK_LIMITS, maxSenders: 1 });
  assembler.add("a-1", chunk(1, 0, 2));
  assert.throws(() => assembler.add("a-2", chunk(1, 0, 2)), code("wrong-sender"));
});
