/**
 * HPKE (RFC 9180, base mode) in COSE_Encrypt0, as draft-ietf-cose-hpke writes it: algorithm HPKE-4 (X25519,
 * HKDF-SHA256, ChaCha20-Poly1305) with the encapsulated key in the unprotected header. HPKE itself is a library's.
 */
import type { KeyObject } from "node:crypto";
import { CipherSuite } from "@hpke/core";
import { ProtocolError } from "../errors.ts";
import { NodeChacha20Poly1305, NodeHkdf, NodeX25519Kem } from "./hpke-native.ts";
import { decodeEncrypt0, encodeEncrypt0, encodeHeaders, encStructure, HEADER, type Headers } from "./cose.ts";

const ALG_HPKE_4 = 42;
const HEADER_EK = -4;
/** Private header: id of the sender, which the recipient needs before it can open (it is part of HPKE's info). */
const HEADER_FROM = "from";

const kem = new NodeX25519Kem();
const suite = new CipherSuite({ kem, kdf: new NodeHkdf(), aead: new NodeChacha20Poly1305() });

type RecipientKey = ReturnType<NodeX25519Kem["publicKey"]>;
/** Reading a key costs as much as using it; the objects outlive no key. */
const recipients = new WeakMap<Uint8Array, RecipientKey>();

function recipientOf(raw: Uint8Array): RecipientKey {
  let key = recipients.get(raw);
  if (key === undefined) {
    key = kem.publicKey(raw);
    recipients.set(raw, key);
  }
  return key;
}

/** Binds sender and recipient: HPKE's info, and the context of the signature inside. */
export function serverContext(from: string, to: string): string {
  return `wv/1 ${from} ${to}`;
}

/** Seals to a raw X25519 public key. */
export async function hpkeSeal(
  plaintext: Uint8Array,
  from: string,
  to: string,
  recipientKey: Uint8Array,
): Promise<Uint8Array> {
  const key = recipientOf(recipientKey);
  const protectedBytes = encodeHeaders(headers(from));
  const aad = encStructure(protectedBytes, new Uint8Array(0));
  const info = Buffer.from(serverContext(from, to));
  const { ct, enc } = await suite.seal({ recipientPublicKey: key, info }, plaintext, aad);
  const unprotected = new Map([[HEADER_EK, new Uint8Array(enc)]]);
  return encodeEncrypt0(protectedBytes, unprotected, new Uint8Array(ct));
}

/** Opens what was sealed to `to`. Throws ProtocolError `malformed` or `bad-seal`. The sender is claimed, not proven. */
export async function hpkeOpen(
  bytes: Uint8Array,
  to: string,
  privateKey: KeyObject,
): Promise<{ from: string; plaintext: Uint8Array }> {
  const { protectedBytes, protectedHeaders, unprotected, ciphertext } = decodeEncrypt0(bytes);
  const from = protectedHeaders.get(HEADER_FROM);
  const enc = unprotected.get(HEADER_EK);
  if (
    protectedHeaders.size !== 2 ||
    protectedHeaders.get(HEADER.alg) !== ALG_HPKE_4 ||
    typeof from !== "string" ||
    unprotected.size !== 1 ||
    !(enc instanceof Uint8Array)
  ) {
    throw new ProtocolError("malformed", "expected the headers alg HPKE-4, from and ek in a sealed message");
  }
  const info = Buffer.from(serverContext(from, to));
  try {
    const aad = encStructure(protectedBytes, new Uint8Array(0));
    const plaintext = await suite.open({ recipientKey: kem.privateKey(privateKey), enc, info }, ciphertext, aad);
    return { from, plaintext: new Uint8Array(plaintext) };
  } catch (cause) {
    throw new ProtocolError("bad-seal", `a message from ${from} does not open with the key of ${to}`, { cause });
  }
}

function headers(from: string): Headers {
  return new Map<number | string, unknown>([
    [HEADER.alg, ALG_HPKE_4],
    [HEADER_FROM, from],
  ]);
}
