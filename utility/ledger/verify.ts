/**
 * Checks a log against itself: every entry is hashed anew, every tile, root, signature and commitment compared. What was
 * changed, taken away, exchanged or slipped in afterwards shows, because the signed root covers all of it.
 */
import {
  assertCommitted,
  type Checkpoint,
  decodeEntry,
  type Entry,
  leafHash,
  LogError,
  type NoteKey,
  openCheckpoint,
  sameBytes,
} from "../../protocol/log/index.ts";
import type { LedgerEntriesTable } from "../store/ledger-tables.ts";
import type { Queries } from "../store/rounds-store.ts";
import { erasedIndices } from "./entries.ts";
import { readHead } from "./ledger.ts";
import { RunningTree } from "./running-tree.ts";
import { SCAN_ENTRIES, scanEntries } from "./scan.ts";

/** What does not fit, in a sentence. */
export interface Finding {
  /** What it is about: `entries`, `tiles`, `checkpoints`, `commitments`, or a table. */
  readonly where: string;
  /** Index of an entry, where it is about one. */
  readonly index?: number;
  readonly what: string;
}

/** A checkpoint to hold the log against: one that somebody has saved. */
export interface SavedCheckpoint {
  readonly name: string;
  readonly note: string;
}

export interface VerifyOptions {
  readonly log: NoteKey;
  readonly saved?: readonly SavedCheckpoint[];
  readonly onProgress?: (done: number, total: number) => void;
}

export interface VerifiedLog {
  readonly size: number;
  readonly entries: Readonly<Record<string, number>>;
  /** Entries whose committed content was erased, as the log itself says. */
  readonly erased: number;
  readonly checkpoints: number;
}

/** Calls `found` for each thing that does not fit. */
export async function verifyLog(
  db: Queries,
  { log, saved = [], onProgress = () => {} }: VerifyOptions,
  found: (finding: Finding) => void,
): Promise<VerifiedLog> {
  const expected = await checkpointsOf(db, log, saved, found);
  const head = await readHead(db);
  const last = await db
    .selectFrom("ledger_entries")
    .select(({ fn }) => [fn.max<number | null>("idx").as("last"), fn.countAll<number>().as("count")])
    .executeTakeFirstOrThrow();
  const total = Math.max(head.size, (last.last ?? -1) + 1);
  const counts: Record<string, number> = {};
  const tiles = new TileCheck(db, found);
  const tree = new RunningTree((id, hashes) => tiles.expect(id.level, id.index, Buffer.concat(hashes)));
  const commitments = new CommitmentCheck(db, found);
  let next = 0;
  for await (const batch of scanEntries(db, 0, total)) {
    const decoded: { row: LedgerEntriesTable; entry: Entry }[] = [];
    for (const row of batch) {
      if (row.idx !== next)
        found({ where: "entries", index: next, what: `entries ${next} to ${row.idx - 1} are missing` });
      next = row.idx + 1;
      tree.add(leafHash(row.entry));
      const entry = readEntry(row, found);
      if (entry !== undefined) decoded.push({ row, entry });
      counts[row.type] = (counts[row.type] ?? 0) + 1;
      for (const { name, size, root } of expected.get(tree.size) ?? []) {
        expected.delete(tree.size);
        if (sameBytes(root, tree.root())) continue;
        found({ where: "checkpoints", what: `the first ${size} entries are not those of ${name}` });
      }
    }
    await commitments.check(decoded);
    await tiles.compare();
    onProgress(Math.min(total, next), total);
  }
  if (next < total) found({ where: "entries", index: next, what: `entries ${next} to ${total - 1} are missing` });
  tree.finish();
  await tiles.compare();
  await tiles.finish();
  await commitments.finish(last.count);
  for (const { name, size } of [...expected.values()].flat()) {
    if (size === 0) continue;
    found({
      where: "checkpoints",
      what: `${name} is of ${size} entries, the log has ${tree.size}: it was rolled back`,
    });
  }
  if (head.size !== tree.size || !sameBytes(head.root, tree.root())) {
    found({
      where: "checkpoints",
      what: `the head is of ${head.size} entries with another root, there are ${tree.size}`,
    });
  }
  return { size: tree.size, entries: counts, erased: commitments.erased, checkpoints: await countCheckpoints(db) };
}

function readEntry(row: LedgerEntriesTable, found: (finding: Finding) => void): Entry | undefined {
  try {
    const entry = decodeEntry(row.entry);
    if (entry.content.type === row.type) return entry;
    found({ where: "entries", index: row.idx, what: `its type is ${entry.content.type}, the table says ${row.type}` });
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    found({ where: "entries", index: row.idx, what: error.message });
  }
  return undefined;
}

type Named = Checkpoint & { readonly name: string };

/** By size; what is not signed by the log is told and left out. */
async function checkpointsOf(
  db: Queries,
  log: NoteKey,
  saved: readonly SavedCheckpoint[],
  found: (finding: Finding) => void,
): Promise<Map<number, Named[]>> {
  const kept = await db.selectFrom("ledger_checkpoints").select(["size", "checkpoint"]).execute();
  const head = await readHead(db);
  const all = [
    ...(head.checkpoint === undefined ? [] : [{ name: "the head", note: head.checkpoint, size: head.size }]),
    ...kept.map(({ size, checkpoint }) => ({ name: `the checkpoint of ${size}`, note: checkpoint, size })),
    ...saved.map((one) => ({ ...one, size: undefined })),
  ];
  const bySize = new Map<number, Named[]>();
  for (const { name, note, size } of all) {
    try {
      const opened = openCheckpoint(note, { log, witnesses: [], quorum: 0 });
      if (size !== undefined && size !== opened.size) {
        found({ where: "checkpoints", what: `${name} is signed for ${opened.size} entries` });
      }
      bySize.set(opened.size, [...(bySize.get(opened.size) ?? []), { ...opened, name }]);
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      found({ where: "checkpoints", what: `${name}: ${error.message}` });
    }
  }
  return bySize;
}

async function countCheckpoints(db: Queries): Promise<number> {
  const row = await db
    .selectFrom("ledger_checkpoints")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return row.count;
}

/** Compares stored tiles with those that the entries make. */
class TileCheck {
  readonly #db: Queries;
  readonly #found: (finding: Finding) => void;
  readonly #expected = new Map<number, Map<number, Buffer>>();
  #checked = 0;

  constructor(db: Queries, found: (finding: Finding) => void) {
    this.#db = db;
    this.#found = found;
  }

  expect(level: number, index: number, hashes: Buffer): void {
    const tiles = this.#expected.get(level) ?? new Map<number, Buffer>();
    this.#expected.set(level, tiles.set(index, hashes));
  }

  async compare(): Promise<void> {
    for (const [level, tiles] of this.#expected) {
      const indices = [...tiles.keys()];
      const rows = await this.#db
        .selectFrom("ledger_tiles")
        .select(["tile", "hashes"])
        .where("level", "=", level)
        .where("tile", ">=", Math.min(...indices))
        .where("tile", "<=", Math.max(...indices))
        .execute();
      const stored = new Map(rows.map(({ tile, hashes }) => [tile, hashes]));
      for (const [index, hashes] of tiles) {
        const is = stored.get(index);
        const what = is === undefined ? "is missing" : "is not that of the entries";
        if (is === undefined || !sameBytes(is, hashes))
          this.#found({ where: "tiles", what: `tile ${level}/${index} ${what}` });
        else this.#checked++;
      }
    }
    this.#expected.clear();
  }

  async finish(): Promise<void> {
    const { count } = await this.#db
      .selectFrom("ledger_tiles")
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    if (count > this.#checked) {
      this.#found({
        where: "tiles",
        what: `${count} tiles are stored, ${this.#checked} of them belong to the entries`,
      });
    }
  }
}

/** Compares what entries commit to with the contents that are kept. */
class CommitmentCheck {
  readonly #db: Queries;
  readonly #found: (finding: Finding) => void;
  #kept = 0;
  /** Bills without salt and content, and the entries that logged erasures name. */
  readonly #empty = new Set<number>();
  readonly #covered = new Set<number>();
  erased = 0;

  constructor(db: Queries, found: (finding: Finding) => void) {
    this.#db = db;
    this.#found = found;
  }

  async check(entries: readonly { readonly row: LedgerEntriesTable; readonly entry: Entry }[]): Promise<void> {
    const committing = entries.filter(({ entry }) => "commitment" in entry.content);
    const [first, last] = [committing[0]?.row.idx, committing.at(-1)?.row.idx];
    if (first === undefined || last === undefined || last - first > SCAN_ENTRIES) return;
    const rows = await this.#db
      .selectFrom("ledger_private")
      .selectAll()
      .where("idx", ">=", first)
      .where("idx", "<=", last)
      .execute();
    const kept = new Map(rows.map((row) => [row.idx, row]));
    for (const { row, entry } of committing) {
      const own = kept.get(row.idx);
      if (own === undefined) {
        this.#found({ where: "commitments", index: row.idx, what: "what it commits to is gone without being erased" });
        continue;
      }
      this.#kept++;
      const { content } = entry;
      if (!("commitment" in content)) continue;
      if (own.salt === null && own.content === null && content.type === "bill") {
        this.#empty.add(row.idx);
        continue;
      }
      try {
        if (own.salt === null || own.content === null) {
          throw new LogError("bad-commitment", "its salt or its content is gone, and no erasure takes it");
        }
        assertCommitted(content.commitment, own.salt, own.content);
        if (content.type === "erase") this.#noteErasure(row.idx, content.count, own.content);
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
        this.#found({ where: "commitments", index: row.idx, what: `${own.subject}: ${error.message}` });
      }
    }
  }

  #noteErasure(index: number, count: number, content: Uint8Array): void {
    const indices = erasedIndices(content);
    if (indices?.length !== count || indices.some((one) => one >= index)) {
      this.#found({ where: "commitments", index, what: `it does not say which ${count} entries it erased` });
      return;
    }
    for (const one of indices) this.#covered.add(one);
  }

  async finish(entries: number): Promise<void> {
    for (const index of this.#empty) {
      if (this.#covered.has(index)) this.erased++;
      else this.#found({ where: "commitments", index, what: "its content is gone, and no erasure of it was logged" });
    }
    for (const index of this.#covered) {
      if (this.#empty.has(index)) continue;
      this.#found({ where: "commitments", index, what: "it was erased, and its content is there or its row is gone" });
    }
    const { count } = await this.#db
      .selectFrom("ledger_private")
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    if (count === this.#kept) return;
    this.#found({
      where: "commitments",
      what: `${count} contents are kept, ${this.#kept} of them belong to one of the ${entries} entries`,
    });
  }
}
