import assert from "node:assert/strict";
import { test } from "node:test";
import { leafHash } from "./merkle.ts";
import { PlainTree } from "./testing/plain-tree.ts";
import { expandTile, foldNodes, levelsOf, levelWidth, nodeIn, nodesOf, tileOf, tilePath } from "./tiles.ts";

test("paths conform to the specification's examples", () => {
  assert.equal(tilePath(0, 1_234_067), "tile/0/x001/x234/067");
  assert.equal(tilePath("entries", 5, 112), "tile/entries/005.p/112");
  assert.equal(tilePath(2, 1_000), "tile/2/x001/000");
  assert.deepEqual([levelWidth(70_000, 0) % 256, levelWidth(70_000, 1) % 256, levelWidth(70_000, 2)], [112, 17, 1]);
  assert.equal(levelsOf(70_000), 3);
  assert.equal(levelsOf(256), 2);
  assert.equal(levelsOf(0), 0);
});

test("any range's hash comes from its complete subtrees, and these from their tiles", () => {
  const tree = PlainTree.of(600);
  const tiles = [0, 1, 2].map((index) =>
    expandTile(tree.leaves.slice(index * 256, index * 256 + 256).map((leaf) => leafHash(leaf))),
  );
  const upper = expandTile([tree.root(256), tree.root(512, 256)]);
  for (const [from, to] of [
    [0, 600],
    [0, 512],
    [256, 600],
    [512, 577],
    [32, 64],
    [7, 8],
    [0, 256],
  ] as const) {
    const hashes = nodesOf([from, to]).map((node) => {
      const { level, index } = tileOf(node);
      return nodeIn(level === 0 ? tiles[index]! : upper, node)!;
    });
    assert.deepEqual(foldNodes(hashes), tree.root(to, from), `${from} to ${to}`);
  }
  assert.equal(nodeIn(tiles[2]!, { height: 0, index: 600 }), undefined);
});
