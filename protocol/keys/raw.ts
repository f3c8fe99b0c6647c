/** Ed25519 and X25519 keys between node's key objects and the 32 raw bytes that travel in messages. */
import { createPublicKey, type KeyObject } from "node:crypto";

export const RAW_KEY_BYTES = 32;
type Curve = "Ed25519" | "X25519";

/** As node calls them: with these, SubjectPublicKeyInfo and PKCS#8 end in the raw key (RFC 8410). */
const CURVES = new Set(["ed25519", "x25519"]);

/** The raw public half of an Ed25519 or X25519 key, given either half; throws RangeError for another curve. */
export function rawPublicKey(key: KeyObject): Uint8Array {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return rawEnd(publicKey, () => publicKey.export({ type: "spki", format: "der" }));
}

/** The raw private half of an Ed25519 or X25519 private key; throws RangeError for any other. */
export function rawPrivateKey(key: KeyObject): Uint8Array {
  if (key.type !== "private") throw new RangeError(`key: expected a private key, got a ${key.type} one`);
  return rawEnd(key, () => key.export({ type: "pkcs8", format: "der" }));
}

/** A public key from its 32 raw bytes; throws RangeError for another length. */
export function publicKeyFromRaw(curve: Curve, raw: Uint8Array): KeyObject {
  if (raw.length !== RAW_KEY_BYTES) throw new RangeError(`raw: expected ${RAW_KEY_BYTES} bytes, got ${raw.length}`);
  const x = Buffer.from(raw).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: curve, x }, format: "jwk" });
}

/**
 * Not by way of a JWK, for all that it takes a fiftieth of the time: while node writes one it holds a lock of the key and
 * makes strings. Should that start a collection of garbage, and the key have come from `generateKeyPairSync`, what is left
 * of its making is collected, which takes the same lock: the thread stands still for ever.
 */
function rawEnd(key: KeyObject, encode: () => Buffer): Uint8Array {
  if (!CURVES.has(key.asymmetricKeyType ?? "")) {
    throw new RangeError(`key: expected one of Ed25519 or X25519, got ${key.asymmetricKeyType ?? key.type}`);
  }
  return Uint8Array.from(encode().subarray(-RAW_KEY_BYTES));
}
