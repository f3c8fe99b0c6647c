/**
 * The test of shares before any sum: of each meter of a proposed set one weighted sum of its shares, under a mask. Right
 * shares lie on polynomials of degree t - 1, and so do these answers; a meter whose answers do not has given shares that
 * belong together nowhere. The masks make every answer uniform, whatever set is asked (docs/decisions/007-share-tests.md): nothing is
 * released, so no release rule is asked. Sees shares, never readings.
 */
import { createHash } from "node:crypto";
import { addMember, emptyBitmap } from "../../protocol/bitmap.ts";
import { add, ELEMENT_BYTES, type FieldElement, writeElement } from "../../protocol/field.ts";
import type { SubsetKeyList } from "../../protocol/keys/index.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import { weightedSum } from "../../protocol/shamir/add.ts";
import { randomShares, type SubsetKeys } from "../../protocol/shamir/prss.ts";
import { WEIGHT_BYTES, weightLimbs } from "../../protocol/shamir/weights.ts";
import { visitHeld } from "./held-cells.ts";
import type { Holdings } from "./holdings.ts";

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
  const sums = new Map<number, FieldElement>();
  const { lacking } = await visitHeld(set, holdings, pause, ({ meter, segment, kind, cells, entries }) => {
    sums.set(meter, add(sums.get(meter) ?? 0n, weightedSum(entries, weights[segment]![kind]!, cells)));
  });
  for (const meter of lacking) sums.delete(meter);
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
