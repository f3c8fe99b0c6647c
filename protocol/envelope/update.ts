/**
 * One home's update of a learning round, to one aggregator: its shares of the vector, as a seed or packed, and the tag
 * that says which vector (docs/protocol.md, "Updates"). A repeat is the same bytes (synthetic.ts).
 */
import { z } from "zod";
import { byteString, bytesOfLength } from "../bytes.ts";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import { ProtocolError } from "../errors.ts";
import { MAX_ELEMENTS } from "../learning/shape.ts";
import { aggregatorIndex } from "../names.ts";
import { packedBytes, SEED_BYTES, VECTOR_TAG_BYTES, type VectorShare } from "../shamir/vector-shares.ts";
import { topicOf } from "../topics.ts";
import { directionKey } from "./aead.ts";
import { SyntheticSeal } from "./synthetic.ts";

const SEED = 0;
const PACKED = 1;

const content = z
  .tuple([
    bytesOfLength(VECTOR_TAG_BYTES, "a tag"),
    z.int().min(1).max(MAX_ELEMENTS),
    z.literal([SEED, PACKED]),
    byteString,
  ])
  .refine(
    ([, elements, form, bytes]) => bytes.length === (form === SEED ? SEED_BYTES : packedBytes(elements)),
    "the shares have another length than their form and number say",
  );

/** The shares of one vector for one aggregator. */
export interface UpdateMessage {
  /** Of the vector, 8 bytes: the same for all aggregators. */
  readonly tag: Uint8Array;
  /** Field elements of the vector. */
  readonly elements: number;
  readonly share: VectorShare;
}

export interface UpdateSealer {
  /** The same update of a round gives the same bytes. Throws RangeError for values out of range. */
  seal(round: string, update: UpdateMessage): Uint8Array;
}

export interface UpdateOpener {
  /**
   * `round` is the one of the topic. Throws ProtocolError `malformed`, `wrong-length` or `bad-seal`. Whether packed
   * elements are in the field is known when they are unpacked.
   */
  open(round: string, payload: Uint8Array): UpdateMessage;
}

function sealOf(rootKey: Uint8Array, aggregator: number): SyntheticSeal {
  aggregatorIndex.parse(aggregator);
  return new SyntheticSeal("an update", directionKey(rootKey, "wv/1/update"), directionKey(rootKey, "wv/1/update-iv"));
}

/** What a home seals updates with for one aggregator. `rootKey` has 32 bytes; `aggregator` is its index. */
export function createUpdateSealer(rootKey: Uint8Array, meter: string, aggregator: number): UpdateSealer {
  const synthetic = sealOf(rootKey, aggregator);
  return {
    seal(round, { tag, elements, share }) {
      const topic = topicOf("update", { meter, round, agg: String(aggregator) });
      const form = "seed" in share ? SEED : PACKED;
      const checked = content.safeParse([tag, elements, form, "seed" in share ? share.seed : share.packed]);
      if (!checked.success) throw new RangeError(`update: ${z.prettifyError(checked.error)}`);
      return synthetic.seal(topic, encodeCbor(checked.data));
    },
  };
}

/** What an aggregator opens one home's updates with. */
export function createUpdateOpener(rootKey: Uint8Array, meter: string, aggregator: number): UpdateOpener {
  const synthetic = sealOf(rootKey, aggregator);
  return {
    open(round, payload) {
      const topic = topicOf("update", { meter, round, agg: String(aggregator) });
      const parsed = content.safeParse(decodeCbor(synthetic.open(topic, payload)));
      if (!parsed.success) throw new ProtocolError("malformed", `an update: ${z.prettifyError(parsed.error)}`);
      const [tag, elements, form, bytes] = parsed.data;
      return { tag, elements, share: form === SEED ? { seed: bytes } : { packed: bytes } };
    },
  };
}
