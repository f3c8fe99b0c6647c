/** Ed25519 and X25519 keys between node's key objects and the 32 raw bytes that travel in messages. */
import { createPublicKey, type KeyObject } from "node:crypto";

export const RAW_KEY_BYTES = 32;
type Curve = "Ed25519" | "X25519";

/** The raw public half of an Ed25519 or X25519 key, given either half. */
export function rawPublicKey(key: KeyObject): Uint8Array {
  return fromJwk(key, "x");
}

/** The raw private half of an Ed25519 or X25519 private key. */
export function rawPrivateKey(key: KeyObject): Uint8Array {
  return fromJwk(key, "d");
}

/** A public key from its 32 raw bytes; throws RangeError for another length. */
export function publicKeyFromRaw(curve: Curve, raw: Uint8Array): KeyObject {
  if (raw.length !== RAW_KEY_BYTES) throw new RangeError(`raw: expected ${RAW_KEY_BYTES} bytes, got ${raw.length}`);
  const x = Buffer.from(raw).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: curve, x }, format: "jwk" });
}

function fromJwk(key: KeyObject, part: "x" | "d"): Uint8Array {
  const value = key.export({ format: "jwk" })[part];
  if (typeof value !== "string") throw new RangeError(`key: has no part ${part}`);
  return Uint8Array.from(Buffer.from(value, "base64url"));
}
