/**
 * A bound on the norm of a home's integers that is proved on shares (docs/decisions/012-norm-bounds.md): the home shares the
 * bits of its coordinates, and those of what is left up to the bound. Here is what that takes, and how long an honest home's
 * integers get. The elements that are summed follow from the shares of bits, and are not sent.
 */
import { FIELD_PRIME } from "../field.ts";
import { gaussianNorm, skellamNorm } from "../noise/norm-tail.ts";
import { type Clipped, normBound } from "./norm.ts";
import { elementsOf, HOME_MISS_BITS, homeVariance, type Sized } from "./shape.ts";

interface Bounded {
  readonly vector: { readonly length: number; readonly lanes: number };
  readonly bound?: { readonly squares: number } | undefined;
}

/** What `honestSquares` reads of a round. */
interface Noised extends Clipped, Pick<Sized, "minMeters"> {
  readonly noise: Sized["noise"] & { readonly mechanism: "none" | "skellam" | "discrete-gaussian" };
}

/** Bits that a bound takes: of what is left up to it, and of each coordinate with its sign. */
export interface BoundBits {
  readonly slack: number;
  readonly coordinate: number;
}

/** Every integer whose square is within `squares` has a coordinate's bits. */
export function boundBits({ squares }: { readonly squares: number }): BoundBits {
  const slack = squares.toString(2).length;
  return { slack, coordinate: 1 + Math.ceil(slack / 2) };
}

/** Field elements that a home shares. */
export function sharedElements({ vector, bound }: Bounded): number {
  if (bound === undefined) return elementsOf(vector);
  const { slack, coordinate } = boundBits(bound);
  return vector.length * coordinate + slack;
}

/** Whether the squares of any coordinates of these bits, and any slack, add up to less than p: nothing wraps around. */
export function holdsWithoutWrap({ vector }: Bounded, bound: { readonly squares: number }): boolean {
  const { slack, coordinate } = boundBits(bound);
  return BigInt(vector.length) * 4n ** BigInt(coordinate - 1) + 2n ** BigInt(slack) < FIELD_PRIME;
}

/** The least bound that a home which follows the announcement keeps with all but the chance of 2^-80. */
export function honestSquares(content: Noised): number {
  const { vector, noise } = content;
  const clear = normBound(content);
  if (noise.mechanism === "none") return Math.ceil(clear * clear);
  // A home's noise is made from a multiple of 2^-20 that is not below the announced variance.
  const variance = homeVariance(content) + 2 ** -20;
  const normOf = noise.mechanism === "skellam" ? skellamNorm : gaussianNorm;
  const norm = clear + normOf(variance, vector.length, HOME_MISS_BITS * Math.LN2);
  return Math.ceil(norm * norm);
}

/**
 * What a home shares of its integers: the bits of each coordinate plus 2^(bits - 1), lowest first, then those of what their
 * squares leave of the bound. Throws RangeError where they are beyond it: then it does not take part.
 */
export function boundElements(
  values: readonly number[],
  { vector, bound }: Pick<Bounded, "vector"> & { readonly bound: { readonly squares: number } },
): BigUint64Array {
  const { squares } = bound;
  if (values.length !== vector.length) {
    throw new RangeError(`values: expected ${vector.length} coordinates, got ${values.length}`);
  }
  const sum = values.reduce((all, value) => all + value * value, 0);
  // Sums of squares beyond 2^53 are beyond any bound, too.
  if (!(sum <= squares)) throw new RangeError("values: their norm is beyond the bound of the round");
  const { slack, coordinate } = boundBits(bound);
  const elements = new BigUint64Array(vector.length * coordinate + slack);
  let at = 0;
  const write = (value: bigint, bits: number): void => {
    for (let bit = 0; bit < bits; bit++) elements[at++] = (value >> BigInt(bit)) & 1n;
  };
  for (const value of values) write(BigInt(value) + 2n ** BigInt(coordinate - 1), coordinate);
  write(BigInt(squares - sum), slack);
  return elements;
}
