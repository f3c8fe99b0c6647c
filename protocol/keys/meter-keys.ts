/**
 * Root keys of many meters on their way from the authority to one aggregator: one sealed server message, so that
 * nobody between them (nor the disk it lies on) reads a key, and the aggregator knows whose list it is.
 */
import { z } from "zod";
import { bytesOfLength } from "../bytes.ts";
import { openServerMessage, sealServerMessage, type ServerParty } from "../envelope/server-message.ts";
import { ProtocolError } from "../errors.ts";
import { meterId } from "../names.ts";

const rootKey = bytesOfLength(32, "a root key");
const meterKeysMessage = z.strictObject({
  type: z.literal("meter-keys"),
  keys: z.array(z.strictObject({ meter: meterId, keyVersion: z.int().min(1), rootKey })),
});

/** The root key that a meter shares with one aggregator. */
export type MeterKey = z.infer<typeof meterKeysMessage>["keys"][number];

/** Seals a list of root keys to the aggregator with this id. */
export function sealMeterKeys(
  keys: readonly MeterKey[],
  authority: ServerParty,
  aggregator: string,
): Promise<Uint8Array> {
  return sealServerMessage({ type: "meter-keys", keys }, authority, aggregator);
}

/** Opens such a list as its aggregator. Throws ProtocolError when it is not the authority's, or not for this one. */
export async function openMeterKeyList(bytes: Uint8Array, aggregator: ServerParty): Promise<MeterKey[]> {
  const { message } = await openServerMessage(bytes, aggregator, "authority");
  const parsed = meterKeysMessage.safeParse(message);
  if (!parsed.success) throw new ProtocolError("malformed", `a list of meter keys: ${z.prettifyError(parsed.error)}`);
  return parsed.data.keys;
}
