/** Tells each aggregator the digests of this meter's ciphertexts, until it has answered. */
import { createDigestSealer, type DigestSealer } from "../../../protocol/envelope/index.ts";
import { topicOf } from "../../../protocol/topics.ts";
import { RepeatedPost, type RepeatedPostOptions } from "../repeated-post.ts";
import type { Answer, CiphertextRow } from "./store.ts";

/** A ciphertext that someone has to answer. */
export interface WaitingCiphertext extends CiphertextRow {
  waiting: number;
  answers: Readonly<Record<string, Answer>>;
}

export interface DigestPostOptions
  extends Omit<RepeatedPostOptions<Answer, WaitingCiphertext>, "aggregators" | "message"> {
  readonly meter: string;
  /** By aggregator index. */
  readonly rootKeys: ReadonlyMap<number, Uint8Array>;
}

export function digestPost({ meter, rootKeys, ...rest }: DigestPostOptions): RepeatedPost<Answer, WaitingCiphertext> {
  // Made when they are first needed: most of the time no meter of a large fleet sends any.
  const sealers = new Map<number, DigestSealer>();
  return new RepeatedPost({
    ...rest,
    aggregators: [...rootKeys.keys()],
    message: (row, x) => {
      const sealer = sealers.get(x) ?? createDigestSealer(rootKeys.get(x)!, meter, x);
      sealers.set(x, sealer);
      return { topic: topicOf("heDigest", { meter, agg: String(x) }), payload: sealer.seal(row) };
    },
  });
}
