/** Public names of the envelopes: what is sealed, signed and chunked on the wire. */
export { type Ack, type AckOpener, type AckSealer, createAckOpener, createAckSealer } from "./ack.ts";
export { ChunkAssembler, type ChunkLimits, DEFAULT_CHUNK_LIMITS, splitChunks } from "./chunks.ts";
export {
  type CiphertextAck,
  openCiphertext,
  openCiphertextAck,
  sealCiphertext,
  signCiphertextAck,
} from "./ciphertext.ts";
export { type ClockTick, openClock, sealClock } from "./clock.ts";
export {
  type CiphertextDigest,
  createDigestOpener,
  createDigestSealer,
  type DigestOpener,
  type DigestSealer,
} from "./digest.ts";
export { readyOf, signReady } from "./endorsements.ts";
export { sealLetter, takeLetter, takeSignedLetter } from "./letter.ts";
export { openServerMessage, sealServerMessage, type ServerParty } from "./server-message.ts";
export {
  createShareOpener,
  createShareSealer,
  ENTRY_BYTES,
  type ShareMessage,
  type ShareOpener,
  type ShareSealer,
} from "./share.ts";
export { CONTEXT, sign1, type Signer, verify1 } from "./sign1.ts";
export type { Verified } from "./signature.ts";
export {
  createUpdateOpener,
  createUpdateSealer,
  type UpdateMessage,
  type UpdateOpener,
  type UpdateSealer,
} from "./update.ts";
