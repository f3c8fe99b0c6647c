/** Exact noise and rounding, and how clients share the adding of it. What it is worth is worked out in analytics/privacy. */
export { bernoulli, bernoulliDouble, bernoulliExp, bernoulliExpBig } from "./bernoulli.ts";
export { RandomBits, type RandomBytes } from "./bits.ts";
export { clientVariance, type NoiseSplit, sumBits, type SumNoise, sumNoise } from "./distributed.ts";
export { DiscreteGaussian, discreteLaplace } from "./gaussian.ts";
export { Poisson, Skellam } from "./poisson.ts";
export { integerSquareRoot, type Rational, rationalAtLeast, toNumber } from "./rational.ts";
export { roundByChance, roundedNorm, roundVector } from "./rounding.ts";
