/** Tiles (c2sp.org/tlog-tiles): 256 hashes of one level of the tree, where they lie, and what is in them. */
import { nodeHash } from "./merkle.ts";
import type { Range } from "./proofs.ts";

/** Hashes in a full tile, and bits of an index that lie within one. */
export const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;
/** An entry's length is written in two bytes. */
export const MAX_ENTRY_BYTES = 65_535;

export interface TileId {
  readonly level: number;
  readonly index: number;
}

/** Hashes at a level of the tree of `size` leaves. */
export function levelWidth(size: number, level: number): number {
  return Math.floor(size / TILE_WIDTH ** level);
}

/** Levels that have any hash. */
export function levelsOf(size: number): number {
  let levels = 0;
  while (levelWidth(size, levels) > 0) levels++;
  return levels;
}

/** `x001/x234/067`, with `.p/<width>` where the tile is not full. `kind` is a level, or `entries`. */
export function tilePath(kind: number | "entries", index: number, width = TILE_WIDTH): string {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, "0");
  const groups = digits.match(/\d{3}/g) ?? [];
  const folders = groups.slice(0, -1).map((group) => `x${group}`);
  const partial = width === TILE_WIDTH ? "" : `.p/${width}`;
  return `${["tile", kind, ...folders, groups.at(-1)].join("/")}${partial}`;
}

/** A complete subtree: the node at `height` above the leaves whose index there is `index`. */
export interface NodeId {
  readonly height: number;
  readonly index: number;
}

/** The complete subtrees that a range of a proof consists of, left to right. */
export function nodesOf([from, to]: Range): NodeId[] {
  const nodes: NodeId[] = [];
  let at = from;
  while (at < to) {
    let [height, width] = [0, 1];
    while (at % (width * 2) === 0 && at + width * 2 <= to) {
      width *= 2;
      height++;
    }
    nodes.push({ height, index: at / width });
    at += width;
  }
  return nodes;
}

/** The hash of a range from those of its complete subtrees, left to right; there is at least one. */
export function foldNodes(hashes: readonly Uint8Array[]): Uint8Array {
  return hashes.reduceRight((right, left) => nodeHash(left, right));
}

/** The tile that holds a node, or the hashes below it. */
export function tileOf({ height, index }: NodeId): TileId {
  const level = Math.floor(height / TILE_HEIGHT);
  return { level, index: Math.floor((index * 2 ** (height % TILE_HEIGHT)) / TILE_WIDTH) };
}

/**
 * All complete nodes within a tile, from its own hashes upwards: `[row][position]`. A full tile has nine rows, the last
 * of which is its hash one level up.
 */
export function expandTile(hashes: readonly Uint8Array[]): (readonly Uint8Array[])[] {
  const rows: (readonly Uint8Array[])[] = [hashes];
  for (let row = hashes; row.length > 1; ) {
    const below = row;
    row = Array.from({ length: Math.floor(below.length / 2) }, (_, i) => nodeHash(below[2 * i]!, below[2 * i + 1]!));
    rows.push(row);
  }
  return rows;
}

/** A node's hash in its expanded tile; undefined where the tile is not that wide yet. */
export function nodeIn(rows: readonly (readonly Uint8Array[])[], { height, index }: NodeId): Uint8Array | undefined {
  const row = height % TILE_HEIGHT;
  return rows[row]?.[index % (TILE_WIDTH / 2 ** row)];
}
