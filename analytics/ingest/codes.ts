/** Why a ciphertext is not taken. */

export type IngestErrorCode =
  | "unknown-meter"
  | "wrong-series"
  | "wrong-window"
  | "wrong-parameters"
  /** Of keys that this process does not know yet. */
  | "unknown-epoch"
  | "wrong-size"
  | "wrong-level"
  | "wrong-scale"
  | "malformed"
  /** Nothing proves that the meter made it. */
  | "not-its-own"
  | "closed"
  | "future"
  | "busy";

/** A ciphertext that is not taken; counted under its code. */
export class IngestError extends Error {
  readonly code: string;
  /** The window it claims to be of, where that could be read: then the meter can be told. */
  readonly firstSlot: number | undefined;

  constructor(code: IngestErrorCode | (string & {}), message: string, firstSlot?: number) {
    super(message);
    this.name = "IngestError";
    this.code = code;
    this.firstSlot = firstSlot;
  }
}
