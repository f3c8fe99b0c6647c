/** CKKS for everyone but the dealer: generateKeys and dealing are imported from their own files. */
export * from "./circuits/index.ts";
export { CkksError } from "./errors.ts";
export type { CkksErrorCode } from "./errors.ts";
export {
  decodeTranscript,
  describeOutput,
  encodeTranscript,
  jobIdOf,
  outputSeed,
  randomisationSeed,
  transcriptHash,
} from "./job.ts";
export { halfDigest, packHalf } from "./half.ts";
export type { JobInput, JobOutput, Transcript } from "./job.ts";
export {
  packCiphertext,
  packedDigest,
  packedSize,
  periodOf,
  pickCoefficients,
  rawOfPacked,
  repeatWindow,
  spreadCoefficients,
  strideOf,
  unpackCiphertext,
} from "./packed.ts";
export type { PackedWindow, PackingRing, Window } from "./packed.ts";
export {
  assertParameters,
  dataBits,
  dataLevels,
  maxModulusBits,
  modulusBits,
  PARAMETER_SETS,
  parametersId,
} from "./parameters.ts";
export type { CkksParameters } from "./parameters.ts";
export { CkksEngine } from "./seal/engine.ts";
export type { EncodeOptions } from "./seal/engine.ts";
export type { PublicMaterial } from "./seal/engine-keys.ts";
export type { RawCiphertext, RawPlaintext, RnsPoly } from "./seal/layout.ts";
export { LiveObjects } from "./seal/load.ts";
export { Ciphertext, Plaintext } from "./seal/objects.ts";
