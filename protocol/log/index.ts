/** Public names of the log's formats and proofs: all of it is computing, nothing reads a file or a database. */
export {
  type Checkpoint,
  type Cosigned,
  type LogPolicy,
  openCheckpoint,
  type OpenedCheckpoint,
  parseCheckpoint,
  parseSize,
  signCheckpoint,
} from "./checkpoint.ts";
export {
  assertCommitted,
  commit,
  decodeEntry,
  encodeEntry,
  type Entry,
  type EntryContent,
  ENTRY_TYPES,
  type EntryType,
  SALT_BYTES,
} from "./entry.ts";
export { LogError, type LogErrorCode } from "./errors.ts";
export { formatProof } from "./logged-proof.ts";
export { HASH_BYTES, leafHash, merkleRoot, nodeHash } from "./merkle.ts";
export {
  cosignNote,
  formatKey,
  formatNote,
  formatSignature,
  NOTE_TYPE,
  type NoteKey,
  noteKey,
  type NoteSigner,
  parseKey,
  parseNote,
  parseSignature,
  verifyNote,
} from "./note.ts";
export { originOf } from "./origin.ts";
export { formatPolicy, parsePolicy } from "./policy.ts";
export {
  consistencyRanges,
  inclusionRanges,
  type Range,
  sameBytes,
  verifyConsistency,
  verifyInclusion,
} from "./proofs.ts";
export {
  formatReceipt,
  parseBill,
  parseReceipt,
  type Receipt,
  tariffName,
  type VerifiedReceipt,
  verifyReceipt,
} from "./receipt.ts";
export {
  expandTile,
  foldNodes,
  levelsOf,
  levelWidth,
  nodeIn,
  type NodeId,
  nodesOf,
  TILE_WIDTH,
  type TileId,
  tileOf,
  tilePath,
} from "./tiles.ts";
export { formatWitnessRequest, parseWitnessRequest, type WitnessRequest } from "./witness-request.ts";
