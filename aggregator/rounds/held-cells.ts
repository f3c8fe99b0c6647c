/**
 * The cells of a set that this aggregator holds exactly as the set says, meter by meter: what a test of its shares is
 * computed of.
 */
import { isEmptyBitmap, members } from "../../protocol/bitmap.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import { tagAt } from "../../protocol/shamir/share-entries.ts";
import { type Holdings, roomForSegments } from "./holdings.ts";
import { billingUnitIndex } from "./layout.ts";
import { RosterTags } from "./roster-tags.ts";
import { heldRanges, masksByMeter } from "./sums.ts";

/** Cells of one meter, segment and kind, each by its position in the set. */
export interface HeldPiece {
  readonly meter: number;
  readonly segment: number;
  readonly kind: number;
  /** Which slots of the segment. */
  readonly cells: Uint8Array;
  /** An entry for every slot of the segment; used again for the next piece. */
  readonly entries: Uint8Array;
}

export interface HeldMeters {
  /** Those of the set with cells, rising. */
  readonly withCells: ReadonlySet<number>;
  /** Of those, whose cells are not all here as the set says: what was visited of them is worth nothing. */
  readonly lacking: ReadonlySet<number>;
}

/** Visits the pieces of a set in its order. `pause` is awaited now and then, so that shares are taken in meanwhile. */
export function visitHeld(
  set: SetContent,
  holdings: Holdings,
  pause: () => Promise<void>,
  visit: (piece: HeldPiece) => void,
): Promise<HeldMeters> {
  return set.purpose === "billing" ? visitBill(set, holdings, pause, visit) : visitLoad(set, holdings, pause, visit);
}

async function visitBill(
  set: SetContent,
  holdings: Holdings,
  pause: () => Promise<void>,
  visit: (piece: HeldPiece) => void,
): Promise<HeldMeters> {
  const withCells = new Set<number>();
  const lacking = new Set<number>();
  const rooms: Uint8Array[] = [];
  for (const meter of set.meters.keys()) {
    const held = heldRanges(set, meter, holdings, rooms);
    for (const segment of set.segments.keys()) {
      for (const kind of set.kinds.keys()) {
        const [cells] = set.units[billingUnitIndex(set, { segment, meter, kind })]!;
        if (isEmptyBitmap(cells)) continue;
        withCells.add(meter);
        const range = held[kind]![segment];
        if (range === undefined) lacking.add(meter);
        else visit({ meter, segment, kind, cells, entries: range.entries });
      }
    }
    await pause();
  }
  return { withCells, lacking };
}

async function visitLoad(
  set: SetContent,
  holdings: Holdings,
  pause: () => Promise<void>,
  visit: (piece: HeldPiece) => void,
): Promise<HeldMeters> {
  const { meters, kinds, units, segments } = set;
  const withCells = new Set<number>();
  const tags = units.map(() => new RosterTags(meters.length));
  const masks = masksByMeter(set);
  const room = roomForSegments(segments);
  for (const [meter, name] of meters.entries()) {
    for (const [kind, number] of kinds.entries()) {
      const cells = masks[meter]![kind]!;
      if (isEmptyBitmap(cells)) continue;
      withCells.add(meter);
      const { bits, entries } = holdings.range(name, number, segments[0]!, room);
      visit({ meter, segment: 0, kind, cells, entries });
      for (const slot of members(cells)) {
        const holds = (bits[slot >>> 3]! & (1 << (slot & 7))) !== 0;
        if (holds) tags[slot * kinds.length + kind]!.add(meter, tagAt(entries, slot));
      }
    }
    await pause();
  }
  const lacking = new Set<number>();
  for (const [unit, [bitmap, digest]] of units.entries()) {
    // The digest is over all meters of the slot: where it differs nobody knows whose cell it is.
    if (Buffer.compare(tags[unit]!.digest(), digest) !== 0) for (const meter of members(bitmap)) lacking.add(meter);
  }
  return { withCells, lacking };
}
