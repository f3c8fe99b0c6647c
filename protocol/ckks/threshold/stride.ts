/**
 * Sparse packing: a window of w values repeats over the slots, its plaintext is a polynomial in X^stride, and only the
 * coefficients at multiples of stride are ever sent or opened.
 */
import type { Ring, RnsPoly } from "../ring/ring.ts";

/** Coefficients that are opened. Throws RangeError unless stride is a power of two up to degree / 2. */
export function openedCoefficients(ring: Ring, stride: number): number {
  if (!Number.isInteger(Math.log2(stride)) || stride < 1 || stride > ring.degree / 2) {
    throw new RangeError(`stride: expected a power of two from 1 to ${ring.degree / 2}, got ${stride}`);
  }
  return ring.degree / stride;
}

/** The coefficients at multiples of `stride` of a polynomial in NTT form, prime-major. Leaves `poly` as it is. */
export function coefficientsAt(ring: Ring, poly: RnsPoly, stride: number): RnsPoly {
  const width = openedCoefficients(ring, stride);
  const primes = ring.primeCount(poly);
  const whole = ring.inverse(poly.slice());
  if (stride === 1) return whole;
  const picked = new BigUint64Array(primes * width);
  for (let at = 0; at < picked.length; at++) picked[at] = whole[at * stride]!;
  return picked;
}

/** How many primes a vector of opened coefficients has. Throws RangeError on another length. */
export function openedPrimes(ring: Ring, coefficients: RnsPoly, stride: number): number {
  const width = openedCoefficients(ring, stride);
  const primes = coefficients.length / width;
  if (!Number.isInteger(primes) || primes < 1 || primes > ring.primes.length) {
    throw new RangeError(
      `coefficients: expected 1 to ${ring.primes.length} times ${width} residues, got ${coefficients.length}`,
    );
  }
  return primes;
}
