/**
 * An aggregator's part of an opening: lambda * c1 * share + flooding noise, at the opened coefficients. The noise is
 * what keeps the part from saying more than the result does; docs/flooding.md has the analysis. What may be opened,
 * that it is opened once, and with which active set, is the caller's to enforce before.
 */
import type { Ring, RnsPoly } from "../ring/ring.ts";
import { gaussianNoise } from "../ring/gaussian.ts";
import type { RandomBytes } from "../ring/sample.ts";
import { lagrangeAtZero, type KeyShare } from "./share.ts";
import { coefficientsAt, openedCoefficients } from "./stride.ts";

export interface UnfloodedInput {
  readonly ring: Ring;
  /** The randomised ciphertext's second polynomial, in NTT form. */
  readonly c1: RnsPoly;
  readonly share: KeyShare;
  /** The indices of exactly t shares, this one among them. */
  readonly active: readonly number[];
  /** Only coefficients at multiples of this are opened; 1 opens all. */
  readonly stride: number;
}

export interface PartialInput extends UnfloodedInput {
  /** The standard deviation of the flooding noise is 2^sigmaBits. */
  readonly flooding: { readonly sigmaBits: number };
  /** A cryptographic source, never seeded by anything that another party knows. */
  readonly random: RandomBytes;
}

/** Throws RangeError unless `active` is t different indices of 1 to n. */
function assertActive(active: readonly number[], t: number, n: number): void {
  const known = active.every((index) => Number.isInteger(index) && index >= 1 && index <= n);
  if (!known || active.length !== t || new Set(active).size !== t) {
    throw new RangeError(`active: expected ${t} different indices from 1 to ${n}, got ${active.join(", ")}`);
  }
}

/** The part without its noise. It must never leave an aggregator: a few of them give the key share away. */
export function unfloodedPart(input: UnfloodedInput): RnsPoly {
  const { ring, c1, share, active, stride } = input;
  assertActive(active, share.t, share.n);
  if (!active.includes(share.index)) {
    throw new RangeError(`active: expected share ${share.index} among ${active.join(", ")}`);
  }
  const primes = ring.primeCount(c1);
  if (share.poly.length < c1.length) {
    throw new RangeError(`c1: expected at most ${ring.primeCount(share.poly)} primes, got ${primes}`);
  }
  const weights = ring.primes.slice(0, primes).map((prime) => lagrangeAtZero(active, share.index, prime));
  const product = ring.multiply(c1.slice(), share.poly.subarray(0, c1.length));
  return coefficientsAt(ring, ring.scale(product, weights), stride);
}

/** The part with its noise: coefficients at multiples of stride, prime-major. */
export function partial(input: PartialInput): RnsPoly {
  const { ring, c1, stride, flooding, random } = input;
  const width = openedCoefficients(ring, stride);
  const noise = gaussianNoise(width, flooding.sigmaBits, random);
  const part = unfloodedPart(input);
  for (const { weight, values } of noise.limbs) {
    ring.addSigned(part, values, weight, ring.primeCount(c1));
    values.fill(0);
  }
  return part;
}
