/**
 * A home's vector as integers that noise hides: clipped to the norm of the round, rounded by chance to integers whose norm
 * is bounded for certain, its part of the noise added. Devices do this, and simulations of them.
 */
import {
  clientVariance,
  DiscreteGaussian,
  type RandomBits,
  rationalAtLeast,
  roundVector,
  Skellam,
} from "../noise/index.ts";
import type { RoundContent } from "./content.ts";
import { normBound } from "./norm.ts";

/** Draws integers; each draw is independent. */
export interface NoiseSource {
  draw(): number;
}

/** One home's part of a round's noise; undefined for a round without. Making it takes longer than drawing from it. */
export function homeNoise(
  { noise, minMeters }: Pick<RoundContent, "noise" | "minMeters">,
  bits: RandomBits,
): NoiseSource | undefined {
  if (noise.mechanism === "none") return undefined;
  const target = rationalAtLeast("variance", noise.variance);
  const variance = clientVariance({ target, minimumClients: minMeters, colluders: noise.colluders });
  return noise.mechanism === "skellam" ? new Skellam(variance, bits) : new DiscreteGaussian(variance, bits);
}

/** Throws RangeError for a vector of another length than the round's, or with a number that is none. */
export function homeIntegers(
  content: Pick<RoundContent, "vector">,
  values: ArrayLike<number>,
  bits: RandomBits,
  noise: NoiseSource | undefined,
): number[] {
  const { vector } = content;
  if (values.length !== vector.length) {
    throw new RangeError(`vector: expected ${vector.length} coordinates, got ${values.length}`);
  }
  const rounded = roundVector(clipped(values, vector), normBound(content), bits);
  return noise === undefined ? rounded : rounded.map((value) => value + noise.draw());
}

/** What has a norm that no double holds is divided by it: what is left is longer than any clip, and a double holds its norm. */
const FAR = 2 ** 600;

/** In integers' units: scaled, and shortened to the norm of the round where it is longer. */
function clipped(values: ArrayLike<number>, vector: RoundContent["vector"]): Float64Array {
  const { clip, scale } = vector;
  // The value stays out of the message: it is a home's.
  if (!Array.from(values).every(Number.isFinite)) throw new RangeError("vector: expected finite numbers");
  const norm = Math.hypot(...chunkNorms(values));
  // It is shortened in any case: only its direction counts.
  if (norm === Number.POSITIVE_INFINITY)
    return clipped(
      Float64Array.from(values, (value) => value / FAR),
      vector,
    );
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
