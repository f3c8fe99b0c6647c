/**
 * Which slots enter a set of balances: those in which nobody is missing. The aggregators ask the same by themselves; to
 * put one in that they refuse costs a round trip. Pure.
 */
import { addMember, emptyBitmap, hasMember, members } from "../../protocol/bitmap.ts";
import type { Question } from "../../protocol/messages/round.ts";
import type { Excluded } from "../rounds/record.ts";
import type { SetPlan } from "../rounds/set-builder.ts";

export interface BalanceFacts {
  readonly question: Question;
  readonly agreed: readonly Uint8Array[];
  readonly excluded: readonly Excluded[];
  /** Whether a meter of the question, by position, has its place on the feeder at a slot. */
  readonly isHere: (meter: number, slot: number) => boolean;
  readonly isHead: (meter: number) => boolean;
  readonly minMeters: number;
}

export function planBalance({ question, agreed, excluded, isHere, isHead, minMeters }: BalanceFacts): SetPlan {
  const kinds = question.kinds.length;
  const [from, to] = question.segments[0] ?? [0, 0];
  const open = agreed.map((cells) => cells.slice());
  for (const { units, parts } of excluded) {
    for (const unit of units) open[unit]?.fill(0);
    for (const [unit, mask] of parts) {
      const bytes = Buffer.from(mask, "base64");
      open[unit]?.forEach((byte, i, cells) => (cells[i] = byte & ~(bytes[i] ?? 0)));
    }
  }
  // Whoever feeds back in one of the slots does so, with zeros, in all of them.
  const feedingBack = [1, 3].map((kind) => unionOf(open.filter((_, unit) => unit % kinds === kind)));
  const cells = open.map((unit) => emptyBitmap(8 * unit.length));
  for (let slot = from; slot < to; slot++) {
    const first = (slot - from) * kinds;
    const here = [...question.meters.keys()].filter((meter) => isHere(meter, slot));
    const homes = here.filter((meter) => !isHead(meter));
    const heads = here.filter((meter) => isHead(meter));
    const isThere = (meter: number, kind: number): boolean =>
      hasMember(open[first + kind]!, meter) &&
      (!hasMember(feedingBack[kind === 0 ? 0 : 1]!, meter) || hasMember(open[first + kind + 1]!, meter));
    const complete = homes.every((meter) => isThere(meter, 0)) && heads.every((meter) => isThere(meter, 2));
    if (!complete || heads.length !== 1 || homes.length < minMeters) continue;
    for (const [own, kind] of [
      [homes, 0],
      [heads, 2],
    ] as const) {
      for (const meter of own) {
        addMember(cells[first + kind]!, meter);
        if (hasMember(open[first + kind + 1]!, meter)) addMember(cells[first + kind + 1]!, meter);
      }
    }
  }
  return { schemes: [], assignment: [], cells, held: [] };
}

function unionOf(bitmaps: readonly Uint8Array[]): Uint8Array {
  const union = new Uint8Array(bitmaps[0]?.length ?? 0);
  for (const bitmap of bitmaps) for (const member of members(bitmap)) addMember(union, member);
  return union;
}
