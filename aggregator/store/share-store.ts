/**
 * Every accepted share exactly once: a journal for durability, blocks in memory for checks and sums.
 * A put is visible at once and durable after `commit`; nothing may be acknowledged before that.
 * Invariant: blocks table + journal + uncommitted puts = blocks in memory.
 */
import { runAll, type SqlDatabase } from "../../config/runtime/sql.ts";
import { bitEntryBytes } from "../../protocol/range/bit-entries.ts";
import { ENTRY_BYTES } from "../../protocol/shamir/share-entries.ts";
import { KINDS } from "../../protocol/units.ts";
import { BLOCK_SLOTS, copyBits } from "./block.ts";
import { BitStore } from "./bit-store.ts";
import { BlockCache, blockId } from "./block-cache.ts";
import { JournalBuffer, readRecords } from "./journal.ts";
import type { PutResult } from "./block.ts";

export interface ShareStoreOptions {
  /** Journal records after which they are packed into blocks. */
  readonly journalRows: number;
  /** Most blocks kept in memory (each about 2 KB). */
  readonly cacheBlocks: number;
  /** Most blocks with unpacked changes, so that packing never takes long. */
  readonly dirtyBlocks: number;
}

/**
 * Shares of one meter and kind over a range of slots: a bitmap, and an entry for every slot (zero where unset). What is
 * empty may be shared with others; only a bitmap with members may be changed.
 */
export interface StoredRange {
  readonly bits: Uint8Array;
  readonly entries: Uint8Array;
}

/** The shares of bits that entries were made of. */
export interface SharedBits {
  readonly bits: number;
  readonly entries: Uint8Array;
}

export class ShareStore {
  readonly bits: BitStore;
  readonly #db: SqlDatabase;
  readonly #options: ShareStoreOptions;
  readonly #cache: BlockCache;
  /** Others write here too and read what is written: blocks are written at once, without a journal before them. */
  readonly #isShared: boolean;
  readonly #pending = new JournalBuffer();
  readonly #insertJournal;
  readonly #trimJournal;
  readonly #insertTamper;
  #tamper: [meter: number, kind: number, slot: number, time: number][] = [];
  #journalRecords = 0;
  #zeros: StoredRange = { bits: new Uint8Array(0), entries: new Uint8Array(0) };

  /** `isOwn`: the meters whose shares are put here, where other workers put those of the others into the same database. */
  constructor(db: SqlDatabase, options: ShareStoreOptions, isOwn?: (meter: number) => boolean) {
    this.#db = db;
    this.#options = options;
    this.#isShared = isOwn !== undefined;
    this.bits = new BitStore(db, this.#isShared);
    this.#cache = new BlockCache(db, options.cacheBlocks, isOwn);
    this.#insertJournal = db.prepare<[number, Buffer]>("INSERT INTO journal (records, body) VALUES (?, ?)");
    this.#trimJournal = db.prepare<[number]>("DELETE FROM journal WHERE id <= ?");
    this.#insertTamper = db.prepare<[number, number, number, number]>(
      "INSERT INTO tamper_events (meter, kind, slot, time) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    if (!this.#isShared) this.#replay();
  }

  /** Records that wait for a commit. */
  get pendingRecords(): number {
    return this.#pending.records;
  }

  get journalRecords(): number {
    return this.#journalRecords;
  }

  get cachedBlocks(): number {
    return this.#cache.size;
  }

  /**
   * Puts consecutive entries and reports each slot's result. The first entry for a slot stands; another one is a
   * conflict and becomes a tamper event, and so is one made of other bits, or of bits where the first was not. `time` is
   * the time of the event.
   */
  put(
    meter: number,
    kind: number,
    firstSlot: number,
    entries: Uint8Array,
    time: number,
    report: (slot: number, result: PutResult) => void,
    shared?: SharedBits,
  ): void {
    const count = entries.length / ENTRY_BYTES;
    let runStart = -1;
    let index = 0;
    while (index < count) {
      const slot = firstSlot + index;
      const day = Math.floor(slot / BLOCK_SLOTS);
      const id = blockId(meter, kind, day);
      const block = this.#cache.obtain(id);
      const wasDirty = block.dirty;
      const dayStart = day * BLOCK_SLOTS;
      const end = Math.min(count, dayStart + BLOCK_SLOTS - firstSlot);
      for (; index < end; index++) {
        const at = firstSlot + index;
        let result = block.put(at - dayStart, entries, index * ENTRY_BYTES);
        if (result === "duplicate" && !this.#isSharedSo(meter, kind, at, index, shared)) result = "conflict";
        if (result === "stored") {
          if (runStart < 0) runStart = index;
        } else {
          if (runStart >= 0) this.#journal(meter, kind, firstSlot, entries, runStart, index, shared);
          runStart = -1;
          if (result === "conflict") this.#tamper.push([meter, kind, at, time]);
        }
        report(at, result);
      }
      if (block.dirty && !wasDirty) this.#cache.markDirty(id, block);
    }
    if (runStart >= 0) this.#journal(meter, kind, firstSlot, entries, runStart, count, shared);
  }

  #isSharedSo(meter: number, kind: number, slot: number, index: number, shared: SharedBits | undefined): boolean {
    if (shared === undefined) return this.bits.matches(meter, kind, slot, 0, undefined);
    const size = bitEntryBytes(shared.bits);
    const entry = shared.entries.subarray(size * index, size * (index + 1));
    return this.bits.matches(meter, kind, slot, shared.bits, entry);
  }

  #journal(
    meter: number,
    kind: number,
    firstSlot: number,
    entries: Uint8Array,
    from: number,
    to: number,
    shared: SharedBits | undefined,
  ): void {
    if (!this.#isShared) this.#pending.append(meter, kind, firstSlot + from, entries, from, to - from);
    if (shared === undefined) return;
    const size = bitEntryBytes(shared.bits);
    this.bits.add(meter, kind, firstSlot + from, shared.bits, shared.entries.subarray(size * from, size * to));
  }

  /** Writes what was put since the last commit; the caller holds the transaction and calls `committed` after it. */
  writePending(): void {
    if (this.#isShared) this.#cache.writeDirty();
    else if (this.#pending.records > 0) this.#insertJournal.run(this.#pending.records, this.#pending.bytes());
    this.bits.writePending();
    runAll(this.#insertTamper, this.#tamper);
  }

  /** After the transaction of `writePending`. Packs the journal when it has grown long. */
  committed(): void {
    this.#journalRecords += this.#pending.records;
    this.#pending.clear();
    this.bits.committed();
    this.#tamper = [];
    if (this.#isShared) this.#cache.settle();
    else if (
      this.#journalRecords >= this.#options.journalRows ||
      this.#cache.dirtyBlocks >= this.#options.dirtyBlocks
    ) {
      this.pack();
    } else {
      this.#cache.trim();
    }
  }

  /** Moves the journal into blocks, in one transaction. Everything put must be committed. */
  pack(): void {
    if (this.#pending.records > 0) throw new RangeError(`pack: ${this.#pending.records} records are not committed`);
    this.#packUpTo(Number.MAX_SAFE_INTEGER);
  }

  #packUpTo(lastId: number): void {
    this.#db.transaction(() => {
      this.#cache.writeDirty();
      this.#trimJournal.run(lastId);
    })();
    this.#cache.settle();
    this.#journalRecords = 0;
  }

  /** Whether a slot is stored. */
  has(meter: number, kind: number, slot: number): boolean {
    let found = false;
    const id = blockId(meter, kind, Math.floor(slot / BLOCK_SLOTS));
    this.#cache.scan(id, id, (_, bits) => {
      const index = slot % BLOCK_SLOTS;
      found = (bits[index >>> 3]! & (1 << (index & 7))) !== 0;
    });
    return found;
  }

  /** Every meter and kind of which there is or was anything, as the id of its day 0. */
  series(): number[] {
    return [...this.#cache.series()];
  }

  /** Which slots are stored of the days [first, last] of a series, for each day with a block. */
  bitmaps(zero: number, firstDay: number, lastDay: number): [day: number, bits: Uint8Array][] {
    const found: [number, Uint8Array][] = [];
    this.#cache.scan(zero + firstDay, zero + lastDay, (id, bits) => found.push([id - zero, bits]));
    return found;
  }

  /** Blocks of days [from, to) were removed from the table, or some of them. */
  forget(from: number, to: number): void {
    this.#cache.forget(from, to);
  }

  /** Some meters are another worker's from now on; everything put of them must be committed. */
  letGo(isGone: (meter: number) => boolean): void {
    this.#cache.letGo(isGone);
  }

  /** Whether a meter has ever shared anything of what it feeds back. */
  exports(meter: number): boolean {
    return [KINDS.export, KINDS.catchupExport].some((kind) =>
      this.#cache.any(blockId(meter, kind, 0), blockId(meter, kind + 1, 0) - 1),
    );
  }

  /** Whether anything is stored before a slot. Days are enough of a look: the day of `slot` itself is left out. */
  hasBefore(meter: number, kind: number, slot: number): boolean {
    const day = Math.floor(slot / BLOCK_SLOTS);
    return day > 0 && this.#cache.any(blockId(meter, kind, 0), blockId(meter, kind, day - 1));
  }

  /**
   * The shares of a meter and kind from slot `from` up to, not including, `to`. `room`, of that many entries or more,
   * is where they are put if it is given: a month of them in new memory costs more than all that is done with them.
   */
  range(meter: number, kind: number, from: number, to: number, room?: Uint8Array): StoredRange {
    const size = to - from;
    let range: { bits: Uint8Array; entries: Uint8Array } | undefined;
    const firstDay = Math.floor(from / BLOCK_SLOTS);
    const lastDay = Math.floor((to - 1) / BLOCK_SLOTS);
    const zero = blockId(meter, kind, 0);
    this.#cache.scan(zero + firstDay, zero + lastDay, (id, storedBits, stored) => {
      const dayStart = (id - zero) * BLOCK_SLOTS;
      const first = Math.max(from, dayStart);
      const end = Math.min(to, dayStart + BLOCK_SLOTS);
      const source = (first - dayStart) * ENTRY_BYTES;
      range ??= { bits: new Uint8Array(Math.ceil(size / 8)), entries: roomFor(size, room) };
      const { bits, entries } = range;
      entries.set(stored.subarray(source, (end - dayStart) * ENTRY_BYTES), (first - from) * ENTRY_BYTES);
      copyBits(storedBits, first - dayStart, bits, first - from, end - first);
    });
    return range ?? this.#nothing(size);
  }

  /** Most meters have no export: their ranges share one block of zeros, which nobody may write to. */
  #nothing(size: number): StoredRange {
    if (this.#zeros.entries.length < size * ENTRY_BYTES) {
      this.#zeros = { bits: new Uint8Array(Math.ceil(size / 8)), entries: new Uint8Array(size * ENTRY_BYTES) };
    }
    const { bits, entries } = this.#zeros;
    return { bits: bits.subarray(0, Math.ceil(size / 8)), entries: entries.subarray(0, size * ENTRY_BYTES) };
  }

  #replay(): void {
    const rows = this.#db.prepare<[], { id: number; body: Buffer }>("SELECT id, body FROM journal ORDER BY id").all();
    for (const { id, body } of rows) {
      for (const { meter, kind, firstSlot, entries } of readRecords(body)) {
        this.#replayRecord(meter, kind, firstSlot, entries);
        this.#journalRecords++;
      }
      if (this.#cache.dirtyBlocks >= this.#options.dirtyBlocks) this.#packUpTo(id);
    }
  }

  #replayRecord(meter: number, kind: number, firstSlot: number, entries: Uint8Array): void {
    const count = entries.length / ENTRY_BYTES;
    for (let index = 0; index < count; index++) {
      const slot = firstSlot + index;
      const id = blockId(meter, kind, Math.floor(slot / BLOCK_SLOTS));
      const block = this.#cache.obtain(id);
      block.put(slot % BLOCK_SLOTS, entries, index * ENTRY_BYTES);
      if (block.dirty) this.#cache.markDirty(id, block);
    }
  }
}

/** Zeros for so many entries. */
function roomFor(size: number, room: Uint8Array | undefined): Uint8Array {
  return room?.subarray(0, size * ENTRY_BYTES).fill(0) ?? new Uint8Array(size * ENTRY_BYTES);
}
