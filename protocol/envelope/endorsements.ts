/** What aggregators sign one by one, and what counts only when q of them have. */
import { decodeCbor, encodeCbor } from "../cbor.ts";
import type { Directory } from "../keys/directory.ts";
import { readyContent } from "../messages/ckks.ts";
import { aggregatorId } from "../names.ts";
import { CONTEXT, sign1, type Signer, verify1 } from "./sign1.ts";

type Context = (typeof CONTEXT)[keyof typeof CONTEXT];

/**
 * By aggregator, the first of the items that it signed and `says` agrees with; no more than `most`. `says` gets what was
 * signed and returns the index of the aggregator that it names; it throws, or returns undefined, for anything else.
 */
export function endorsementsOf(
  items: readonly Uint8Array[],
  directory: Pick<Directory, "servers">,
  context: Context,
  says: (content: unknown) => number | undefined,
  most = Number.POSITIVE_INFINITY,
): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (const item of items) {
    if (found.size >= most) break;
    try {
      const { signer, payload } = verify1(item, directory, context);
      const aggregator = says(decodeCbor(payload));
      if (aggregator !== undefined && signer === aggregatorId(aggregator)) found.set(aggregator, item);
    } catch {
      // It counts for nobody.
    }
  }
  return found;
}

/** An aggregator's word that it has recomputed a job and charged what it opens; `transcript` is the SHA-256 of it. */
export function signReady(transcript: Uint8Array, aggregator: number, signer: Signer): Uint8Array {
  return sign1(encodeCbor({ transcript, aggregator }), signer, CONTEXT.ready);
}

/** Who of these is ready for the job with this transcript (its SHA-256); no more than `most`. */
export function readyOf(
  items: readonly Uint8Array[],
  transcript: Uint8Array,
  directory: Pick<Directory, "servers">,
  most?: number,
): Map<number, Uint8Array> {
  const says = (content: unknown): number | undefined => {
    const { transcript: signed, aggregator } = readyContent.parse(content);
    return Buffer.compare(signed, transcript) === 0 ? aggregator : undefined;
  };
  return endorsementsOf(items, directory, CONTEXT.ready, says, most);
}
