/**
 * What a meter tells each aggregator of a ciphertext: its window, which slots have values, and the digest that makes it
 * the meter's (docs/protocol.md, "Ciphertexts"). Sealed with a synthetic nonce: a repeat is the same bytes, so that no
 * counter has to be kept for it, and two different plaintexts never share one.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { assertBitmap } from "../bitmap.ts";
import { byteString, bytesOfLength } from "../bytes.ts";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import { ProtocolError } from "../errors.ts";
import { aggregatorIndex, seriesName } from "../names.ts";
import { MAX_SLOT } from "../slots.ts";
import { topicOf } from "../topics.ts";
import { directionKey, openBytes, sealInto, TAG_BYTES } from "./aead.ts";
import { encStructure } from "./cose.ts";
import { HeadReader, headLength, MAJOR, writeHead } from "./heads.ts";

/** The slots of the largest ciphertext. */
export const MAX_WINDOW_SLOTS = 16_384;

// 16([ bstr .cbor {1: 24}, {5: iv}, ciphertext ])
const TEMPLATE = Uint8Array.from(Buffer.from("d083" + "44a1011818" + "a1054c" + "000000000000000000000000", "hex"));
const PROTECTED = TEMPLATE.subarray(3, 7);
const IV_AT = 10;
const IV_BYTES = 12;
const CIPHERTEXT_AT = TEMPLATE.length;

const content = z
  .tuple([
    seriesName,
    z.int().min(0).max(MAX_SLOT),
    z.int().min(1).max(MAX_WINDOW_SLOTS),
    byteString,
    bytesOfLength(32, "a digest"),
  ])
  .superRefine(([, firstSlot, slots, presence], context) => {
    if (firstSlot + slots - 1 > MAX_SLOT) context.addIssue("the window ends after the last slot number");
    try {
      assertBitmap("presence", presence, slots);
    } catch (error) {
      context.addIssue((error as RangeError).message);
    }
  });

/** One ciphertext, as the meter that made it vouches for it. */
export interface CiphertextDigest {
  readonly series: string;
  readonly firstSlot: number;
  /** Slots of the window, with and without a value. */
  readonly slots: number;
  /** Bitmap over the window: the slots that have a value. */
  readonly presence: Uint8Array;
  /** SHA-256 of the ciphertext as it travels, before it is sealed. */
  readonly digest: Uint8Array;
}

export interface DigestSealer {
  /** The same digest gives the same bytes. Throws RangeError for values out of range. */
  seal(digest: CiphertextDigest): Uint8Array;
}

export interface DigestOpener {
  /** Throws ProtocolError `malformed`, `wrong-length` or `bad-seal`. */
  open(payload: Uint8Array): CiphertextDigest;
}

function channel(rootKey: Uint8Array, meter: string, aggregator: number) {
  aggregatorIndex.parse(aggregator);
  const topic = topicOf("heDigest", { meter, agg: String(aggregator) });
  const ivKey = directionKey(rootKey, "wv/1/digest-iv");
  return {
    key: directionKey(rootKey, "wv/1/digest"),
    aad: encStructure(PROTECTED, Buffer.from(topic)),
    ivOf: (plaintext: Uint8Array) => createHmac("sha256", ivKey).update(plaintext).digest().subarray(0, IV_BYTES),
  };
}

/** What a meter seals digests with for one aggregator. `rootKey` has 32 bytes; `aggregator` is its index. */
export function createDigestSealer(rootKey: Uint8Array, meter: string, aggregator: number): DigestSealer {
  const { key, aad, ivOf } = channel(rootKey, meter, aggregator);
  return {
    seal({ series, firstSlot, slots, presence, digest }) {
      const checked = content.safeParse([series, firstSlot, slots, presence, digest]);
      if (!checked.success) throw new RangeError(`digest: ${z.prettifyError(checked.error)}`);
      const plaintext = encodeCbor(checked.data);
      const sealedBytes = plaintext.length + TAG_BYTES;
      const at = CIPHERTEXT_AT + headLength(sealedBytes);
      const message = new Uint8Array(at + sealedBytes);
      message.set(TEMPLATE);
      const iv = ivOf(plaintext);
      message.set(iv, IV_AT);
      writeHead(message, CIPHERTEXT_AT, MAJOR.bytes, sealedBytes);
      sealInto(message, at, key, iv, aad, plaintext);
      return message;
    },
  };
}

/** What an aggregator opens one meter's digests with. */
export function createDigestOpener(rootKey: Uint8Array, meter: string, aggregator: number): DigestOpener {
  const { key, aad, ivOf } = channel(rootKey, meter, aggregator);
  return {
    open(payload) {
      for (let i = 0; i < IV_AT; i++) {
        if (payload[i] !== TEMPLATE[i]) {
          throw new ProtocolError("malformed", `a digest differs from version 1 at byte ${i}`);
        }
      }
      const reader = new HeadReader(payload, "a digest", CIPHERTEXT_AT);
      const sealed = reader.bytes();
      reader.end();
      const iv = payload.subarray(IV_AT, CIPHERTEXT_AT);
      const plaintext = openBytes(key, iv, aad, sealed);
      // A nonce of any other origin could come twice.
      if (!timingSafeEqual(ivOf(plaintext), iv)) {
        throw new ProtocolError("bad-seal", "the nonce of a digest is not the one of its content");
      }
      const parsed = content.safeParse(decodeCbor(plaintext));
      if (!parsed.success) throw new ProtocolError("malformed", `a digest: ${z.prettifyError(parsed.error)}`);
      const [series, firstSlot, slots, presence, digest] = parsed.data;
      return { series, firstSlot, slots, presence, digest };
    },
  };
}
