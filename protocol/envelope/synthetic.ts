/**
 * Sealing with a synthetic nonce: COSE_Encrypt0 whose nonce is a PRF of the plaintext. A repeat is the same bytes, so
 * that no counter has to be kept for it, and two different plaintexts share a nonce only by an accident of 2^-96.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { ProtocolError } from "../errors.ts";
import { openBytes, sealInto, TAG_BYTES } from "./aead.ts";
import { encStructure } from "./cose.ts";
import { HeadReader, headLength, MAJOR, writeHead } from "./heads.ts";

// 16([ bstr .cbor {1: 24}, {5: iv}, ciphertext ])
const TEMPLATE = Uint8Array.from(Buffer.from("d083" + "44a1011818" + "a1054c" + "000000000000000000000000", "hex"));
const PROTECTED = TEMPLATE.subarray(3, 7);
const IV_AT = 10;
const IV_BYTES = 12;
const CIPHERTEXT_AT = TEMPLATE.length;

/** Bytes that sealing adds to a plaintext of so many bytes. */
export function syntheticOverhead(plaintextBytes: number): number {
  return CIPHERTEXT_AT + headLength(plaintextBytes + TAG_BYTES) + TAG_BYTES;
}

/** Seals and opens one kind of message between a meter and an aggregator. */
export class SyntheticSeal {
  readonly #what: string;
  readonly #key: Uint8Array;
  readonly #ivKey: Uint8Array;

  /** `what` names the message in errors, such as "a digest". The keys have 32 bytes each and no other use. */
  constructor(what: string, key: Uint8Array, ivKey: Uint8Array) {
    this.#what = what;
    this.#key = key;
    this.#ivKey = ivKey;
  }

  /** The same topic and plaintext give the same bytes. */
  seal(topic: string, plaintext: Uint8Array): Uint8Array {
    const sealedBytes = plaintext.length + TAG_BYTES;
    const at = CIPHERTEXT_AT + headLength(sealedBytes);
    const message = new Uint8Array(at + sealedBytes);
    message.set(TEMPLATE);
    const iv = this.#ivOf(plaintext);
    message.set(iv, IV_AT);
    writeHead(message, CIPHERTEXT_AT, MAJOR.bytes, sealedBytes);
    sealInto(message, at, this.#key, iv, aadOf(topic), plaintext);
    return message;
  }

  /** Throws ProtocolError `malformed`, `wrong-length` or `bad-seal`. */
  open(topic: string, payload: Uint8Array): Uint8Array {
    for (let i = 0; i < IV_AT; i++) {
      if (payload[i] !== TEMPLATE[i]) {
        throw new ProtocolError("malformed", `${this.#what} differs from version 1 at byte ${i}`);
      }
    }
    const reader = new HeadReader(payload, this.#what, CIPHERTEXT_AT);
    const sealed = reader.bytes();
    reader.end();
    const iv = payload.subarray(IV_AT, CIPHERTEXT_AT);
    const plaintext = openBytes(this.#key, iv, aadOf(topic), sealed);
    // A nonce of any other origin could come twice.
    if (!timingSafeEqual(this.#ivOf(plaintext), iv)) {
      throw new ProtocolError("bad-seal", `the nonce of ${this.#what} is not the one of its content`);
    }
    return plaintext;
  }

  #ivOf(plaintext: Uint8Array): Uint8Array {
    return createHmac("sha256", this.#ivKey).update(plaintext).digest().subarray(0, IV_BYTES);
  }
}

function aadOf(topic: string): Uint8Array {
  return encStructure(PROTECTED, Buffer.from(topic));
}
