/** CKKS for everyone but the dealer: generateKeys and dealing are imported from their own files. */
export * from "./circuits/index.ts";
export type { CkksErrorCode } from "./errors.ts";
export type { JobInput, JobOutput, Transcript } from "./job.ts";
export { unpackCiphertext } from "./packed.ts";
export type { PackedWindow, PackingRing, Window } from "./packed.ts";
export { dataLevels } from "./parameters.ts";
export type { CkksParameters } from "./parameters.ts";
export { CkksEngine } from "./seal/engine.ts";
export type { EncodeOptions } from "./seal/engine.ts";
export type { PublicMaterial } from "./seal/engine-keys.ts";
export type { RawCiphertext, RawPlaintext, RnsPoly } from "./seal/layout.ts";
