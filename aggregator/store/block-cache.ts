/**
 * Blocks in memory, written back later: what the journal holds and the blocks table does not is dirty here.
 * Bounded: beyond `maxBlocks` the clean blocks that were used least recently are forgotten.
 */
import { PostgresDatabase } from "../../config/runtime/postgres/database.ts";
import { runAll, type SqlDatabase } from "../../config/runtime/sql.ts";
import { Block, BLOCK_BITMAP_BYTES, isFull } from "./block.ts";

const METER_UNIT = 2 ** 29;
const KIND_UNIT = 2 ** 26;

/** Blocks of one meter and kind by day. Two steps, because ids beyond 2^31 are slow keys. */
type Days = Map<number, Block>;

/** The row id of a block. */
export function blockId(meter: number, kind: number, day: number): number {
  return meter * METER_UNIT + kind * KIND_UNIT + day;
}

/** The meter of a series' key. */
function meterOf(key: number): number {
  return Math.floor(key / (METER_UNIT / KIND_UNIT));
}

/** A meter and kind of the id of any of its blocks. */
export function seriesOf(id: number): { readonly meter: number; readonly kind: number } {
  return { meter: Math.floor(id / METER_UNIT), kind: Math.floor((id % METER_UNIT) / KIND_UNIT) };
}

export class BlockCache {
  readonly #series = new Map<number, Days>();
  /** Meters and kinds of which there is anything at all: most meters have no export and no gaps. */
  readonly #present: Set<number>;
  /** Where other workers write the rest: which meters are this one's. */
  readonly #isOwn: ((meter: number) => boolean) | undefined;
  /** Of one's own meters: kinds of which there is nothing. */
  readonly #absent = new Set<number>();
  readonly #db: SqlDatabase;
  readonly #dirty = new Map<number, Block>();
  readonly #select;
  readonly #selectRange;
  readonly #exists;
  readonly #upsert;
  readonly #isDivided: boolean;
  readonly #maxBlocks: number;
  #tick = 0;
  #size = 0;

  /** `isOwn`: only blocks of these meters are kept, and others are read from the table each time. */
  constructor(db: SqlDatabase, maxBlocks: number, isOwn?: (meter: number) => boolean) {
    this.#db = db;
    this.#maxBlocks = maxBlocks;
    this.#isOwn = isOwn;
    this.#select = db.prepare<[number, number], Buffer>("SELECT body FROM blocks WHERE id = ? AND day = ?").pluck();
    this.#selectRange = db.prepare<[number, number, number, number], { id: number; body: Buffer }>(
      "SELECT id, body FROM blocks WHERE id BETWEEN ? AND ? AND day BETWEEN ? AND ?",
    );
    this.#exists = db
      .prepare<[number, number, number, number], number>(
        "SELECT 1 FROM blocks WHERE id BETWEEN ? AND ? AND day BETWEEN ? AND ? LIMIT 1",
      )
      .pluck();
    this.#present = isOwn === undefined ? presentSeries(db) : new Set();
    // A partitioned table wants to be told by what it is divided; the file knows it from the id.
    this.#isDivided = db instanceof PostgresDatabase;
    this.#upsert = db.prepare<[number, Buffer, ...number[]]>(
      this.#isDivided
        ? "INSERT INTO blocks (id, body, day) VALUES (?, ?, ?) ON CONFLICT (id, day) DO UPDATE SET body = excluded.body"
        : "INSERT INTO blocks (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
    );
  }

  get dirtyBlocks(): number {
    return this.#dirty.size;
  }

  get size(): number {
    return this.#size;
  }

  /** The block for writing: from memory, else from the table, else a new one. */
  obtain(id: number): Block {
    const key = Math.floor(id / KIND_UNIT);
    const day = id % KIND_UNIT;
    let block = this.#series.get(key)?.get(day);
    if (block === undefined) {
      const body = this.#select.get(id, day);
      block = body === undefined ? new Block() : Block.decode(body);
      this.#remember(key, day, block);
      this.#present.add(key);
      this.#absent.delete(key);
    }
    block.touched = this.#tick;
    return block;
  }

  #owns(key: number): boolean {
    return this.#isOwn === undefined || this.#isOwn(meterOf(key));
  }

  /** Whether there is nothing of a meter and kind, as far as that is known without looking into the table. */
  #isEmpty(key: number): boolean {
    if (this.#present.has(key)) return false;
    if (this.#isOwn === undefined) return true;
    if (!this.#isOwn(meterOf(key))) return false;
    if (this.#absent.has(key)) return true;
    const [first, last] = [key * KIND_UNIT, (key + 1) * KIND_UNIT - 1];
    const isThere = this.#exists.get(first, last, 0, KIND_UNIT - 1) !== undefined;
    (isThere ? this.#present : this.#absent).add(key);
    return !isThere;
  }

  #remember(key: number, day: number, block: Block): void {
    let days = this.#series.get(key);
    if (days === undefined) {
      days = new Map();
      this.#series.set(key, days);
    }
    days.set(day, block);
    this.#size++;
  }

  /** Notes that a block holds more than its row. */
  markDirty(id: number, block: Block): void {
    this.#dirty.set(id, block);
  }

  /**
   * Calls `visit` with bitmap and entries of the stored blocks of consecutive ids, in any order. Rows that are not in
   * memory are kept only while there is room, so that a month of bills does not push out what the intake needs.
   */
  scan(firstId: number, lastId: number, visit: (id: number, bits: Uint8Array, entries: Uint8Array) => void): void {
    const key = Math.floor(firstId / KIND_UNIT);
    if (this.#isEmpty(key)) return;
    const zero = key * KIND_UNIT;
    const days = this.#series.get(key);
    let missing = 0;
    for (let day = firstId - zero; day <= lastId - zero; day++) {
      const block = days?.get(day);
      if (block === undefined) missing++;
      else visit(zero + day, block.bits, block.entries);
    }
    if (missing === 0) return;
    const room = this.#size < 0.75 * this.#maxBlocks && this.#owns(key);
    for (const { id, body } of this.#selectRange.all(firstId, lastId, firstId - zero, lastId - zero)) {
      const day = id - zero;
      if (days?.has(day) === true) continue; // was visited above
      if (!room && isFull(body)) {
        visit(id, body.subarray(0, BLOCK_BITMAP_BYTES), body.subarray(BLOCK_BITMAP_BYTES));
        continue;
      }
      const block = Block.decode(body);
      if (room) {
        block.touched = this.#tick;
        this.#remember(key, day, block);
      }
      visit(id, block.bits, block.entries);
    }
  }

  /** Whether any block with an id in this range, of one meter and kind, holds something or did. */
  any(firstId: number, lastId: number): boolean {
    if (this.#isEmpty(Math.floor(firstId / KIND_UNIT))) return false;
    if (this.#exists.get(firstId, lastId, firstId % KIND_UNIT, lastId % KIND_UNIT) !== undefined) return true;
    for (const id of this.#dirty.keys()) if (firstId <= id && id <= lastId) return true;
    return false;
  }

  *#dirtyRows(): Generator<[id: number, body: Buffer, ...day: number[]]> {
    for (const [id, block] of this.#dirty) {
      yield this.#isDivided ? [id, block.encode(), id % KIND_UNIT] : [id, block.encode()];
    }
  }

  /** Each meter and kind of which there is anything, as the id of its day 0. */
  *series(): Generator<number> {
    for (const key of this.#isOwn === undefined ? this.#present : presentSeries(this.#db)) yield key * KIND_UNIT;
  }

  /** Forgets all of some meters, which are others' from now on; nothing of them may be dirty. */
  letGo(isGone: (meter: number) => boolean): void {
    for (const keys of [this.#present, this.#absent])
      for (const key of keys) if (isGone(meterOf(key))) keys.delete(key);
    for (const [key, days] of this.#series) {
      if (!isGone(meterOf(key))) continue;
      this.#size -= days.size;
      this.#series.delete(key);
    }
  }

  /** Lets go of blocks of days [from, to), whose rows have gone. */
  forget(from: number, to: number): void {
    for (const [key, days] of this.#series) {
      for (const [day, block] of days) {
        if (day < from || day >= to || block.dirty) continue;
        days.delete(day);
        this.#size--;
      }
      if (days.size === 0) this.#series.delete(key);
    }
  }

  /** Writes all dirty blocks to the table; the caller holds the transaction. */
  writeDirty(): void {
    runAll(this.#upsert, this.#dirtyRows());
  }

  /** After the transaction of `writeDirty` is committed: blocks are clean. */
  settle(): void {
    for (const block of this.#dirty.values()) block.dirty = false;
    this.#dirty.clear();
    this.trim();
  }

  /** Forgets clean blocks when there are too many; called after every commit. */
  trim(): void {
    this.#tick++;
    if (this.#size <= this.#maxBlocks) return;
    const all = [...this.#series].flatMap(([key, days]) => [...days].map(([day, block]) => ({ key, day, block })));
    all.sort((a, b) => a.block.touched - b.block.touched);
    // A quarter more than needed, so that the next block does not sort again.
    const surplus = this.#size - Math.floor(this.#maxBlocks * 0.75);
    for (const { key, day, block } of all.slice(0, surplus)) {
      if (block.dirty) continue;
      const days = this.#series.get(key);
      days?.delete(day);
      if (days?.size === 0) this.#series.delete(key);
      this.#size--;
    }
  }
}

/** The meters and kinds in the table: one jump in the index for each, whatever they hold. */
function presentSeries(db: SqlDatabase): Set<number> {
  const next = db.prepare<[number], number>("SELECT id FROM blocks WHERE id >= ? ORDER BY id LIMIT 1").pluck();
  const found = new Set<number>();
  for (let id = next.get(0); id !== undefined; ) {
    const key = Math.floor(id / KIND_UNIT);
    found.add(key);
    id = next.get((key + 1) * KIND_UNIT);
  }
  return found;
}
