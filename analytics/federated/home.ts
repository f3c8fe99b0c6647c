/**
 * A home of the simulation between its training and its shares: clipping, rounding by chance, its part of the noise. The
 * integers are exactly those of the protocol. Real homes do this on their own devices, and nobody else sees it.
 */
import { normBound, type RoundContent } from "../../protocol/learning/index.ts";
import {
  clientVariance,
  DiscreteGaussian,
  type RandomBits,
  rationalAtLeast,
  roundVector,
  Skellam,
} from "../../protocol/noise/index.ts";

export interface NoiseSource {
  draw(): number;
}

/** One home's part of a round's noise, or undefined without. Making it takes longer than drawing from it. */
export function homeNoise(
  { noise, minMeters }: Pick<RoundContent, "noise" | "minMeters">,
  bits: RandomBits,
): NoiseSource | undefined {
  if (noise.mechanism === "none") return undefined;
  const target = rationalAtLeast("variance", noise.variance);
  const variance = clientVariance({ target, minimumClients: minMeters, colluders: noise.colluders });
  return noise.mechanism === "skellam" ? new Skellam(variance, bits) : new DiscreteGaussian(variance, bits);
}

/** The integers of a home's update. Throws RangeError for a wrong length or numbers that are not finite. */
export function homeIntegers(
  content: Pick<RoundContent, "vector">,
  update: Float64Array,
  bits: RandomBits,
  noise: NoiseSource | undefined,
): number[] {
  const { clip, scale, length } = content.vector;
  if (update.length !== length) throw new RangeError(`update: expected ${length} numbers, got ${update.length}`);
  const norm = Math.sqrt(update.reduce((sum, value) => sum + value * value, 0));
  // The value stays out of the message: it is a home's.
  if (!Number.isFinite(norm)) throw new RangeError("update: expected finite numbers");
  const factor = scale * Math.min(1, clip / norm);
  const clipped = update.map((value) =>
    norm === 0 ? 0 : Math.min(scale * clip, Math.max(-scale * clip, value * factor)),
  );
  const rounded = roundVector(clipped, normBound(content), bits);
  return noise === undefined ? rounded : rounded.map((value) => value + noise.draw());
}
