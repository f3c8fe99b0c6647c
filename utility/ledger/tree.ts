/**
 * The tree of the log in its tiles: appending touches the last tile of each level, a proof reads one tile of each. The
 * hashes of full tiles never change, so they may be remembered.
 */
import { createHash } from "node:crypto";
import {
  consistencyRanges,
  expandTile,
  foldNodes,
  HASH_BYTES,
  inclusionRanges,
  levelsOf,
  levelWidth,
  nodeIn,
  type NodeId,
  nodesOf,
  type Range,
  TILE_WIDTH,
  type TileId,
  tileOf,
} from "../../protocol/log/index.ts";
import { INSERT_ROWS } from "../store/open.ts";
import type { Queries } from "../store/rounds-store.ts";

type Rows = readonly (readonly Uint8Array[])[];

/** The root of no leaves. */
export const EMPTY_ROOT: Uint8Array = Uint8Array.from(createHash("sha256").digest());
/** Tiles of the level above the leaves alone cover 65,536 entries each. */
const TILES_KEPT = 512;
const TILES_AT_ONCE = 100;

/**
 * Adds leaf hashes after the first `size`, in the caller's transaction, and returns the new root. Throws RangeError where
 * a tile is not as wide as it must be: the database was changed by somebody else.
 */
export async function appendLeaves(db: Queries, size: number, leaves: readonly Uint8Array[]): Promise<Uint8Array> {
  let added = leaves;
  const changed: (TileId & { readonly hashes: Uint8Array })[] = [];
  const edge: (readonly Uint8Array[])[] = [];
  for (let level = 0; level < levelsOf(size + leaves.length); level++) {
    const width = levelWidth(size, level);
    let index = Math.floor(width / TILE_WIDTH);
    let hashes = await readTile(db, { level, index }, width % TILE_WIDTH);
    const full: Uint8Array[] = [];
    for (const hash of added) {
      hashes.push(hash);
      if (hashes.length < TILE_WIDTH) continue;
      changed.push({ level, index, hashes: Buffer.concat(hashes) });
      full.push(foldTile(hashes));
      hashes = [];
      index++;
    }
    if (hashes.length > 0 && added.length > 0) changed.push({ level, index, hashes: Buffer.concat(hashes) });
    edge.push(hashes);
    added = full;
  }
  await writeTiles(db, changed);
  const peaks = edge.reverse().flatMap((hashes) => peaksOf(hashes));
  return peaks.length === 0 ? EMPTY_ROOT : foldNodes(peaks);
}

/** The roots of the complete subtrees that a partial tile consists of. */
function peaksOf(hashes: readonly Uint8Array[]): Uint8Array[] {
  const rows = expandTile(hashes);
  return nodesOf([0, hashes.length]).map(({ height, index }) => rows[height]![index]!);
}

function foldTile(hashes: readonly Uint8Array[]): Uint8Array {
  return expandTile(hashes).at(-1)![0]!;
}

async function readTile(db: Queries, { level, index }: TileId, width: number): Promise<Uint8Array[]> {
  if (width === 0) return [];
  const row = await db
    .selectFrom("ledger_tiles")
    .select("hashes")
    .where("level", "=", level)
    .where("tile", "=", index)
    .executeTakeFirst();
  const hashes = splitHashes(row?.hashes ?? new Uint8Array(0));
  if (hashes.length === width) return hashes;
  throw new RangeError(
    `ledger: tile ${level}/${index} has ${hashes.length} hashes, not ${width}: npm run ledger -- verify tells more`,
  );
}

/** The hashes of a tile. */
function splitHashes(bytes: Uint8Array): Uint8Array[] {
  // One copy of all: what the database gives may be a view of something larger.
  const copy = new Uint8Array(bytes);
  return Array.from({ length: Math.floor(copy.length / HASH_BYTES) }, (_, i) =>
    copy.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
  );
}

async function writeTiles(db: Queries, tiles: readonly (TileId & { readonly hashes: Uint8Array })[]): Promise<void> {
  for (let from = 0; from < tiles.length; from += TILES_AT_ONCE) {
    await db
      .insertInto("ledger_tiles")
      .values(
        tiles.slice(from, from + TILES_AT_ONCE).map(({ level, index, hashes }) => ({ level, tile: index, hashes })),
      )
      .onConflict((conflict) =>
        conflict.columns(["level", "tile"]).doUpdateSet((is) => ({ hashes: is.ref("excluded.hashes") })),
      )
      .execute();
  }
}

/** Reads roots and proofs. One for each open database. */
export class TreeReader {
  readonly #db: Queries;
  /** The most recently used last. */
  readonly #kept = new Map<string, Rows>();

  constructor(db: Queries) {
    this.#db = db;
  }

  /** Root of the first `size` leaves. */
  async root(size: number): Promise<Uint8Array> {
    return size === 0 ? EMPTY_ROOT : (await this.#hashes([[0, size]]))[0]!;
  }

  /** Proof that leaf `index` is among the first `size`. Throws RangeError where it is not. */
  async inclusion(index: number, size: number): Promise<Uint8Array[]> {
    return await this.#hashes(inclusionRanges(index, size));
  }

  /** Proof that the first `size` leaves begin with the first `from`. Throws RangeError where they do not. */
  async consistency(from: number, size: number): Promise<Uint8Array[]> {
    return await this.#hashes(consistencyRanges(from, size));
  }

  async #hashes(ranges: readonly Range[]): Promise<Uint8Array[]> {
    const wanted = ranges.map((range) => nodesOf(range));
    const rows = await this.#tiles(wanted.flat());
    const hashOf = (node: NodeId): Uint8Array => {
      const hash = nodeIn(rows.get(keyOf(tileOf(node))) ?? [], node);
      if (hash !== undefined) return hash;
      throw new RangeError(`ledger: there is no node ${node.index} at height ${node.height}`);
    };
    return wanted.map((nodes) => foldNodes(nodes.map(hashOf)));
  }

  /** The expanded tiles of some nodes, remembered or read. */
  async #tiles(nodes: readonly NodeId[]): Promise<Map<string, Rows>> {
    const found = new Map<string, Rows>();
    const missing = new Map<string, TileId>();
    for (const node of nodes) {
      const id = tileOf(node);
      const key = keyOf(id);
      const rows = this.#kept.get(key);
      // A tile that has grown since is read again.
      if (rows === undefined || nodeIn(rows, node) === undefined) missing.set(key, id);
      else {
        found.set(key, rows);
        this.#keep(key, rows);
      }
    }
    for (const level of new Set([...missing.values()].map((id) => id.level))) {
      const indices = [...missing.values()].filter((id) => id.level === level).map(({ index }) => index);
      for (let from = 0; from < indices.length; from += INSERT_ROWS) {
        const read = await this.#db
          .selectFrom("ledger_tiles")
          .selectAll()
          .where("level", "=", level)
          .where("tile", "in", indices.slice(from, from + INSERT_ROWS))
          .execute();
        for (const { tile, hashes } of read) {
          const key = keyOf({ level, index: tile });
          const rows = expandTile(splitHashes(hashes));
          found.set(key, rows);
          this.#keep(key, rows);
        }
      }
    }
    return found;
  }

  #keep(key: string, rows: Rows): void {
    this.#kept.delete(key);
    this.#kept.set(key, rows);
    const oldest = this.#kept.size > TILES_KEPT ? this.#kept.keys().next().value : undefined;
    if (oldest !== undefined) this.#kept.delete(oldest);
  }
}

function keyOf({ level, index }: TileId): string {
  return `${level}/${index}`;
}
