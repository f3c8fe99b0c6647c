/**
 * The test of shares before any sum: of each meter of a proposed set one weighted sum of its shares, under a mask. Right
 * shares lie on polynomials of degree t - 1, and so do these answers; a meter whose answers do not has given shares that
 * belong together nowhere. The masks make every answer uniform, whatever set is asked (docs/decisions/005): nothing is
 * released, so no release rule is asked. Sees shares, never readings.
 */
import { createHash } from "node:crypto";
import { addMember, emptyBitmap, isEmptyBitmap, members } from "../../protocol/bitmap.ts";
import { add, ELEMENT_BYTES, type FieldElement, writeElement } from "../../protocol/field.ts";
import type { SubsetKeyList } from "../../protocol/keys/index.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import { weightedSum } from "../../protocol/shamir/add.ts";
import { randomShares, type SubsetKeys } from "../../protocol/shamir/prss.ts";
import { tagAt } from "../../protocol/shamir/share-entries.ts";
import { WEIGHT_BYTES, weightLimbs } from "../../protocol/shamir/weights.ts";
import { type Holdings, roomForSegments, RosterTags } from "./holdings.ts";
import { billingUnitIndex } from "./layout.ts";
import { heldRanges, masksByMeter } from "./sums.ts";

/** What masks are made of. */
export interface MaskKeys extends SubsetKeys, Pick<SubsetKeyList, "dealing"> {}

export interface ShareTest {
  /** Which meters of the set are answered: those with cells, of which this aggregator holds exactly the set's. */
  readonly have: Uint8Array;
  /** A field element of 8 bytes for each of them. */
  readonly values: Uint8Array;
}

/** What names one test: a set and a salt that nobody knew while the shares could still be chosen. */
export interface TestId {
  readonly setId: Uint8Array;
  readonly salt: Uint8Array;
}

/** Answers a test. `pause` is awaited now and then, so that shares are taken in meanwhile. */
export async function testShares(
  set: SetContent,
  id: TestId,
  keys: MaskKeys,
  holdings: Holdings,
  pause: () => Promise<void>,
): Promise<ShareTest> {
  const weights = weightsOf(set, id);
  const sums = await (set.purpose === "billing"
    ? billSums(set, weights, holdings, pause)
    : loadSums(set, weights, holdings, pause));
  // The place in the set's list names the meter, and the set is in the nonce: no mask is ever used for anything else.
  const masks = randomShares(keys, hashOf("wv/1 share test mask", id), set.meters.length);
  const have = emptyBitmap(set.meters.length);
  const answered = [...sums.keys()].sort((a, b) => a - b);
  const values = new Uint8Array(answered.length * ELEMENT_BYTES);
  for (const [position, meter] of answered.entries()) {
    addMember(have, meter);
    writeElement(add(sums.get(meter)!, masks[meter]!), values, position * ELEMENT_BYTES);
  }
  return { have, values };
}

/** By segment and kind, as limbs: the same for every meter, since each is tested by itself. */
type Weights = readonly (readonly Float64Array[])[];

function weightsOf({ segments, kinds }: SetContent, id: TestId): Weights {
  const seed = hashOf("wv/1 share test weights", id);
  return segments.map(([from, to]) => kinds.map((kind) => drawWeights(seed, from, kind, to - from)));
}

function drawWeights(seed: Uint8Array, from: number, kind: number, count: number): Float64Array {
  const place = Buffer.alloc(5);
  place.writeUInt32BE(from);
  place.writeUInt8(kind, 4);
  const sponge = createHash("shake256", { outputLength: WEIGHT_BYTES * count });
  return weightLimbs(sponge.update(seed).update(place).digest());
}

function hashOf(label: string, { setId, salt }: TestId): Buffer {
  return createHash("sha256").update(label).update(setId).update(salt).digest();
}

type Sums = Map<number, FieldElement>;

async function billSums(
  set: SetContent,
  weights: Weights,
  holdings: Holdings,
  pause: () => Promise<void>,
): Promise<Sums> {
  const sums: Sums = new Map();
  const rooms: Uint8Array[] = [];
  for (const meter of set.meters.keys()) {
    const held = heldRanges(set, meter, holdings, rooms);
    let sum: FieldElement | undefined;
    let lacks = false;
    for (const segment of set.segments.keys()) {
      for (const kind of set.kinds.keys()) {
        const [bitmap] = set.units[billingUnitIndex(set, { segment, meter, kind })]!;
        if (isEmptyBitmap(bitmap)) continue;
        const range = held[kind]![segment];
        if (range === undefined) lacks = true;
        else sum = add(sum ?? 0n, weightedSum(range.entries, weights[segment]![kind]!, bitmap));
      }
    }
    if (sum !== undefined && !lacks) sums.set(meter, sum);
    await pause();
  }
  return sums;
}

async function loadSums(
  set: SetContent,
  weights: Weights,
  holdings: Holdings,
  pause: () => Promise<void>,
): Promise<Sums> {
  const { meters, kinds, units, segments } = set;
  const sums: Sums = new Map();
  const tags = units.map(() => new RosterTags(meters.length));
  const masks = masksByMeter(set);
  const room = roomForSegments(segments);
  for (const [index, meter] of meters.entries()) {
    for (const [position, kind] of kinds.entries()) {
      const mask = masks[index]![position]!;
      if (isEmptyBitmap(mask)) continue;
      const { bits, entries } = holdings.range(meter, kind, segments[0]!, room);
      sums.set(index, add(sums.get(index) ?? 0n, weightedSum(entries, weights[0]![position]!, mask)));
      for (const slot of members(mask)) {
        const holds = (bits[slot >>> 3]! & (1 << (slot & 7))) !== 0;
        if (holds) tags[slot * kinds.length + position]!.add(index, tagAt(entries, slot));
      }
    }
    await pause();
  }
  for (const [unit, [bitmap, digest]] of units.entries()) {
    // The digest is over all meters of the slot: where it differs nobody knows whose cell it is.
    if (Buffer.compare(tags[unit]!.digest(), digest) !== 0) for (const meter of members(bitmap)) sums.delete(meter);
  }
  return sums;
}
