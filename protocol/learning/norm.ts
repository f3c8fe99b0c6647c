/** How long a home's vector of integers can be, before noise. */
import { roundedNorm } from "../noise/rounding.ts";

/** A rounding of a vector is made again when its norm is beyond a bound that it exceeds with at most this chance. */
const ROUNDING_BETA = Math.exp(-0.5);

/** What `normBound` reads of a round. */
export interface Clipped {
  readonly vector: { readonly length: number; readonly clip: number; readonly scale: number };
}

/** The most that the Euclidean norm of a home's vector of integers can be; homes round until it holds. */
export function normBound({ vector: { clip, scale, length } }: Clipped): number {
  return roundedNorm(clip * scale, length, ROUNDING_BETA);
}
