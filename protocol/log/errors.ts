/** What can be wrong with something that a log said, or that somebody says it said. */
export type LogErrorCode =
  | "malformed"
  | "wrong-origin"
  | "unknown-key"
  | "bad-signature"
  | "bad-inclusion"
  | "bad-consistency"
  | "too-few-witnesses"
  | "bad-commitment"
  | "wrong-bill";

/** A log's fault, or that of whoever hands on what it said. A caller's own fault is a RangeError. */
export class LogError extends Error {
  readonly code: LogErrorCode;

  constructor(code: LogErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LogError";
    this.code = code;
  }
}
