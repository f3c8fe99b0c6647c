/** Exact noise and rounding, and how clients share the adding of it. What it is worth is worked out in analytics/privacy. */
export { RandomBits, type RandomBytes } from "./bits.ts";
export { clientVariance, type NoiseSplit, sumBits, type SumNoise, sumNoise } from "./distributed.ts";
export { DiscreteGaussian } from "./gaussian.ts";
export { Skellam } from "./poisson.ts";
export { type Rational, rationalAtLeast, toNumber } from "./rational.ts";
export { roundByChance, roundedNorm, roundVector } from "./rounding.ts";
