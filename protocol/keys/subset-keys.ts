/**
 * Keys that subsets of aggregators share, on their way from the authority to one of them: a sealed server message, like
 * the meters' root keys. With all of them at hand the masks of share tests come off, so the authority forgets them.
 */
import { z } from "zod";
import { bytesOfLength } from "../bytes.ts";
import { openServerMessage, sealServerMessage, type ServerParty } from "../envelope/server-message.ts";
import { ProtocolError } from "../errors.ts";
import { aggregatorIndex } from "../names.ts";
import { SUBSET_KEY_BYTES } from "../shamir/key-subsets.ts";

export const SUBSET_DEALING_BYTES = 16;

const subsetKeysMessage = z.strictObject({
  type: z.literal("subset-keys"),
  /** Which keys belong together. */
  dealing: bytesOfLength(SUBSET_DEALING_BYTES, "the id of a dealing"),
  keys: z
    .array(
      z.strictObject({
        members: z.array(aggregatorIndex).min(1),
        key: bytesOfLength(SUBSET_KEY_BYTES, "a subset's key"),
      }),
    )
    .min(1),
});

/** What one aggregator is dealt. */
export type SubsetKeyList = Omit<z.infer<typeof subsetKeysMessage>, "type">;

/** Seals the keys of its subsets to the aggregator with this id. */
export function sealSubsetKeys(list: SubsetKeyList, authority: ServerParty, aggregator: string): Promise<Uint8Array> {
  return sealServerMessage({ type: "subset-keys", ...list }, authority, aggregator);
}

/** Opens them as their aggregator. Throws ProtocolError when they are not the authority's, or not for this one. */
export async function openSubsetKeyList(bytes: Uint8Array, aggregator: ServerParty): Promise<SubsetKeyList> {
  const { message } = await openServerMessage(bytes, aggregator, "authority");
  const parsed = subsetKeysMessage.safeParse(message);
  if (!parsed.success) throw new ProtocolError("malformed", `keys of subsets: ${z.prettifyError(parsed.error)}`);
  const { dealing, keys } = parsed.data;
  return { dealing, keys };
}
