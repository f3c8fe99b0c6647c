import assert from "node:assert/strict";
import { test } from "node:test";
import { nonceOf, pooled } from "./aead.ts";

test("copies that share memory stay what they were, also where one no longer fits beside those before it", () => {
  const lengths = Array.from({ length: 6_000 }, (_, index) => index % 61);
  const copies = lengths.map((length, index) => {
    const bytes = new Uint8Array(length).fill(index);
    const copy = pooled(bytes);
    bytes.fill(0xff);
    return copy;
  });
  for (const [index, copy] of copies.entries()) {
    assert.deepEqual(copy, new Uint8Array(lengths[index]!).fill(index), `copy ${index}`);
  }
  const memories = new Set(copies.map(({ buffer }) => buffer));
  assert.ok(memories.size > 1 && memories.size <= 4, `${memories.size} pieces of memory`);
});

test("a nonce is four zeros, the boot and the counter", () => {
  assert.equal(
    Buffer.from(nonceOf({ boot: 0x01020304, counter: 0xfffffffe })).toString("hex"),
    "0000000001020304fffffffe",
  );
  assert.equal(Buffer.from(nonceOf({ boot: 0, counter: 0 })).toString("hex"), "000000000000000000000000");
});
