/**
 * Shares of bits beside the shares of readings that they add up to: the blocks are what sums are made of, these are what
 * is proved. One row for each run that was accepted, up to the end of a stretch, written in the same transaction as the
 * journal.
 */
import { runAll, type SqlDatabase } from "../../config/runtime/sql.ts";
import { addMember, emptyBitmap } from "../../protocol/bitmap.ts";
import { MAX_ENTRIES } from "../../protocol/envelope/share.ts";
import { bitEntryBytes } from "../../protocol/range/bit-entries.ts";
import { BLOCK_SLOTS, STRETCH_SLOTS } from "./block.ts";

interface Run {
  readonly meter: number;
  readonly kind: number;
  readonly firstSlot: number;
  readonly bits: number;
  readonly entries: Uint8Array;
}

/** Entries of one meter and kind over a range of slots, zero where there is none of the width that was asked for. */
export interface BitRange {
  readonly present: Uint8Array;
  readonly entries: Uint8Array;
}

export class BitStore {
  readonly #select;
  readonly #insert;
  #pending: Run[] = [];
  /** Most systems share whole readings, and never look here. */
  #isEmpty: boolean;

  /** `isShared`: others write here too. */
  constructor(db: SqlDatabase, isShared = false) {
    this.#isEmpty = !isShared && db.prepare("SELECT 1 FROM bit_shares LIMIT 1").get() === undefined;
    this.#select = db.prepare<[number, number, number, number], { first_slot: number; bits: number; body: Buffer }>(
      "SELECT first_slot, bits, body FROM bit_shares WHERE meter = ? AND kind = ? AND first_slot > ? AND first_slot < ?",
    );
    this.#insert = db.prepare<[number, number, number, number, Uint8Array]>(
      "INSERT INTO bit_shares (meter, kind, first_slot, bits, body) VALUES (?, ?, ?, ?, ?)",
    );
  }

  /** Entries of consecutive slots of which none is stored. Visible at once, durable with the next commit. */
  add(meter: number, kind: number, firstSlot: number, bits: number, entries: Uint8Array): void {
    this.#isEmpty = false;
    const size = bitEntryBytes(bits);
    const count = entries.length / size;
    // What goes with one stretch must not be needed for the next.
    for (let at = 0; at < count; ) {
      const end = Math.min(count, at + STRETCH_SLOTS - ((firstSlot + at) % STRETCH_SLOTS));
      const part = entries.subarray(size * at, size * end);
      this.#pending.push({ meter, kind, firstSlot: firstSlot + at, bits, entries: part });
      at = end;
    }
  }

  /** Where the runs begin that are about any of these days, of the stretch of `count` days from `firstDay` on. */
  firstSlotsOn(meter: number, kind: number, days: readonly number[], firstDay: number, count: number): number[] {
    if (this.#isEmpty || days.length === 0) return [];
    const [from, to] = [firstDay * BLOCK_SLOTS, (firstDay + count) * BLOCK_SLOTS];
    return this.#select
      .all(meter, kind, from - 1, to)
      .filter(({ first_slot, bits, body }) => {
        const end = first_slot + body.length / bitEntryBytes(bits);
        return days.some((day) => first_slot < (day + 1) * BLOCK_SLOTS && end > day * BLOCK_SLOTS);
      })
      .map(({ first_slot }) => first_slot);
  }

  /** The caller holds the transaction. */
  writePending(): void {
    runAll(
      this.#insert,
      this.#pending.map(({ meter, kind, firstSlot, bits, entries }) => [meter, kind, firstSlot, bits, entries]),
    );
  }

  /** After the transaction of `writePending`. */
  committed(): void {
    this.#pending = [];
  }

  *#runs(meter: number, kind: number, from: number, to: number): Generator<Omit<Run, "meter" | "kind">> {
    if (this.#isEmpty) return;
    for (const { first_slot, bits, body } of this.#select.all(meter, kind, from - MAX_ENTRIES, to)) {
      yield { firstSlot: first_slot, bits, entries: body };
    }
    yield* this.#pending.filter((run) => run.meter === meter && run.kind === kind);
  }

  /** Whether a stored slot was shared just so: by these bits, or, with no entry, as a whole. */
  matches(meter: number, kind: number, slot: number, bits: number, entry: Uint8Array | undefined): boolean {
    for (const run of this.#runs(meter, kind, slot, slot + 1)) {
      const size = bitEntryBytes(run.bits);
      const at = size * (slot - run.firstSlot);
      if (at < 0 || at >= run.entries.length) continue;
      if (entry === undefined || run.bits !== bits) return false;
      return Buffer.compare(run.entries.subarray(at, at + size), entry) === 0;
    }
    return entry === undefined;
  }

  /** Entries with this many bits from slot `from` up to, not including, `to`. */
  range(meter: number, kind: number, from: number, to: number, bits: number): BitRange {
    const size = bitEntryBytes(bits);
    const present = emptyBitmap(to - from);
    const entries = new Uint8Array(size * (to - from));
    for (const run of this.#runs(meter, kind, from, to)) {
      if (run.bits !== bits) continue;
      const first = Math.max(from, run.firstSlot);
      const end = Math.min(to, run.firstSlot + run.entries.length / size);
      if (first >= end) continue;
      const source = run.entries.subarray(size * (first - run.firstSlot), size * (end - run.firstSlot));
      entries.set(source, size * (first - from));
      for (let slot = first; slot < end; slot++) addMember(present, slot - from);
    }
    return { present, entries };
  }
}
