/** The name of a log where the configuration gives none: it follows from the key, so that all parties agree on it. */
import { createHash, type KeyObject } from "node:crypto";
import { rawPublicKey } from "../keys/raw.ts";

const DIGITS = 16;

/** `wattveil/<16 hex digits>` for the key's public half, given either half. */
export function originOf(key: KeyObject): string {
  return `wattveil/${createHash("sha256").update(rawPublicKey(key)).digest("hex").slice(0, DIGITS)}`;
}
