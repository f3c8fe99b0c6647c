/**
 * Consecutive readings of one kind that are on their way, with what each aggregator has not settled yet.
 * Pure bookkeeping: nothing here knows keys, topics or time.
 */

import type { Kind } from "../../protocol/units.ts";

/** Readings of consecutive slots, and per slot one bit for each aggregator that still has to settle it. */
export interface PendingRun {
  readonly kind: Kind;
  readonly firstSlot: number;
  /** Watt-hours per slot. */
  readonly readings: readonly number[];
  /** Per slot: bit x - 1 is set while aggregator x has not settled it. */
  readonly outstanding: Uint8Array;
  /** Shares for aggregator x at x - 1, kept only between splitting and sending. */
  shares: (Uint8Array | undefined)[] | undefined;
}

/** A run in which every slot is outstanding with every aggregator whose bit is in `mask`. */
export function createRun(kind: Kind, firstSlot: number, readings: readonly number[], mask: number): PendingRun {
  return { kind, firstSlot, readings, outstanding: new Uint8Array(readings.length).fill(mask), shares: undefined };
}

/** The bit of aggregator x (from 1). */
export function aggregatorBit(x: number): number {
  return 1 << (x - 1);
}

/** Does any slot of the run still wait for one of the aggregators in `mask`? */
export function isOutstanding(run: PendingRun, mask: number): boolean {
  for (const bits of run.outstanding) if ((bits & mask) !== 0) return true;
  return false;
}

/** Marks one slot as settled with aggregator x; true if it was outstanding before. */
export function settleSlot(run: PendingRun, slot: number, x: number): boolean {
  const index = slot - run.firstSlot;
  const bits = run.outstanding[index] ?? 0;
  const bit = aggregatorBit(x);
  if ((bits & bit) === 0) return false;
  run.outstanding[index] = bits & ~bit;
  return true;
}

/** A key for (kind, slot) that fits a double: kinds are below 2^8, slots below 2^32. */
export function cellKey(kind: number, slot: number): number {
  return kind * 2 ** 32 + slot;
}

/** Every run that some aggregator has not settled, found by slot. */
export class PendingRuns {
  readonly #runs = new Set<PendingRun>();
  readonly #bySlot = new Map<number, PendingRun>();
  #slots = 0;

  /** Slots in all runs together. */
  get slots(): number {
    return this.#slots;
  }

  /** The run that came first, or undefined. */
  get first(): PendingRun | undefined {
    const [first] = this.#runs;
    return first;
  }

  add(run: PendingRun): void {
    this.#runs.add(run);
    this.#slots += run.readings.length;
    for (let i = 0; i < run.readings.length; i++) this.#bySlot.set(cellKey(run.kind, run.firstSlot + i), run);
  }

  /** Forgets a run; false if it was not there. */
  delete(run: PendingRun): boolean {
    if (!this.#runs.delete(run)) return false;
    this.#slots -= run.readings.length;
    for (let i = 0; i < run.readings.length; i++) this.#bySlot.delete(cellKey(run.kind, run.firstSlot + i));
    return true;
  }

  at(kind: number, slot: number): PendingRun | undefined {
    return this.#bySlot.get(cellKey(kind, slot));
  }

  /** The lowest first slot of a run that waits for an aggregator in `mask`, or infinity. */
  oldest(mask: number): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const run of this.#runs) {
      if (run.firstSlot < oldest && isOutstanding(run, mask)) oldest = run.firstSlot;
    }
    return oldest;
  }
}

/**
 * How far slots [from, to) are settled. `all`: with every aggregator; `enough`: each with at least `threshold` of the
 * aggregators in `mask`; `open`: one of them is not. Slots that are not pending count as settled.
 */
export function settlementOf(
  pending: PendingRuns,
  { kind, from, to }: { readonly kind: Kind; readonly from: number; readonly to: number },
  { mask, threshold }: { readonly mask: number; readonly threshold: number },
): "all" | "enough" | "open" {
  let all = true;
  for (let slot = from; slot < to; slot++) {
    const run = pending.at(kind, slot);
    if (run === undefined) continue;
    const bits = run.outstanding[slot - run.firstSlot] ?? 0;
    if (bits === 0) continue;
    all = false;
    if (ones(mask & ~bits) < threshold) return "open";
  }
  return all ? "all" : "enough";
}

function ones(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
