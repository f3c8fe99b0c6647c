import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { merkleRoot, verifyInclusion } from "../../../protocol/log/index.ts";
import { PlainTree } from "./merkle.ts";

const LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

test("the well-known tree of eight leaves has its root", () => {
  const tree = new PlainTree(LEAVES.map((hex) => Buffer.from(hex, "hex")));
  assert.equal(tree.root(8).toString("hex"), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
  assert.equal(tree.root(0).toString("hex"), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert.throws(() => tree.root(9), /size: expected at most 8, got 9/);
});

test("roots of every length are the product's, and every path proves its entry to the product's verifier", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 8 }), { minLength: 1, maxLength: 40 }), (entries) => {
      const tree = new PlainTree(entries);
      for (let size = 0; size <= entries.length; size++) {
        assert.deepEqual(Buffer.from(merkleRoot(entries.slice(0, size))), tree.root(size));
        for (let index = 0; index < size; index++) {
          const leaf = tree.leaf(index)!;
          verifyInclusion({ index, size, leaf, proof: tree.path(index, size), root: tree.root(size) });
        }
      }
    }),
    { numRuns: 20 },
  );
});
