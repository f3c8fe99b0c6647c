/**
 * ChaCha20-Poly1305 (RFC 8439) as COSE algorithm 24, by node's native cipher, and the keys that a meter and an
 * aggregator derive from their root key. Keys and plaintexts pass through; none is kept or named in an error.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { ProtocolError } from "../errors.ts";
import type { MessageNumber } from "../messages/ack-codes.ts";
import { assertU32, writeU32 } from "./heads.ts";

export const TAG_BYTES = 16;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const OPTIONS = { authTagLength: TAG_BYTES };

/** Encrypts into `target` at `at`: as many bytes as the plaintext has, then the tag. */
export function sealInto(
  target: Uint8Array,
  at: number,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): void {
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, OPTIONS);
  cipher.setAAD(aad, { plaintextLength: plaintext.length });
  target.set(cipher.update(plaintext), at);
  cipher.final();
  target.set(cipher.getAuthTag(), at + plaintext.length);
}

/** Decrypts ciphertext || tag; throws ProtocolError `bad-seal` when the tag is not right for key, nonce and AAD. */
export function openBytes(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array {
  const length = sealed.length - TAG_BYTES;
  if (length < 0) {
    throw new ProtocolError("wrong-length", `expected at least ${TAG_BYTES} sealed bytes, got ${sealed.length}`);
  }
  const decipher = createDecipheriv("chacha20-poly1305", key, nonce, OPTIONS);
  decipher.setAAD(aad, { plaintextLength: length });
  decipher.setAuthTag(sealed.subarray(length));
  const plaintext = decipher.update(sealed.subarray(0, length));
  try {
    decipher.final();
  } catch (cause) {
    throw new ProtocolError("bad-seal", "the message does not open with this key, topic and header", { cause });
  }
  return plaintext;
}

const NONCE = new Uint8Array(NONCE_BYTES);

/** 0x00000000 || boot || counter, the nonce of a message number: in memory that the next call uses again. */
export function nonceOf(number: MessageNumber): Uint8Array {
  writeU32(NONCE, 4, number.boot);
  writeU32(NONCE, 8, number.counter);
  return NONCE;
}

const SLAB_BYTES = 65_536;
let slab = new Uint8Array(SLAB_BYTES);
let taken = 0;

/**
 * A copy for as long as its key is used, in memory that many share; at most 64 KiB. One with memory of its own takes two thirds
 * of a kilobyte more as soon as a native cipher has read it, and an aggregator holds half a dozen for each meter. Node's own
 * pool would do as little: whatever stays in it keeps eight kilobytes of passing things.
 */
export function pooled(bytes: Uint8Array): Uint8Array {
  if (bytes.length > SLAB_BYTES - taken) {
    slab = new Uint8Array(SLAB_BYTES);
    taken = 0;
  }
  slab.set(bytes, taken);
  taken += bytes.length;
  return slab.subarray(taken - bytes.length, taken);
}

type KeyPurpose = "wv/1/share" | "wv/1/ack" | "wv/1/digest" | "wv/1/digest-iv" | "wv/1/update" | "wv/1/update-iv";

/**
 * The key of one direction between a meter and an aggregator: HKDF-SHA256 without salt.
 * Throws RangeError unless the root key has 32 bytes.
 */
export function directionKey(rootKey: Uint8Array, info: KeyPurpose): Uint8Array {
  if (rootKey.length !== KEY_BYTES) {
    throw new RangeError(`rootKey: expected ${KEY_BYTES} bytes, got ${rootKey.length}`);
  }
  const derived = new Uint8Array(hkdfSync("sha256", rootKey, new Uint8Array(0), info, KEY_BYTES));
  const key = pooled(derived);
  derived.fill(0);
  return key;
}

/**
 * Guards a key against the one mistake that would break it: a nonce used twice. Each number must come after the one
 * before; the caller's durable counters see to it across restarts.
 */
export class NumberGuard {
  #boot = -1;
  #counter = -1;

  /** Throws RangeError for a number that is not above all earlier ones, or is no pair of unsigned 32-bit integers. */
  use(number: MessageNumber): void {
    assertU32("boot", number.boot);
    assertU32("counter", number.counter);
    if (number.boot < this.#boot || (number.boot === this.#boot && number.counter <= this.#counter)) {
      throw new RangeError(
        `number: expected one above (${this.#boot}, ${this.#counter}), got (${number.boot}, ${number.counter})`,
      );
    }
    this.#boot = number.boot;
    this.#counter = number.counter;
  }
}
