export { gaussianNoise, noiseFactors, SIGMA_BITS } from "./gaussian.ts";
export type { WideNoise } from "./gaussian.ts";
export { inverseMod, residue } from "./modular.ts";
export { bitsOfPrime, packedBytes, packResidues, unpackInto, unpackResidues } from "./pack.ts";
export type { PrimeRing } from "./prime-ring.ts";
export { Ring } from "./ring.ts";
export type { RnsPoly } from "./ring.ts";
export { centredBinomial, seededBytes, ternary, uniform } from "./sample.ts";
export type { RandomBytes } from "./sample.ts";
