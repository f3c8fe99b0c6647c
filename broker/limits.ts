/** What each kind of client may use: the configuration's limits, by role. */
import type { Config } from "../config/schema.ts";
import { TOPICS } from "../protocol/topics.ts";
import type { ClientIdentity, TopicDefinition } from "../protocol/topics.ts";
import type { GateLimits } from "./gate.ts";
import { isServer } from "./identity.ts";

/** Meters and public readers get this part of `maxQueuedBytes`: acks and public figures are small. */
const CLIENT_PART = 16;
/** From this part of `maxQueuedBytes` on, those who publish to a server are held back. */
const HOLD_BACK_PART = 4;
/** Room for topic and packet id. */
const HEADER_BYTES = 1_024;

/** The limits of one client. */
export function limitsFor(identity: ClientIdentity, settings: Config["broker"]): GateLimits {
  const { maxQueuedBytes, maxPacketBytes, connectBytes } = settings;
  const server = isServer(identity);
  return {
    ...settings,
    packetBytes: Math.min(maxPacketBytes, largestPacket(identity, connectBytes)),
    maxQueuedBytes: server ? maxQueuedBytes : maxQueuedBytes / CLIENT_PART,
    holdBackBytes: server ? maxQueuedBytes / HOLD_BACK_PART : undefined,
  };
}

/** The largest packet that a client has a use for; anyone may send a SUBSCRIBE of the size of a CONNECT. */
function largestPacket({ role, bulk }: ClientIdentity, connectBytes: number): number {
  const definitions: readonly TopicDefinition[] = Object.values(TOPICS);
  const own = definitions.flatMap(({ publish, maxBytes }) =>
    publish
      .filter((rule) => rule.role === role && rule.bulk === bulk)
      .map((rule) => (rule.maxBytes ?? maxBytes) + HEADER_BYTES),
  );
  return Math.max(connectBytes, ...own);
}
