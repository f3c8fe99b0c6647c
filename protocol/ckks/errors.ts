/**
 * What can be wrong with key material, ciphertexts and transcripts that another party made. A code per cause, which is
 * counted and logged; messages name lengths, levels and places, never residues or keys.
 */
export type CkksErrorCode =
  | "wrong-parameters"
  | "malformed"
  | "wrong-level"
  | "wrong-scale"
  | "wrong-size"
  | "wrong-window"
  | "wrong-digest"
  /** Nothing proves that its sender made it. */
  | "not-its-own"
  | "not-secure"
  | "unknown-circuit"
  /** Of keys that are newer than those known here. */
  | "unknown-epoch";

/** A peer's fault. A caller's own fault is a RangeError instead. */
export class CkksError extends Error {
  readonly code: CkksErrorCode;

  constructor(code: CkksErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CkksError";
    this.code = code;
  }
}
