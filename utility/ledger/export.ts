/**
 * Writes the log as files (c2sp.org/tlog-tiles) that any web server can hand out: tiles, entries, and the checkpoint
 * last, so that whoever reads it finds everything that it covers. Nothing personal is in them.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  HASH_BYTES,
  levelsOf,
  levelWidth,
  parseCheckpoint,
  parseNote,
  TILE_WIDTH,
  tilePath,
} from "../../protocol/log/index.ts";
import type { Queries } from "../store/rounds-store.ts";
import type { KeptCheckpoint } from "./checkpoints.ts";

export interface ExportOptions {
  readonly folder: string;
  /** What is exported: the tree of this checkpoint. */
  readonly checkpoint: KeptCheckpoint;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface ExportResult {
  readonly size: number;
  /** Files written; those of an earlier export that cannot change are left as they are. */
  readonly written: number;
}

/** Throws RangeError where the folder holds the export of another log, or of a longer one. */
export async function exportTiles(db: Queries, options: ExportOptions): Promise<ExportResult> {
  const { folder, checkpoint, onProgress = () => {} } = options;
  const { size } = checkpoint;
  assertSameLog(folder, checkpoint);
  let written = 0;
  const write = (path: string, bytes: Uint8Array | string): void => {
    writeWhole(join(folder, path), bytes);
    written++;
  };
  const tiles = Math.ceil(size / TILE_WIDTH);
  for (let level = 0; level < levelsOf(size); level++) {
    for (const { index, width, path } of filesOf(folder, level, levelWidth(size, level))) {
      const row = await db
        .selectFrom("ledger_tiles")
        .select("hashes")
        .where("level", "=", level)
        .where("tile", "=", index)
        .executeTakeFirstOrThrow();
      // The stored tile may have grown beyond the checkpoint.
      write(path, row.hashes.subarray(0, width * HASH_BYTES));
    }
  }
  for (const { index, width, path } of filesOf(folder, "entries", size)) {
    const rows = await db
      .selectFrom("ledger_entries")
      .select("entry")
      .where("idx", ">=", index * TILE_WIDTH)
      .where("idx", "<", index * TILE_WIDTH + width)
      .orderBy("idx")
      .execute();
    write(path, bundleOf(rows.map(({ entry }) => entry)));
    onProgress(index + 1, tiles);
  }
  write("checkpoint", checkpoint.checkpoint);
  return { size, written };
}

/** Entries, each after its length in two bytes. */
function bundleOf(entries: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    entries.flatMap((entry) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(entry.length);
      return [length, entry];
    }),
  );
}

/** Files of a level that are not there yet. A full tile makes its partial ones superfluous. */
function* filesOf(
  folder: string,
  kind: number | "entries",
  width: number,
): Generator<{ readonly index: number; readonly width: number; readonly path: string }> {
  const full = Math.floor(width / TILE_WIDTH);
  for (let index = 0; index < full; index++) {
    const path = tilePath(kind, index);
    if (existsSync(join(folder, path))) continue;
    yield { index, width: TILE_WIDTH, path };
    rmSync(join(folder, `${path}.p`), { recursive: true, force: true });
  }
  const rest = width % TILE_WIDTH;
  const path = tilePath(kind, full, rest);
  if (rest > 0 && !existsSync(join(folder, path))) yield { index: full, width: rest, path };
}

function assertSameLog(folder: string, { checkpoint }: KeptCheckpoint): void {
  const file = join(folder, "checkpoint");
  if (!existsSync(file)) return;
  const [before, now] = [readFileSync(file, "utf8"), checkpoint].map((note) => parseCheckpoint(parseNote(note).text));
  if (before === undefined || now === undefined) return;
  if (before.origin !== now.origin || before.size > now.size) {
    throw new RangeError(
      `folder: ${folder} holds ${before.size} entries of ${before.origin}, to write are ${now.size} of ${now.origin}`,
    );
  }
}

function writeWhole(file: string, bytes: Uint8Array | string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.next`, bytes);
  renameSync(`${file}.next`, file);
}
