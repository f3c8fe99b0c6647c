/**
 * What can be wrong with something that another party sent. Every refusal has a code, which is counted and logged;
 * the message names what was expected and never holds key material, plaintext or shares.
 */
export type ProtocolErrorCode =
  | "malformed"
  | "wrong-version"
  | "wrong-length"
  | "wrong-bits"
  | "wrong-topic"
  | "wrong-sender"
  | "bad-seal"
  | "bad-signature"
  | "replayed"
  | "boot-leap"
  | "unknown-kind";

/** A peer's fault. A caller's own fault is a RangeError instead. */
export class ProtocolError extends Error {
  readonly code: ProtocolErrorCode;

  constructor(code: ProtocolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ProtocolError";
    this.code = code;
  }
}
