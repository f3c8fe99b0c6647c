/**
 * The sums of an endorsed set: for each output the sum of this aggregator's shares, over exactly the set's cells and
 * only where it holds them all with the set's tags. An output without cells is 0.
 */
import { addMember, emptyBitmap, isEmptyBitmap, members } from "../../protocol/bitmap.ts";
import { add, ELEMENT_BYTES, type FieldElement, reduce, subtract, writeElement } from "../../protocol/field.ts";
import { BALANCE_OFFSET, type SetContent } from "../../protocol/messages/round.ts";
import { ShareTotals, sumShares } from "../../protocol/shamir/add.ts";
import { tagAt } from "../../protocol/shamir/share-entries.ts";
import { KINDS } from "../../protocol/units.ts";
import type { StoredRange } from "../store/share-store.ts";
import { type Holdings, roomForSegments } from "./holdings.ts";
import { billCells, billingUnitIndex, outputCount } from "./layout.ts";
import { RosterTags } from "./roster-tags.ts";

export interface Sums {
  /** Which outputs are answered. */
  readonly have: Uint8Array;
  /** A field element of 8 bytes for each of them. */
  readonly values: Uint8Array;
}

/** Adds up. `pause` is awaited now and then, so that shares are taken in meanwhile. */
export async function sumsOf(set: SetContent, holdings: Holdings, pause: () => Promise<void>): Promise<Sums> {
  const results = await (set.purpose === "billing" ? billSums(set, holdings, pause) : loadSums(set, holdings, pause));
  const have = emptyBitmap(outputCount(set));
  const values = new Uint8Array(results.size * ELEMENT_BYTES);
  let at = 0;
  for (const [output, value] of [...results].sort(([a], [b]) => a - b)) {
    addMember(have, output);
    writeElement(value, values, at);
    at += ELEMENT_BYTES;
  }
  return { have, values };
}

type Results = Map<number, FieldElement>;

async function billSums(set: SetContent, holdings: Holdings, pause: () => Promise<void>): Promise<Results> {
  const results: Results = new Map();
  const outputs = outputCount(set);
  for (let output = 0; output < outputs; output++) results.set(output, 0n);
  const lacking = new Set<number>();
  let current = -1;
  let held: (StoredRange | undefined)[][] = [];
  const rooms: Uint8Array[] = [];
  for (const { output, segment, cells } of billCells(set)) {
    if (output.meter !== current) {
      current = output.meter;
      held = heldRanges(set, current, holdings, rooms);
      await pause();
    }
    const range = held[set.kinds.indexOf(output.kind)]![segment];
    if (range === undefined) lacking.add(output.index);
    else results.set(output.index, add(results.get(output.index)!, sumShares(range.entries, cells)));
  }
  for (const output of lacking) results.delete(output);
  return results;
}

/** For each kind and segment of one meter its shares, put into `rooms`; undefined where they are not the set's. */
export function heldRanges(
  set: SetContent,
  meter: number,
  holdings: Holdings,
  rooms: Uint8Array[],
): (StoredRange | undefined)[][] {
  return set.kinds.map((kind, position) =>
    set.segments.map((segment, index) => {
      const [bitmap, digest] = set.units[billingUnitIndex(set, { segment: index, meter, kind: position })]!;
      if (isEmptyBitmap(bitmap)) return undefined;
      const name = set.meters[meter]!;
      const range = holdings.range(
        name,
        kind,
        segment,
        (rooms[set.segments.length * position + index] ??= roomForSegments([segment])),
      );
      if (!isWithin(bitmap, range.bits)) return undefined;
      const own = holdings.digestOf(name, kind, segment, bitmap, range);
      return Buffer.compare(own, digest) === 0 ? range : undefined;
    }),
  );
}

function isWithin(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if ((a[i]! & ~b[i]!) !== 0) return false;
  return true;
}

async function loadSums(set: SetContent, holdings: Holdings, pause: () => Promise<void>): Promise<Results> {
  const { meters, kinds, units } = set;
  const segment = set.segments[0]!;
  const slots = segment[1] - segment[0];
  const totals = kinds.map(() => new ShareTotals(slots));
  const tags = units.map(() => new RosterTags(meters.length));
  const masks = masksByMeter(set);
  const room = roomForSegments(set.segments);
  for (const [index, meter] of meters.entries()) {
    for (const [position, kind] of kinds.entries()) {
      const mask = masks[index]![position]!;
      if (isEmptyBitmap(mask)) continue;
      const { bits, entries } = holdings.range(meter, kind, segment, room);
      totals[position]!.add(entries, mask);
      for (const slot of members(mask)) {
        const holds = (bits[slot >>> 3]! & (1 << (slot & 7))) !== 0;
        if (holds) tags[slot * kinds.length + position]!.add(index, tagAt(entries, slot));
      }
    }
    await pause();
  }
  const results: Results = new Map();
  for (const [index, [, digest]] of units.entries()) {
    // A missing cell or another tag gives another digest.
    if (Buffer.compare(tags[index]!.digest(), digest) !== 0) continue;
    results.set(index, totals[index % kinds.length]!.valueAt(Math.floor(index / kinds.length)));
  }
  return set.purpose === "balance" ? balances(results, set) : results;
}

/** Of each slot one sum, of all its units: in at the head less what flows on to the meters, above 0 by the offset. */
function balances(sums: Results, { units, kinds }: SetContent): Results {
  const results: Results = new Map();
  for (let first = 0; first < units.length; first += kinds.length) {
    let balance: FieldElement | undefined = reduce(BALANCE_OFFSET);
    for (const [position, kind] of kinds.entries()) {
      const sum = sums.get(first + position);
      if (sum === undefined || balance === undefined) balance = undefined;
      else balance = kind === KINDS.head || kind === KINDS.export ? add(balance, sum) : subtract(balance, sum);
    }
    if (balance !== undefined) results.set(first / kinds.length, balance);
  }
  return results;
}

/** The units, which are rosters by slot, as slots by meter and kind. */
export function masksByMeter({ meters, kinds, segments, units }: SetContent): Uint8Array[][] {
  const slots = segments[0]![1] - segments[0]![0];
  const masks = meters.map(() => kinds.map(() => emptyBitmap(slots)));
  for (const [index, [bitmap]] of units.entries()) {
    const slot = Math.floor(index / kinds.length);
    for (const meter of members(bitmap)) addMember(masks[meter]![index % kinds.length]!, slot);
  }
  return masks;
}
