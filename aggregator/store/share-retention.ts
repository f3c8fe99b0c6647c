/**
 * Which shares may go: those of stretches that ended long enough ago, all of whose cells are in bills that q aggregators have
 * endorsed. A block with a cell that no bill holds yet stays, whatever its age, until one does. What was released of which
 * cells is remembered for ever (`release/release-store.ts`): a cell whose share is gone is never released again.
 */
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { emptyBitmap } from "../../protocol/bitmap.ts";
import { CUSTOMER_KINDS, isHeadKind } from "../../protocol/units.ts";
import { BLOCK_BITMAP_BYTES, BLOCK_SLOTS, STRETCH_DAYS, STRETCH_SLOTS } from "./block.ts";
import { blockId, seriesOf } from "./block-cache.ts";
import { type KeptShares, type SharePartitions, sharePartitions } from "./share-partitions.ts";
import type { ShareStore } from "./share-store.ts";

export interface ShareRetentionOptions {
  readonly db: SqlDatabase;
  readonly store: ShareStore;
  readonly slotSeconds: number;
  /** Slots back from now that are still taken in. */
  readonly windowSlots: number;
  /** Days after which shares may go; 0: they stay. */
  readonly shareDays: number;
  readonly pause: () => Promise<void>;
  /** Told of days [from, to) whose shares have gone, or some of them. */
  readonly forgotten?: (from: number, to: number) => void;
}

export interface RetentionCounters {
  stretchesDropped: number;
  blocksKept: number;
}

export class ShareRetention {
  readonly counters: RetentionCounters = { stretchesDropped: 0, blocksKept: 0 };
  readonly #options: ShareRetentionOptions;
  readonly #partitions: SharePartitions;
  readonly #periods;
  readonly #bills;
  #today: number | undefined;
  #due: number | undefined;
  /** All stretches before this one were looked through. */
  #lookedAt: number | undefined;

  constructor(options: ShareRetentionOptions) {
    this.#options = options;
    this.#partitions = sharePartitions(options.db);
    this.#periods = options.db.prepare<[number, number], { feeder: string; period_from: number }>(
      "SELECT feeder, period_from FROM periods WHERE period_from < ? AND period_to > ?",
    );
    this.#bills = options.db.prepare<[string, number, number], { meter: number; slots: Buffer }>(
      `SELECT meter, slots FROM bill_cells JOIN sets ON sets.set_id = bill_cells.set_id
       WHERE feeder = ? AND kind = ? AND period_from = ? AND sets.endorsements IS NOT NULL`,
    );
  }

  /**
   * After each commit, with nothing uncommitted. Once a day it makes room for what is to come, and says whether old shares
   * are to be looked through, which they are at the start and once for each stretch: then `forget` is to be called when no
   * round is being answered.
   */
  tend(time: number): boolean {
    const { slotSeconds, windowSlots, shareDays } = this.#options;
    const slot = Math.floor(time / slotSeconds);
    const today = Math.floor(slot / BLOCK_SLOTS);
    if (today === this.#today) return false;
    this.#today = today;
    this.#partitions.prepare(Math.floor(Math.max(0, slot - windowSlots) / BLOCK_SLOTS), today + STRETCH_DAYS);
    if (shareDays === 0) return false;
    const due = Math.floor((slot - (shareDays * 86_400) / slotSeconds) / BLOCK_SLOTS);
    // What was kept is looked at again with the next stretch: a look at every bill of old is not for every day.
    if (Math.floor(due / STRETCH_DAYS) === this.#lookedAt) return false;
    // The journal is replayed at the next start: what it still held of old days would come back.
    this.#options.store.pack();
    this.#due = due;
    return true;
  }

  /** Lets go of what is old enough and in a bill. Rounds must wait: what they ask for could go under their hands. */
  async forget(): Promise<void> {
    const before = this.#due;
    if (before === undefined) return;
    this.#due = undefined;
    this.#lookedAt = Math.floor(before / STRETCH_DAYS);
    const { store } = this.#options;
    const series = store.series();
    for (const stretch of this.#partitions.endedBefore(before, series)) {
      const kept = await this.#kept(stretch, series);
      if (!(await this.#drop(stretch, series, kept))) {
        this.#lookedAt = undefined;
        continue;
      }
      const [from, to] = [STRETCH_DAYS * stretch, STRETCH_DAYS * (stretch + 1)];
      store.forget(from, to);
      this.#options.forgotten?.(from, to);
      this.counters.stretchesDropped++;
      this.counters.blocksKept = [...kept.values()].reduce((sum, { days }) => sum + days.length, 0);
      await this.#options.pause();
    }
  }

  async #drop(stretch: number, series: readonly number[], kept: ReadonlyMap<number, KeptShares>): Promise<boolean> {
    const partitions = this.#partitions;
    for (let at = 0; at < series.length; at += partitions.seriesAtATime) {
      if (!partitions.drop(stretch, series.slice(at, at + partitions.seriesAtATime), kept)) return false;
      await this.#options.pause();
    }
    return true;
  }

  /** The blocks of a stretch with cells that are in no bill, and the bits that these were shared by. */
  async #kept(stretch: number, series: readonly number[]): Promise<Map<number, KeptShares>> {
    const { store, pause } = this.#options;
    const firstDay = STRETCH_DAYS * stretch;
    const billed = await this.#billed(stretch);
    const kept = new Map<number, KeptShares>();
    for (const zero of series) {
      const { meter, kind } = seriesOf(zero);
      const inBills = billed.get(zero);
      // Nearly all meters are billed without a gap: nothing of them is read. What heads share is in no bill.
      if (isHeadKind(kind) || inBills?.every((byte) => byte === 0xff) === true) continue;
      const days: number[] = [];
      for (const [day, bits] of store.bitmaps(zero, firstDay, firstDay + STRETCH_DAYS - 1)) {
        const at = (day - firstDay) * BLOCK_BITMAP_BYTES;
        if (bits.some((byte, i) => (byte & ~(inBills?.[at + i] ?? 0)) !== 0)) days.push(day);
      }
      const runs = store.bits.firstSlotsOn(meter, kind, days, STRETCH_DAYS * stretch, STRETCH_DAYS);
      if (days.length > 0) kept.set(zero, { days, runs });
      await pause();
    }
    return kept;
  }

  /** Of each series the cells of the stretch that are in bills: a bitmap over its slots. */
  async #billed(stretch: number): Promise<Map<number, Uint8Array>> {
    const [from, to] = [STRETCH_SLOTS * stretch, STRETCH_SLOTS * (stretch + 1)];
    const billed = new Map<number, Uint8Array>();
    for (const { feeder, period_from: first } of this.#periods.all(to, from)) {
      for (const kind of CUSTOMER_KINDS) {
        for (const { meter, slots } of this.#bills.all(feeder, kind, first)) {
          const zero = blockId(meter, kind, 0);
          let bitmap = billed.get(zero);
          if (bitmap === undefined) billed.set(zero, (bitmap = emptyBitmap(STRETCH_SLOTS)));
          unite(bitmap, slots, first - from);
        }
      }
      await this.#options.pause();
    }
    return billed;
  }
}

/** Adds the members of a bitmap to another one, `by` places further on; what falls out of it is left. */
function unite(target: Uint8Array, source: Uint8Array, by: number): void {
  const bytes = Math.floor(by / 8);
  const shift = by - 8 * bytes;
  for (const [i, byte] of source.entries()) {
    const at = bytes + i;
    if (at >= 0 && at < target.length) target[at]! |= byte << shift;
    if (shift > 0 && at + 1 >= 0 && at + 1 < target.length) target[at + 1]! |= byte >>> (8 - shift);
  }
}
