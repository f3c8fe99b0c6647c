/** What can be wrong with a connection to the broker. */

import { ExplainedError } from "../faults.ts";

export type LinkErrorCode =
  /** Not connected at the moment: nothing was sent. */
  | "offline"
  /** The connection broke before the broker acknowledged: the message may or may not have arrived. */
  | "lost"
  /** Too many messages or bytes are waiting: nothing was sent. */
  | "full"
  /** The link was closed by its owner. */
  | "closed"
  /** The broker does not accept this party. */
  | "refused"
  /** Another process uses this party's keys: both throw each other out. */
  | "taken-over"
  /** What answers is not our broker. */
  | "untrusted"
  /** The broker refused a subscription. */
  | "subscription"
  /** The broker could not be reached, or did not answer in time. */
  | "unreachable";

export class LinkError extends ExplainedError {
  readonly code: LinkErrorCode;

  constructor(code: LinkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LinkError";
    this.code = code;
  }
}

/** Faults that trying again does not cure: a party that meets one at its start gives up. */
export function isLasting(error: LinkError): boolean {
  return error.code === "refused" || error.code === "untrusted" || error.code === "subscription";
}

/** CONNACK codes of MQTT 3.1.1, section 3.2.2.3; 3 (server unavailable) passes. */
const LASTING_REFUSALS = new Set([1, 2, 4, 5]);
const UNTRUSTED =
  /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_CERT|ERR_SSL_.*(ALERT|WRONG_VERSION|UNKNOWN_CA))/;

/** Names the cause of a failed connection; `where` is `host:port`. */
export function connectionError(error: unknown, where: string): LinkError {
  if (error instanceof LinkError) return error;
  const { code, message } = describe(error);
  const cause = { cause: error };
  if (typeof code === "number") {
    const kind = LASTING_REFUSALS.has(code) ? "refused" : "unreachable";
    return new LinkError(kind, `the broker at ${where} refused the connection: ${message}`, cause);
  }
  if (code !== undefined && UNTRUSTED.test(code)) {
    return new LinkError("untrusted", `no trusted connection to the broker at ${where}: ${message} (${code})`, cause);
  }
  return new LinkError("unreachable", `the broker at ${where} cannot be reached: ${message}`, cause);
}

function describe(error: unknown): { code: string | number | undefined; message: string } {
  if (!(error instanceof Error)) return { code: undefined, message: String(error) };
  const { code } = error as { code?: unknown };
  // Several addresses of one host fail together: the message of the whole is empty.
  const message = error.message === "" ? String(code) : error.message;
  return { code: typeof code === "string" || typeof code === "number" ? code : undefined, message };
}
