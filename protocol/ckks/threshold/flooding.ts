/**
 * How much flooding noise an opening needs, and how much fits: the analysis of docs/flooding.md as code. Variances are
 * of one coefficient of a polynomial, in units of the encoded integers (a value times the scale).
 *
 * Formulas. A ciphertext's noise e depends on the secret key, and an opened result shows it (B. Li, D. Micciancio,
 * EUROCRYPT 2021). Each part therefore carries Gaussian noise of standard deviation sigma on the d opened coefficients.
 * The divergence (Kullback-Leibler) of a Gaussian moved by e from the same one not moved is |e|^2 / (2 sigma^2); it is
 * convex, so its mean over e bounds that of the mixture, and over openings chosen one after the other it adds up:
 * KL <= openings * d * V / (2 sigma^2) for noise of variance V. By Pinsker the statistical distance is at most
 * sqrt(KL / 2). That bounding the divergence, not the distance, is what costs half as many bits of noise for a
 * search-like notion of security is from B. Li, D. Micciancio, M. Schultz, J. Sorrell, CRYPTO 2022.
 */

import { SIGMA_BITS } from "../ring/gaussian.ts";

/** Variance of SEAL's noise: a centred binomial of 21 bits. */
const ERROR_VARIANCE = 10.5;
/** Variance of a uniform ternary coefficient: of the secret, and of encryption's randomness. */
const TERNARY_VARIANCE = 2 / 3;

/** Rounding both polynomials: 1/12 for c0, and c1's against the secret. */
export function roundingVariance(degree: number): number {
  return (1 + degree * TERNARY_VARIANCE) / 12;
}

/** A fresh encryption: noise of the public key against u, and of c1 against s, over the special prime; and rounding. */
export function freshVariance(degree: number, specialBits: number): number {
  const key = ERROR_VARIANCE * (1 + 2 * degree * TERNARY_VARIANCE);
  return key / 4 ** specialBits + roundingVariance(degree);
}

/** Bits of statistical distance (-log2 of it) left after `openings` openings of `opened` coefficients. */
export function distanceBits(variance: number, sigmaBits: number, openings: number, opened: number): number {
  return sigmaBits + 1 - Math.log2(openings * opened * variance) / 2;
}

/** The flooding that keeps the statistical distance below 2^-bits. */
export function sigmaBitsFor(variance: number, bits: number, openings: number, opened: number): number {
  return bits - 1 + Math.log2(openings * opened * variance) / 2;
}

export interface FloodingCase {
  readonly degree: number;
  /** Bits of each prime that ciphertexts have. */
  readonly primeBits: readonly number[];
  readonly specialBits: number;
  readonly stride: number;
  /** Fresh ciphertexts in the largest sum. */
  readonly meters: number;
  /** Bound on the largest sum divided by the meters, in Wh. */
  readonly largestPerMeterWh: number;
  readonly t: number;
  /** What an opened value may be wrong by, at `tail` standard deviations. */
  readonly errorWh: number;
  readonly tail: number;
  readonly openings: number;
}

export interface Margin {
  readonly scaleBits: number;
  /** Flooding of each aggregator: the most that leaves the values right. */
  readonly sigmaBits: number;
  /** Standard deviation of the noise to be hidden. */
  readonly noiseBits: number;
  /** -log2 of the statistical distance after all openings. */
  readonly distanceBits: number;
  /** -log2 of the divergence after all openings. */
  readonly divergenceBits: number;
  /** Bytes of one ciphertext: c1 whole, c0 at the opened coefficients. */
  readonly bytes: number;
}

/**
 * What a parameter set leaves for sums. The adversary may hold t - 1 shares, so only one aggregator's noise counts
 * as protection, while all t count as error. A slot's value is a sum of d coefficients, each with a root of unity, so
 * its real part has d/2 times the variance of a coefficient.
 */
export function margin(of: FloodingCase): Margin {
  const opened = of.degree / of.stride;
  const dataBits = of.primeBits.reduce((sum, bits) => sum + bits, 0);
  // One bit for the sign, and a tenth for the noise and for primes a little below their power of two.
  const scaleBits = Math.floor(dataBits - 1.1 - Math.log2(of.meters * of.largestPerMeterWh));
  // The encryption of zero that is added before opening is one more fresh ciphertext.
  const variance = (of.meters + 1) * freshVariance(of.degree, of.specialBits);
  const whole = Math.log2(of.errorWh / of.tail) + scaleBits - Math.log2((of.t * opened) / 2) / 2;
  const sigmaBits = Math.min(SIGMA_BITS.most, Math.floor(whole * 10) / 10);
  const distance = distanceBits(variance, sigmaBits, of.openings, opened);
  return {
    scaleBits,
    sigmaBits,
    noiseBits: Math.log2(variance) / 2,
    distanceBits: distance,
    divergenceBits: 2 * distance - 1,
    bytes: of.primeBits.reduce(
      (sum, bits) => sum + Math.ceil((of.degree * bits) / 8) + Math.ceil((opened * bits) / 8),
      0,
    ),
  };
}

const CANDIDATES = [
  { degree: 4096, primeBits: [36, 36], specialBits: 37 },
  { degree: 4096, primeBits: [43, 42], specialBits: 24 },
  { degree: 4096, primeBits: [45, 45], specialBits: 19 },
  { degree: 8192, primeBits: [60, 60], specialBits: 60 },
  { degree: 8192, primeBits: [55, 55, 55], specialBits: 53 },
];

/** The table of docs/flooding.md, in Markdown. */
export function floodingTable(openings = 10_000): string {
  const rows = CANDIDATES.flatMap((candidate) =>
    [candidate.degree / 256, 1].map((stride) => {
      const cells = [10, 1000, 10_000].flatMap((meters) =>
        [2, 3].map((t) => {
          const common = { meters, largestPerMeterWh: 8192, errorWh: 0.5, tail: 6, openings };
          const { scaleBits, sigmaBits, distanceBits: bits } = margin({ ...candidate, stride, t, ...common });
          return `${scaleBits} / ${sigmaBits.toFixed(1)} / ${bits > 0 ? bits.toFixed(1) : "none"}`;
        }),
      );
      const common = { meters: 10, largestPerMeterWh: 8192, errorWh: 0.5, tail: 6, openings, t: 2 };
      const { bytes } = margin({ ...candidate, stride, ...common });
      const set = `${candidate.degree} {${[...candidate.primeBits, candidate.specialBits].join(", ")}}`;
      return `| ${[set, candidate.degree / stride, bytes, ...cells].join(" | ")} |`;
    }),
  );
  const heads = [10, 1000, 10_000].flatMap((meters) => [2, 3].map((t) => `${meters} meters, t = ${t}`));
  const head = ["N {primes, special}", "opened", "bytes", ...heads];
  return [`| ${head.join(" | ")} |`, `| ${head.map(() => "---").join(" | ")} |`, ...rows].join("\n");
}
