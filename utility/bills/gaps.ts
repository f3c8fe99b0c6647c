/** Slots that a bill does not hold, as ranges with their reason. Pure. */
import { addMember, emptyBitmap } from "../../protocol/bitmap.ts";
import type { MembershipRecord } from "../../protocol/messages/enrolment.ts";
import type { SlotRange } from "../../protocol/slots.ts";

export interface GapRange {
  readonly from: number;
  readonly to: number;
  /** `missing`: no t aggregators hold it alike; else the rule by which it waits for a later bill. */
  readonly reason: string;
}

/** The slots of a range at which a meter's place is a feeder, from `origin` on, as a bitmap over the range. */
export function expectedSlots(record: MembershipRecord, feeder: string, range: SlotRange, origin: number): Uint8Array {
  const bits = emptyBitmap(range.to - range.from);
  for (const place of record.places) {
    if (place.feeder !== feeder) continue;
    const from = Math.max(range.from, place.from, origin);
    const to = Math.min(range.to, place.to ?? range.to);
    const end = to - range.from;
    let slot = from - range.from;
    for (; slot < end && (slot & 7) !== 0; slot++) addMember(bits, slot);
    for (; slot + 8 <= end; slot += 8) bits[slot >>> 3] = 0xff;
    for (; slot < end; slot++) addMember(bits, slot);
  }
  return bits;
}

/** Ranges of expected slots outside `billed`. `held` gives the reason of those that are there but wait. */
export function gapRanges(
  range: SlotRange,
  expected: Uint8Array,
  billed: Uint8Array,
  held: readonly { readonly cells: Uint8Array; readonly reason: string }[],
): GapRange[] {
  const ranges: { from: number; to: number; reason: string }[] = [];
  for (let i = 0; i < expected.length; i++) {
    let open = (expected[i] ?? 0) & ~(billed[i] ?? 0);
    for (; open > 0; open &= open - 1) {
      const member = 8 * i + 31 - Math.clz32(open & -open);
      const bit = open & -open;
      const reason = held.find(({ cells }) => ((cells[i] ?? 0) & bit) !== 0)?.reason ?? "missing";
      const last = ranges.at(-1);
      const slot = range.from + member;
      if (last?.to === slot && last.reason === reason) last.to = slot + 1;
      else ranges.push({ from: slot, to: slot + 1, reason });
    }
  }
  return ranges;
}
