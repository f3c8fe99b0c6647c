/**
 * The upper bits of residue polynomials: what is left of a coefficient modulo q, as a fraction of q, when all but its
 * first bits are dropped. Two polynomials that differ by little have the same upper bits nearly everywhere.
 */
import { inverseMod } from "../ring/modular.ts";
import type { Ring, RnsPoly } from "../ring/index.ts";

/** What a sum of L fractions, each rounded to a double, is wrong by: (L + 1) of these. */
const DOUBLE_ERROR = 2 ** -51;
/** Of all coefficients together, the share that may stand too near to an edge. */
const EDGE_SHARE = 1 / 16;

/** How a polynomial of so many primes is rounded. */
export interface Rounding {
  /** Upper bits of each coefficient. */
  readonly bits: number;
  /** The distance from an edge, as a fraction of a step, within which `most` and the doubles' error may cross it. */
  readonly edge: number;
}

/** The finest rounding that differences of up to `most` rarely cross; `bits` may come out negative: then there is none. */
export function roundingFor(degree: number, primes: readonly bigint[], most: bigint): Rounding {
  const room = Math.log2(EDGE_SHARE / degree);
  const modulusBits = primes.reduce((sum, prime) => sum + Math.log2(Number(prime)), 0);
  const doubles = -Math.log2((primes.length + 1) * DOUBLE_ERROR);
  const difference = Math.log2(Number(most));
  const bits = Math.floor(room + Math.min(doubles, modulusBits - difference));
  return { bits, edge: 2 ** (bits - doubles) + 2 ** (bits + difference - modulusBits) };
}

export interface UpperBits {
  /** For each coefficient its upper bits: an integer below 2^bits. */
  readonly values: Float64Array;
  /** Whether every coefficient is so far from an edge that a difference of `most` changes none. */
  readonly settled: boolean;
}

/**
 * The upper bits of a polynomial in coefficient form, which is used up. Sums and products of doubles are the same on
 * every machine, so everybody finds the same bits of the same polynomial.
 */
export function upperBits(ring: Ring, poly: RnsPoly, { bits, edge }: Rounding): UpperBits {
  const level = ring.primeCount(poly);
  const primes = ring.primes.slice(0, level);
  const others = primes.map((prime) => primes.reduce((product, one) => (one === prime ? product : product * one), 1n));
  ring.scale(
    poly,
    primes.map((prime, i) => inverseMod(others[i]!, prime)),
  );
  // By the Chinese remainder theorem the sum of these fractions is the coefficient over q, but for whole numbers.
  const words = new Uint32Array(poly.buffer, poly.byteOffset, 2 * poly.length);
  const values = new Float64Array(ring.degree);
  for (let index = 0; index < level; index++) {
    const prime = Number(primes[index]!);
    const from = 2 * index * ring.degree;
    for (let place = 0; place < ring.degree; place++) {
      const residue = words[from + 2 * place + 1]! * 2 ** 32 + words[from + 2 * place]!;
      values[place] = values[place]! + residue / prime;
    }
  }
  const steps = 2 ** bits;
  let settled = true;
  for (let place = 0; place < values.length; place++) {
    const fraction = values[place]! % 1;
    const scaled = fraction * steps;
    const upper = Math.floor(scaled);
    const rest = scaled - upper;
    if (rest < edge || rest > 1 - edge) settled = false;
    values[place] = upper;
  }
  return { values, settled };
}
