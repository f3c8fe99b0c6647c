/**
 * Mosquitto (2.0 or later). The certificate's CN is both user name and client id, so no client can take over another
 * one's session. Second connections of meters have a listener where the whole subject is both: another client id for the
 * same certificate.
 */
import { type Access, subjectOf } from "./access.ts";
import { type EngineFiles, type EnginePlan, WRITTEN_BY } from "./plan.ts";

export function mosquittoFiles(plan: EnginePlan): EngineFiles {
  const first = plan.access.filter(({ identity }) => identity.bulk !== true);
  const second = plan.access.filter(({ identity }) => identity.bulk === true);
  return new Map([
    ["mosquitto.conf", configuration(plan)],
    ["clients.acl", lists(first, ({ identity }) => identity.id)],
    ["bulk.acl", lists(second, ({ identity }) => subjectOf(identity))],
    ["public.acl", [`# ${WRITTEN_BY}`, ...topics(plan.anyone), ""].join("\n")],
  ]);
}

function configuration({ folder, keys, settings, user, nodes: [node] }: EnginePlan): string {
  if (node === undefined) throw new RangeError("mosquitto: expected one node, got none");
  const tls = (port: number, file: string, name: "identity" | "subject"): string[] => [
    "",
    `listener ${port} ${node.host}`,
    `max_connections ${settings.maxConnections}`,
    `cafile ${keys.authority}`,
    `certfile ${keys.certificate}`,
    `keyfile ${keys.key}`,
    ...(keys.refused === undefined ? [] : [`crlfile ${keys.refused}`]),
    "tls_version tlsv1.3",
    "require_certificate true",
    `use_${name}_as_username true`,
    "use_username_as_clientid true",
    "allow_anonymous false",
    `acl_file ${folder}/${file}`,
  ];
  return [
    `# ${WRITTEN_BY}`,
    `user ${user}`,
    "per_listener_settings true",
    "# What counts is acknowledged end to end; nothing depends on what a broker remembers.",
    "persistence false",
    `max_packet_size ${settings.maxPacketBytes}`,
    `max_inflight_messages ${settings.maxInFlight}`,
    "# Bounded by bytes, not by messages.",
    "max_queued_messages 0",
    `max_queued_bytes ${settings.maxQueuedBytes}`,
    "set_tcp_nodelay true",
    "log_dest stderr",
    "log_type error",
    "log_type warning",
    "log_type notice",
    "connection_messages false",
    ...tls(node.tls, "clients.acl", "identity"),
    ...tls(node.bulk, "bulk.acl", "subject"),
    "",
    "# Any MQTT client of this machine may read what is public.",
    `listener ${node.public} 127.0.0.1`,
    "allow_anonymous true",
    `acl_file ${folder}/public.acl`,
    "",
  ].join("\n");
}

function lists(access: readonly Access[], nameOf: (client: Access) => string): string {
  const blocks = access.map((client) => [`user ${nameOf(client)}`, ...topics(client), ""].join("\n"));
  return [`# ${WRITTEN_BY}`, ...blocks].join("\n");
}

function topics({ publish, subscribe }: Access): string[] {
  return [...publish.map((filter) => `topic write ${filter}`), ...subscribe.map((filter) => `topic read ${filter}`)];
}
