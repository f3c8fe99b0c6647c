/**
 * What of `node:crypto` the check of receipts calls, for browsers: SHA-256, HMAC and Ed25519 of noble. The check itself is
 * the one of `npm run receipt`, line for line; only this file stands in for node's.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { Buffer } from "buffer";

type Input = string | Uint8Array;

function bytesOf(input: Input): Uint8Array {
  return typeof input === "string" ? new TextEncoder().encode(input) : input;
}

function assertSha256(algorithm: string): void {
  if (algorithm !== "sha256") throw new RangeError(`algorithm: expected sha256, got ${algorithm}`);
}

interface Digest {
  update: (input: Input) => Digest;
  digest: (encoding?: "hex") => Buffer | string;
}

function digestOf(state: { update: (bytes: Uint8Array) => unknown; digest: () => Uint8Array }): Digest {
  const self: Digest = {
    update: (input) => {
      state.update(bytesOf(input));
      return self;
    },
    digest: (encoding) => {
      const bytes = Buffer.from(state.digest());
      return encoding === undefined ? bytes : bytes.toString(encoding);
    },
  };
  return self;
}

export function createHash(algorithm: string): Digest {
  assertSha256(algorithm);
  return digestOf(sha256.create());
}

export function createHmac(algorithm: string, key: Uint8Array): Digest {
  assertSha256(algorithm);
  return digestOf(hmac.create(sha256, key));
}

export function hash(algorithm: string, input: Input, _encoding: "buffer"): Buffer {
  assertSha256(algorithm);
  return Buffer.from(sha256(bytesOf(input)));
}

/** A public key: all that a check needs of a key. */
export interface PublicKey {
  readonly raw: Uint8Array;
  export: () => { kty: "OKP"; crv: "Ed25519"; x: string };
}

interface Jwk {
  readonly key: { readonly crv: string; readonly x: string };
}

export function createPublicKey({ key }: Jwk): PublicKey {
  if (key.crv !== "Ed25519") throw new RangeError(`key: expected Ed25519, got ${key.crv}`);
  const raw = Uint8Array.from(Buffer.from(key.x.replaceAll("-", "+").replaceAll("_", "/"), "base64"));
  return { raw, export: () => ({ kty: "OKP", crv: "Ed25519", x: key.x }) };
}

/** As OpenSSL does it (RFC 8032): small-order points are not refused, and no point is multiplied by the cofactor. */
export function verify(_algorithm: null, message: Uint8Array, { raw }: PublicKey, signature: Uint8Array): boolean {
  try {
    return ed25519.verify(Uint8Array.from(signature), Uint8Array.from(message), raw, { zip215: false });
  } catch {
    return false; // no point of the curve
  }
}

/** Nothing here has a private key. */
export function sign(): never {
  throw new Error("a browser signs nothing");
}
