/**
 * Time as slots: slot = floor(unixSeconds / slotSeconds). A slot number fits 32 unsigned bits,
 * which is what the share polynomial and the wire format have room for.
 */
import type { UnixSeconds } from "./units.ts";

/** The highest slot number the wire can carry. */
export const MAX_SLOT = 0xffff_ffff;

/** A half-open range of slots [from, to). */
export interface SlotRange {
  readonly from: number;
  readonly to: number;
}

/** The slot that contains a time. `slotSeconds` is an integer of at least 1. */
export function slotOf(time: UnixSeconds, slotSeconds: number): number {
  const slot = Math.floor(time / slotSeconds);
  assertSlot(slot);
  return slot;
}

/** Throws RangeError unless `slot` is an integer from 0 to MAX_SLOT. */
export function assertSlot(slot: number): void {
  if (!Number.isInteger(slot) || slot < 0 || slot > MAX_SLOT) {
    throw new RangeError(`slot: expected an integer from 0 to ${MAX_SLOT}, got ${slot}`);
  }
}

/** How many slots a range holds; throws RangeError when it ends before it starts. */
export function slotCount(range: SlotRange): number {
  if (range.to < range.from) throw new RangeError(`slots: range ends (${range.to}) before it starts (${range.from})`);
  return range.to - range.from;
}
