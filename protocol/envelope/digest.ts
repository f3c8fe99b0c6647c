/**
 * What a meter tells each aggregator of a ciphertext: its window, which slots have values, and the digest that makes it
 * the meter's (docs/protocol.md, "Ciphertexts"). A repeat is the same bytes (synthetic.ts).
 */
import { z } from "zod";
import { assertBitmap } from "../bitmap.ts";
import { byteString, bytesOfLength } from "../bytes.ts";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import { ProtocolError } from "../errors.ts";
import { aggregatorIndex, seriesName } from "../names.ts";
import { MAX_SLOT } from "../slots.ts";
import { topicOf } from "../topics.ts";
import { directionKey } from "./aead.ts";
import { SyntheticSeal } from "./synthetic.ts";

/** The slots of the largest ciphertext. */
export const MAX_WINDOW_SLOTS = 16_384;

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

function sealOf(rootKey: Uint8Array, aggregator: number): SyntheticSeal {
  aggregatorIndex.parse(aggregator);
  return new SyntheticSeal("a digest", directionKey(rootKey, "wv/1/digest"), directionKey(rootKey, "wv/1/digest-iv"));
}

/** What a meter seals digests with for one aggregator. `rootKey` has 32 bytes; `aggregator` is its index. */
export function createDigestSealer(rootKey: Uint8Array, meter: string, aggregator: number): DigestSealer {
  const synthetic = sealOf(rootKey, aggregator);
  const topic = topicOf("heDigest", { meter, agg: String(aggregator) });
  return {
    seal({ series, firstSlot, slots, presence, digest }) {
      const checked = content.safeParse([series, firstSlot, slots, presence, digest]);
      if (!checked.success) throw new RangeError(`digest: ${z.prettifyError(checked.error)}`);
      return synthetic.seal(topic, encodeCbor(checked.data));
    },
  };
}

/** What an aggregator opens one meter's digests with. */
export function createDigestOpener(rootKey: Uint8Array, meter: string, aggregator: number): DigestOpener {
  const synthetic = sealOf(rootKey, aggregator);
  const topic = topicOf("heDigest", { meter, agg: String(aggregator) });
  return {
    open(payload) {
      const parsed = content.safeParse(decodeCbor(synthetic.open(topic, payload)));
      if (!parsed.success) throw new ProtocolError("malformed", `a digest: ${z.prettifyError(parsed.error)}`);
      const [series, firstSlot, slots, presence, digest] = parsed.data;
      return { series, firstSlot, slots, presence, digest };
    },
  };
}
