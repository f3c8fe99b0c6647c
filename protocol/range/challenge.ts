/**
 * Challenges that nobody chose: each aggregator commits to a seed, and reveals it when the shares are fixed and it has the
 * commitments of all whose seeds count. One honest seed makes the challenge unknown to whoever made the shares. Of c
 * aggregators that collude each may hold back its seed once it has seen the others', so they may choose among 2^c.
 */
import { createHash } from "node:crypto";
import { WEIGHT_BYTES, weightLimbs } from "../shamir/weights.ts";

const SEED_BYTES = 32;

/** An aggregator's seed, or its commitment to one. */
export interface Sealed {
  readonly aggregator: number;
  /** 32 bytes. */
  readonly bytes: Uint8Array;
}

/** The commitment of an aggregator to its seed for a set. Throws RangeError unless both have 32 bytes. */
export function commitSeed(setId: Uint8Array, { aggregator, bytes }: Sealed): Buffer {
  assertLength("setId", setId);
  assertLength("seed", bytes);
  const label = createHash("sha256").update("wv/1 range seed").update(setId);
  return label.update(Uint8Array.of(aggregator)).update(bytes).digest();
}

/**
 * The challenge of a set: 32 bytes. `commitments` and `seeds` are in rising order of the same aggregators. Throws
 * RangeError when they are not, or a seed is not the one that was committed to.
 */
export function challengeOf(setId: Uint8Array, commitments: readonly Sealed[], seeds: readonly Sealed[]): Buffer {
  const names = (all: readonly Sealed[]): string => all.map(({ aggregator }) => aggregator).join();
  const rising = seeds.every(({ aggregator }, i) => i === 0 || aggregator > seeds[i - 1]!.aggregator);
  if (!rising || seeds.length === 0 || names(seeds) !== names(commitments)) {
    throw new RangeError(`seeds: expected those of aggregators ${names(commitments)}, rising, got ${names(seeds)}`);
  }
  const hash = createHash("sha256").update("wv/1 range challenge").update(setId);
  for (const [index, seed] of seeds.entries()) {
    if (!commitSeed(setId, seed).equals(commitments[index]!.bytes)) {
      throw new RangeError(`seeds: aggregator ${seed.aggregator} has committed to another seed`);
    }
    hash.update(Uint8Array.of(seed.aggregator)).update(seed.bytes);
  }
  return hash.digest();
}

/** What weights are for: the two tests must not share any. */
export type WeightUse = "degree" | "bits";

/**
 * `count` weights for one meter, named by its place in the set, as limbs (`limbsOf`): three doubles each, drawn
 * as in shamir/weights.ts.
 */
export function weightsOf(
  challenge: Uint8Array,
  use: WeightUse,
  place: readonly number[],
  count: number,
): Float64Array {
  if (count === 0) return new Float64Array(0);
  const sponge = createHash("shake256", { outputLength: WEIGHT_BYTES * count });
  sponge.update(`wv/1 range ${use}`).update(challenge);
  for (const part of place) sponge.update(Uint8Array.of(part >>> 24, part >>> 16, part >>> 8, part));
  return weightLimbs(sponge.digest());
}

function assertLength(name: string, bytes: Uint8Array): void {
  if (bytes.length !== SEED_BYTES) throw new RangeError(`${name}: expected ${SEED_BYTES} bytes, got ${bytes.length}`);
}
