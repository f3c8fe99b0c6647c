/**
 * What every party may know of threshold opening. Dealing, parts and combining are imported from their own files, each by
 * the one party that does it: whoever can load a step can perform it.
 */
export { decodeShare, encodeShare } from "./share.ts";
export type { KeyShare } from "./share.ts";
export { coefficientsAt } from "./stride.ts";
export { randomiseC0, randomiseC1, zeroEncryption } from "./zero.ts";
export type { PublicKeyPolys } from "./zero.ts";
