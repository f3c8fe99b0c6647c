/**
 * A home's vector as field elements that may leave: clipped to the norm of the round, rounded by chance to integers whose
 * norm is bounded for certain, its part of the noise added, packed into lanes. After this nothing plain is left.
 */
import { normBound, packLanes, type RoundContent } from "../../../protocol/learning/index.ts";
import {
  clientVariance,
  DiscreteGaussian,
  RandomBits,
  type RandomBytes,
  rationalAtLeast,
  roundVector,
  Skellam,
} from "../../../protocol/noise/index.ts";

/** Draws integers; each draw is independent. */
interface NoiseSource {
  draw(): number;
}

/**
 * The newest sampler of each source of randomness. Making one takes a second, drawing from it microseconds, and the rounds
 * of a campaign are alike; what is kept is a table that the announcement alone decides.
 */
const samplers = new WeakMap<RandomBytes, { readonly of: string; readonly source: NoiseSource }>();

/** This home's part of a round's noise; undefined for a round without. `random`: node:crypto's outside tests. */
function noiseOf(
  { noise, minMeters }: Pick<RoundContent, "noise" | "minMeters">,
  random: RandomBytes,
): NoiseSource | undefined {
  if (noise.mechanism === "none") return undefined;
  const variance = clientVariance({
    target: rationalAtLeast("variance", noise.variance),
    minimumClients: minMeters,
    colluders: noise.colluders,
  });
  const of = `${noise.mechanism} ${noise.variance} ${minMeters} ${noise.colluders}`;
  const known = samplers.get(random);
  if (known?.of === of) return known.source;
  const bits = new RandomBits(random);
  const source = noise.mechanism === "skellam" ? new Skellam(variance, bits) : new DiscreteGaussian(variance, bits);
  samplers.set(random, { of, source });
  return source;
}

/** Throws RangeError for a vector of another length than the round's, or with a number that is none. */
export function encodeVector(
  values: ArrayLike<number>,
  content: Pick<RoundContent, "vector" | "noise" | "minMeters">,
  random: RandomBytes,
): BigUint64Array {
  const { vector } = content;
  if (values.length !== vector.length) {
    throw new RangeError(`vector: expected ${vector.length} coordinates, got ${values.length}`);
  }
  const rounded = roundVector(clipped(values, vector), normBound(content), new RandomBits(random));
  const noise = noiseOf(content, random);
  return packLanes(noise === undefined ? rounded : rounded.map((value) => value + noise.draw()), vector);
}

/** In integers' units: scaled, and shortened to the norm of the round where it is longer. */
function clipped(values: ArrayLike<number>, { clip, scale }: RoundContent["vector"]): Float64Array {
  const norm = Math.hypot(...chunkNorms(values));
  // The value stays out of the message: it is a home's.
  if (!Number.isFinite(norm)) throw new RangeError("vector: expected finite numbers");
  const factor = norm > clip ? (scale * clip) / norm : scale;
  const most = scale * clip;
  // A coordinate may exceed the bound by what a double cannot hold, no more.
  return Float64Array.from(values, (value) => Math.min(most, Math.max(-most, value * factor)));
}

const CHUNK = 4_096;

/** Norms of parts: hypot neither overflows nor loses small ones, but takes only so many arguments. */
function chunkNorms(values: ArrayLike<number>): number[] {
  const all = Float64Array.from(values);
  return Array.from({ length: Math.ceil(all.length / CHUNK) }, (_, i) =>
    Math.hypot(...all.subarray(i * CHUNK, (i + 1) * CHUNK)),
  );
}
