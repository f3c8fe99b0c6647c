/** What the test of a set's shares has shown, as it is kept with the set. */
import { addMember, bitmapOf, emptyBitmap, hasMember, members } from "../../protocol/bitmap.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import type { TestedShares } from "../collector/share-test.ts";
import { billingPlace } from "./shape.ts";

export interface Tested {
  /** For each aggregator the meters, over the set's, whose shares at it belong together with those at t others or more. */
  readonly passed: readonly (readonly [aggregator: number, meters: Uint8Array])[];
  /** Meters with cells whose shares too few aggregators could be asked about. */
  readonly untested: number;
  /** Of a set with bits. */
  readonly proof?: Proof | undefined;
}

/** Whose readings are known to be sums of bits, or whose vectors are within their bound. */
export interface Proof {
  /** Over the set's meters; what they share as a whole is not meant. */
  readonly proved: Uint8Array;
  /** Meters with cells that are shared by bits, of which too few aggregators could be asked, or contradicted each other. */
  readonly unproved: number;
  /** The fewest answers beyond those that a check needs: with 0 one aggregator alone could have hidden a meter. */
  readonly spare: number;
}

/** Positions of the meters that have cells of kinds that are shared by bits, or vectors that are. */
export function metersByBits(content: SetContent): Set<number> {
  return metersWithCells(content, (unit) => {
    const kind = content.purpose !== "billing" ? unit % widthsOf(content) : billingPlace(content, unit).kind;
    return (content.bits?.[kind] ?? 0) > 0;
  });
}

/** A vector has one width and no kinds. */
function widthsOf({ purpose, kinds }: SetContent): number {
  return purpose === "vector" ? 1 : kinds.length;
}

/** Nobody is proved by default. */
export function proofOf(content: SetContent, proved: readonly number[] = [], spare = 0): Proof {
  return {
    proved: bitmapOf(content.meters.length, proved),
    unproved: metersByBits(content).size - proved.length,
    spare,
  };
}

/** Positions of the meters that have cells in a set. */
export function metersWithCells(content: SetContent, counts: (unit: number) => boolean = () => true): Set<number> {
  const found = new Set<number>();
  content.units.forEach(([bitmap], unit) => {
    if (!counts(unit)) return;
    if (content.purpose !== "billing") for (const meter of members(bitmap)) found.add(meter);
    else if (bitmap.some((byte) => byte !== 0)) found.add(billingPlace(content, unit).meter);
  });
  return found;
}

export function testedOf(content: SetContent, passed: TestedShares["passed"]): Tested {
  const bitmaps = new Map<number, Uint8Array>();
  const open = metersWithCells(content);
  for (const { aggregators, meters } of passed) {
    for (const meter of meters) open.delete(meter);
    for (const aggregator of aggregators) {
      const bitmap = bitmaps.get(aggregator) ?? emptyBitmap(content.meters.length);
      bitmaps.set(aggregator, bitmap);
      for (const meter of meters) addMember(bitmap, meter);
    }
  }
  return { passed: [...bitmaps].sort(([a], [b]) => a - b), untested: open.size };
}

/**
 * Whether none of these meters can have caused a wrong sum of this aggregator: its shares passed together with those of
 * so many others that t + 1 of them are honest, whoever of the others is not.
 */
export function isAcquitted(
  { passed }: Tested,
  aggregator: number,
  meters: readonly number[],
  { aggregators: n, threshold: t }: { readonly aggregators: number; readonly threshold: number },
): boolean {
  const enough = t + 1 + Math.floor((n - t) / 2);
  const own = passed.find(([index]) => index === aggregator)?.[1];
  return (
    own !== undefined &&
    meters.every(
      (meter) => hasMember(own, meter) && passed.filter(([, bitmap]) => hasMember(bitmap, meter)).length >= enough,
    )
  );
}
