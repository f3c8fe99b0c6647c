/** What a CONNECT must be like: the client's own name, no will that it could not publish, not revoked. */
import type { ConnectPacket } from "aedes";
import type { ClientIdentity } from "../protocol/topics.ts";
import { clientIdOf } from "./identity.ts";
import type { Revocations } from "./revocations.ts";
import type { TopicRules } from "./rules.ts";

export interface ConnectFault {
  readonly code: "wrong-client-id" | "will-denied" | "revoked";
  readonly detail: Readonly<Record<string, string | number>>;
  /** CONNACK, MQTT 3.1.1 section 3.2.2.3: 2 identifier rejected, 5 not authorized. */
  readonly returnCode: 2 | 5;
}

/** Undefined: the client may connect. Certificates are checked before this. */
export function checkConnect(
  packet: ConnectPacket,
  identity: ClientIdentity,
  rules: TopicRules,
  revocations: Pick<Revocations, "isRevoked">,
): ConnectFault | undefined {
  if (identity.role === "meter" && revocations.isRevoked(identity.id)) {
    return { code: "revoked", detail: {}, returnCode: 5 };
  }
  if (identity.role !== "public" && packet.clientId !== clientIdOf(identity)) {
    return { code: "wrong-client-id", detail: { clientId: packet.clientId.slice(0, 64) }, returnCode: 2 };
  }
  const { will } = packet;
  if (will === undefined) return undefined;
  // Published by Aedes with the flags of the will, so they must be those of a message.
  const publication = { topic: will.topic, payload: will.payload, retain: will.retain ?? false };
  const fault = will.qos === 2 ? "qos-2" : rules.refusePublish(identity, publication);
  if (fault === undefined) return undefined;
  return { code: "will-denied", detail: { topic: will.topic.slice(0, 200), fault }, returnCode: 5 };
}
