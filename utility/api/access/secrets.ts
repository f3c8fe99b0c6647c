/** Session ids and API tokens: 256 random bits that are shown once and kept as their SHA-256. */
import { createHash, randomBytes } from "node:crypto";

const TOKEN_PREFIX = "wvt_";

export interface NewSecret {
  readonly secret: string;
  readonly hash: Buffer;
}

/** `token`: with a prefix by which scanners of repositories find one that was leaked. */
export function newSecret(kind: "session" | "token"): NewSecret {
  const secret = (kind === "token" ? TOKEN_PREFIX : "") + randomBytes(32).toString("base64url");
  return { secret, hash: hashSecret(secret) };
}

/** A secret has 256 bits of its own: one SHA-256 hides it. */
export function hashSecret(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
