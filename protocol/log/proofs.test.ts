import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { leafHash } from "./merkle.ts";
import { consistencyRanges, inclusionRanges, verifyConsistency, verifyInclusion } from "./proofs.ts";
import { PlainTree } from "./testing/plain-tree.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
/** The tree with which implementations of Certificate Transparency are tested. */
const REFERENCE = new PlainTree(
  ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"].map((leaf) =>
    Buffer.from(leaf, "hex"),
  ),
);
const ROOT = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";

test("conforms to the reference tree at every size", () => {
  const roots = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    ROOT,
  ];
  for (const [i, root] of roots.entries()) assert.equal(hex(REFERENCE.root(i + 1)), root);
});

test("conforms to the reference tree's proofs", () => {
  assert.deepEqual(REFERENCE.inclusion(0).map(hex), [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
  ]);
  assert.deepEqual(REFERENCE.inclusion(5).map(hex), [
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  ]);
  assert.deepEqual(REFERENCE.consistency(1).map(hex), [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
  ]);
  assert.deepEqual(REFERENCE.consistency(6).map(hex), [
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  ]);
});

const inclusionOf = (tree: PlainTree, index: number, size: number) => ({
  ...{ index, size, leaf: leafHash(tree.leaves[index]!) },
  ...{ proof: tree.inclusion(index, size), root: tree.root(size) },
});
const consistencyOf = (tree: PlainTree, from: number, size: number) => ({
  ...{ from, fromRoot: tree.root(from), size },
  ...{ root: tree.root(size), proof: tree.consistency(from, size) },
});

test("every leaf of every small tree is proved, and every smaller tree a beginning of it", () => {
  const tree = PlainTree.of(40);
  for (let size = 1; size <= 40; size++) {
    for (let index = 0; index < size; index++) verifyInclusion(inclusionOf(tree, index, size));
    for (let from = 0; from <= size; from++) verifyConsistency(consistencyOf(tree, from, size));
  }
});

/** One change that makes another proof: a bit, a hash left out, doubled, exchanged, or added. */
const change = fc.record({
  kind: fc.constantFrom("bit", "drop", "double", "swap", "add", "cut" as const),
  at: fc.nat(1_000),
  bit: fc.nat(255),
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function altered(proof: readonly Uint8Array[], { kind, at, bit }: Change): Uint8Array[] {
  const hashes = proof.map((hash) => Uint8Array.from(hash));
  const position = hashes.length === 0 ? 0 : at % hashes.length;
  const here = hashes[position];
  if (kind === "add" || here === undefined) hashes.splice(position, 0, new Uint8Array(32).fill(bit));
  else if (kind === "bit") here[bit >> 3] = here[bit >> 3]! ^ (1 << (bit & 7));
  else if (kind === "drop") hashes.splice(position, 1);
  else if (kind === "double") hashes.splice(position, 0, here);
  else if (kind === "cut") hashes[position] = here.subarray(0, 31);
  else hashes.push(hashes.shift()!);
  return hashes;
}

const same = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean => a.map(hex).join() === b.map(hex).join();

test("refuses every altered proof of inclusion, another leaf, index, size or root", () => {
  const sizes = fc.integer({ min: 1, max: 300 }).chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1)));
  const tree = PlainTree.of(300);
  fc.assert(
    fc.property(sizes, change, fc.nat(255), ([size, index], how, bit) => {
      const good = inclusionOf(tree, index, size);
      const refused = (other: Partial<typeof good>): void => {
        assert.throws(() => verifyInclusion({ ...good, ...other }), { name: "LogError", code: "bad-inclusion" });
      };
      const proof = altered(good.proof, how);
      if (!same(proof, good.proof)) refused({ proof });
      const root = Uint8Array.from(good.root);
      root[bit >> 3] = root[bit >> 3]! ^ (1 << (bit & 7));
      refused({ root });
      refused({ leaf: leafHash(Uint8Array.of(bit)) });
      refused({ index: index + size });
      if (size > 1) refused({ index: (index + 1 + (how.at % (size - 1))) % size });
    }),
    { numRuns: 400 },
  );
});

test("refuses every altered proof of consistency, and every fork", () => {
  const sizes = fc.integer({ min: 2, max: 200 }).chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 2)));
  const [tree, fork] = [PlainTree.of(200), PlainTree.of(200, 1)];
  fc.assert(
    fc.property(sizes, change, ([size, less], how) => {
      const from = less + 1;
      const good = consistencyOf(tree, from, size);
      const refused = (other: Partial<typeof good>): void => {
        assert.throws(() => verifyConsistency({ ...good, ...other }), { name: "LogError", code: "bad-consistency" });
      };
      const proof = altered(good.proof, how);
      if (!same(proof, good.proof)) refused({ proof });
      refused({ fromRoot: fork.root(from) });
      refused({ root: fork.root(size), proof: fork.consistency(from, size) });
      refused({ from: size + 1 });
    }),
    { numRuns: 400 },
  );
});

test("sizes beyond 32 bits have proofs of the right ranges", () => {
  const size = 2 ** 40 + 3;
  assert.deepEqual(inclusionRanges(2 ** 40 + 2, size), [
    [2 ** 40, 2 ** 40 + 2],
    [0, 2 ** 40],
  ]);
  assert.equal(consistencyRanges(2 ** 39, size).length, 2);
});

test("refuses to name ranges of what is not there", () => {
  assert.throws(() => inclusionRanges(3, 3), /RangeError: index: expected 0 to 2, got 3/);
  assert.throws(() => inclusionRanges(0, 0), /RangeError: size: expected an integer from 1 on, got 0/);
  assert.throws(() => consistencyRanges(4, 3), /RangeError: from: expected 0 to 3, got 4/);
});
