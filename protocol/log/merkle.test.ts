import assert from "node:assert/strict";
import { test } from "node:test";
import { leafHash, merkleRoot, nodeHash } from "./merkle.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"].map(
  (leaf) => Buffer.from(leaf, "hex"),
);

test("the empty tree hashes to SHA-256 of nothing", () => {
  assert.equal(hex(merkleRoot([])), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

test("an empty leaf is not an empty tree", () => {
  assert.equal(hex(leafHash(new Uint8Array(0))), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  assert.deepEqual(merkleRoot([new Uint8Array(0)]), leafHash(new Uint8Array(0)));
});

test("conforms to the eight-leaf tree of Certificate Transparency", () => {
  assert.equal(hex(merkleRoot(leaves)), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
});

test("leaves may come from any iterable", () => {
  assert.deepEqual(merkleRoot(new Set(leaves)), merkleRoot(leaves));
});

test("a node cannot pass as a leaf, and order matters", () => {
  const [a, b] = [leafHash(Uint8Array.of(1)), leafHash(Uint8Array.of(2))];
  assert.notDeepEqual(leafHash(Buffer.concat([a, b])), nodeHash(a, b));
  assert.notDeepEqual(nodeHash(a, b), nodeHash(b, a));
});

test("refuses to join what is no hash", () => {
  assert.throws(() => nodeHash(new Uint8Array(31), new Uint8Array(32)), /RangeError: left: expected 32 bytes, got 31/);
  assert.throws(() => nodeHash(new Uint8Array(32), new Uint8Array(33)), /RangeError: right: expected 32 bytes, got 33/);
});
