/** A tree that is hashed anew, leaf by leaf, in memory: what a stored one is compared with. */
import { foldNodes, nodeHash, TILE_WIDTH, type TileId } from "../../protocol/log/index.ts";
import { EMPTY_ROOT } from "./tree.ts";

export class RunningTree {
  /** Hashes of the last tile of each level. */
  readonly #edge: Uint8Array[][] = [];
  /** Roots of the complete subtrees so far, largest first. */
  readonly #peaks: Uint8Array[] = [];
  #size = 0;
  readonly #onTile: (id: TileId, hashes: readonly Uint8Array[]) => void;

  /** `onTile` gets each full tile; the partial ones come with `finish`. */
  constructor(onTile: (id: TileId, hashes: readonly Uint8Array[]) => void) {
    this.#onTile = onTile;
  }

  get size(): number {
    return this.#size;
  }

  add(leaf: Uint8Array): void {
    let hash = leaf;
    let level = 0;
    this.#place(level, 0, hash);
    let height = 0;
    for (let rest = this.#size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      hash = nodeHash(this.#peaks.pop()!, hash);
      height++;
      if (height % 8 === 0) this.#place(++level, height, hash);
    }
    this.#peaks.push(hash);
    this.#size++;
  }

  #place(level: number, height: number, hash: Uint8Array): void {
    const tile = (this.#edge[level] ??= []);
    tile.push(hash);
    if (tile.length < TILE_WIDTH) return;
    this.#onTile({ level, index: Math.floor(this.#size / 2 ** (height + 8)) }, tile);
    this.#edge[level] = [];
  }

  root(): Uint8Array {
    return this.#peaks.length === 0 ? EMPTY_ROOT : foldNodes(this.#peaks);
  }

  /** Gives the partial tiles. */
  finish(): void {
    for (const [level, hashes] of this.#edge.entries()) {
      if (hashes.length === 0) continue;
      this.#onTile({ level, index: Math.floor(this.#size / TILE_WIDTH ** (level + 1)) }, hashes);
    }
  }
}
