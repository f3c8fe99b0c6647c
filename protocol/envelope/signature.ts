/**
 * COSE_Sign1 with EdDSA, as everything signed in this protocol is: protected header {alg, kid = signer's id}, and the
 * context as external AAD, so that a signature given for one purpose means nothing for another.
 */
import { type KeyObject, sign, verify } from "node:crypto";
import { ProtocolError } from "../errors.ts";
import { decodeSign1, encodeHeaders, encodeSign1, HEADER, type Headers, sigStructure } from "./cose.ts";

const ALG_EDDSA = -8;
const NO_HEADERS: Headers = new Map();

/** Signs `payload` for one purpose with an Ed25519 private key. */
export function signDetached(payload: Uint8Array, id: string, key: KeyObject, context: string): Uint8Array {
  const protectedBytes = encodeHeaders(
    new Map<number, unknown>([
      [HEADER.alg, ALG_EDDSA],
      [HEADER.kid, new TextEncoder().encode(id)],
    ]),
  );
  const signature = sign(null, sigStructure(protectedBytes, Buffer.from(context), payload), key);
  return encodeSign1(protectedBytes, NO_HEADERS, payload, signature);
}

export interface Verified {
  /** The id whose key made the signature. */
  readonly signer: string;
  readonly payload: Uint8Array;
}

/**
 * Verifies a signature by a key that `keyOf` knows. Throws ProtocolError `malformed`, `wrong-sender` (a signer without
 * a key) or `bad-signature`.
 */
export function verifyDetached(
  bytes: Uint8Array,
  keyOf: (id: string) => KeyObject | undefined,
  context: string,
): Verified {
  const { protectedBytes, protectedHeaders, unprotected, payload, signature } = decodeSign1(bytes);
  const kid = protectedHeaders.get(HEADER.kid);
  if (
    protectedHeaders.size !== 2 ||
    protectedHeaders.get(HEADER.alg) !== ALG_EDDSA ||
    !(kid instanceof Uint8Array) ||
    unprotected.size !== 0
  ) {
    throw new ProtocolError("malformed", "expected the headers alg EdDSA and kid, both protected, in a signed item");
  }
  const signer = Buffer.from(kid).toString("latin1");
  const key = keyOf(signer);
  if (key === undefined) throw new ProtocolError("wrong-sender", "signed by an id that has no signing key here");
  if (!verify(null, sigStructure(protectedBytes, Buffer.from(context), payload), key, signature)) {
    throw new ProtocolError("bad-signature", `the signature of ${signer} does not hold for "${context}"`);
  }
  return { signer, payload };
}
