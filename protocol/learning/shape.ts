/** How large things get in a learning round: elements of a vector, and what a coordinate of an honest sum can reach. */
import { CHUNK_BYTES } from "../topics.ts";

const ELEMENT_BITS = 61;
/** Field elements of the longest vector: its packed shares and their envelope are one message that any broker takes. */
export const MAX_ELEMENTS = Math.floor((8 * CHUNK_BYTES) / ELEMENT_BITS);

interface Lanes {
  readonly length: number;
  readonly lanes: number;
}

/** What `reach` reads of a round. */
export interface Sized {
  readonly minMeters: number;
  readonly vector: { readonly length: number; readonly clip: number; readonly scale: number };
  readonly noise: { readonly variance: number; readonly colluders: number };
}

/** Field elements of a vector. */
export function elementsOf({ length, lanes }: Lanes): number {
  return Math.ceil(length / lanes);
}

/** The largest integer that a clipped and rounded coordinate can be, before noise. */
function largestOf({ vector: { clip, scale } }: Pick<Sized, "vector">): number {
  return Math.ceil(clip * scale);
}

/** The variance of each home's noise, in integers squared. */
export function homeVariance({ minMeters, noise }: Pick<Sized, "minMeters" | "noise">): number {
  return noise.variance / (minMeters - noise.colluders);
}

/** An honest home's integers exceed the bound of a round with a chance below this: 2^-80. */
export const HOME_MISS_BITS = 80;
/** A round asks about fewer than 2^16 homes. */
const MOST_HOMES_BITS = 16;
/**
 * The chance that any home of a round with a bound does not take part because of what noise it drew: 2^-64. By so much the
 * distribution of what is opened may differ from the one that its privacy is worked out for.
 */
export const ROUND_MISS = 2 ** (MOST_HOMES_BITS - HOME_MISS_BITS);

/** Honest sums exceed their reach with a chance below this: 2^-40 for all coordinates of a vector together. */
const MISS_BITS = 40;

/**
 * How far from 0 a coordinate of a sum over `homes` honest homes can be: all their vectors, and the tail of their
 * noise. Sums of Skellam noise stay within sqrt(2 v t) + t / 3 by Bernstein's inequality, those of discrete
 * Gaussians within the first term alone, with probability 1 - 2 exp(-t), for variance v.
 */
export function reach(content: Sized, homes: number): number {
  const vectors = homes * largestOf(content);
  if (content.noise.variance === 0) return vectors;
  const t = Math.log(2 * content.vector.length) + MISS_BITS * Math.LN2;
  return Math.ceil(vectors + Math.sqrt(2 * homes * homeVariance(content) * t) + t / 3);
}
