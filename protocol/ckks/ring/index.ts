export { SIGMA_BITS } from "./gaussian.ts";
export { bitsOfPrime, packedBytes, packResidues, unpackInto, unpackResidues } from "./pack.ts";
export type { PrimeRing } from "./prime-ring.ts";
export { Ring } from "./ring.ts";
export type { RnsPoly } from "./ring.ts";
export type { RandomBytes } from "./sample.ts";
