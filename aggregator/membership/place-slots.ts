/** The slots of a range at which one of a meter's places is a feeder, as a bitmap from the first slot of the range. */
import { addMember, emptyBitmap } from "../../protocol/bitmap.ts";
import type { Place } from "../../protocol/messages/enrolment.ts";

export function slotsOfPlaces(places: readonly Place[], feeder: string, from: number, to: number): Uint8Array {
  const bits = emptyBitmap(to - from);
  for (const place of places) {
    if (place.feeder !== feeder) continue;
    const first = Math.max(from, place.from) - from;
    const end = Math.min(to, place.to ?? to) - from;
    let slot = first;
    for (; slot < end && (slot & 7) !== 0; slot++) addMember(bits, slot);
    for (; slot + 8 <= end; slot += 8) bits[slot >>> 3] = 0xff;
    for (; slot < end; slot++) addMember(bits, slot);
  }
  return bits;
}
