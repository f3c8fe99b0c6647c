/**
 * A home's vector as field elements that may leave: integers under noise, packed into lanes, or bit by bit where a bound is
 * proved. Nothing plain is left.
 */
import {
  boundElements,
  homeIntegers,
  homeNoise,
  type NoiseSource,
  packLanes,
  type RoundContent,
} from "../../../protocol/learning/index.ts";
import { RandomBits, type RandomBytes } from "../../../protocol/noise/index.ts";

/**
 * The newest sampler of each source of randomness. Making one takes a second, drawing from it microseconds, and the rounds
 * of a campaign are alike; what is kept is a table that the announcement alone decides.
 */
const samplers = new WeakMap<RandomBytes, { readonly of: string; readonly source: NoiseSource | undefined }>();

function noiseOf(
  content: Pick<RoundContent, "noise" | "minMeters">,
  random: RandomBytes,
  bits: RandomBits,
): NoiseSource | undefined {
  const of = JSON.stringify([content.noise, content.minMeters]);
  let known = samplers.get(random);
  if (known?.of !== of) samplers.set(random, (known = { of, source: homeNoise(content, bits) }));
  return known.source;
}

/**
 * `random`: node:crypto's outside tests. Throws RangeError for a vector of another length than the round's, or with a number
 * that is none, and where the noise that was drawn takes it beyond the round's bound: drawing again would change its
 * distribution, so the home takes no part (`ROUND_MISS` says how rarely).
 */
export function encodeVector(
  values: ArrayLike<number>,
  content: Pick<RoundContent, "vector" | "noise" | "minMeters" | "bound">,
  random: RandomBytes,
): BigUint64Array {
  const bits = new RandomBits(random);
  const integers = homeIntegers(content, values, bits, noiseOf(content, random, bits));
  const { vector, bound } = content;
  return bound === undefined ? packLanes(integers, vector) : boundElements(integers, { vector, bound });
}
