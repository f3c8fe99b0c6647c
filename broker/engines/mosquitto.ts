/**
 * Mosquitto (2.0 or later). The certificate's CN is both user name and client id, so no client can take over another
 * one's session. Second connections of meters have a listener where the whole subject is both: another client id for the
 * same certificate. Whoever has no certificate gives itself a client id, and all listeners of a process have one list of
 * them: such readers have a process of their own, to which a bridge brings what is public.
 */
import { type Access, accessOf, subjectOf } from "./access.ts";
import { type EngineFiles, type EngineNode, type EnginePlan, WRITTEN_BY } from "./plan.ts";

/** As which the bridge connects, on the listener for second connections. */
const BRIDGE = accessOf({ id: "broker", role: "broker" });
/** Seconds between two attempts of the bridge: at first, and at most. */
const BRIDGE_RETRIES = "1 5";
const ANY_ADDRESS = new Set(["0.0.0.0", "::"]);

export function mosquittoFiles(plan: EnginePlan): EngineFiles {
  const first = plan.access.filter(({ identity }) => identity.bulk !== true);
  const second = plan.access.filter(({ identity }) => identity.bulk === true);
  return new Map([
    ["mosquitto.conf", configuration(plan)],
    ["reader.conf", readerConfiguration(plan)],
    ["clients.acl", lists(first, ({ identity }) => identity.id)],
    [
      "bulk.acl",
      lists([{ ...BRIDGE, subscribe: plan.anyone.subscribe }, ...second], ({ identity }) => subjectOf(identity)),
    ],
    ["public.acl", [`# ${WRITTEN_BY}`, ...topics(plan.anyone), ""].join("\n")],
  ]);
}

/** The node of the parties, and the one for readers. */
function nodesOf({ nodes }: EnginePlan): { main: EngineNode; reader: EngineNode } {
  const [main, reader] = [nodes.find(({ tls }) => tls !== 0), nodes.find(({ tls }) => tls === 0)];
  if (main === undefined || reader === undefined) {
    throw new RangeError(`mosquitto: expected a node and one for readers, got ${nodes.length} nodes`);
  }
  return { main, reader };
}

function configuration(plan: EnginePlan): string {
  const { folder, keys, settings } = plan;
  const { main: node } = nodesOf(plan);
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
    ...general(plan),
    ...tls(node.tls, "clients.acl", "identity"),
    ...tls(node.bulk, "bulk.acl", "subject"),
    "",
  ].join("\n");
}

function readerConfiguration(plan: EnginePlan): string {
  const { folder, keys, anyone, settings } = plan;
  const { main, reader } = nodesOf(plan);
  // The certificate has to name it: then it is where parties find the broker.
  const host = ANY_ADDRESS.has(main.host) ? settings.host : main.host;
  return [
    ...general(plan),
    "",
    "# Any MQTT client of this machine may read what is public.",
    `listener ${reader.public} 127.0.0.1`,
    "allow_anonymous true",
    `acl_file ${folder}/public.acl`,
    "",
    "connection public",
    `address ${host}:${main.bulk}`,
    `bridge_cafile ${keys.authority}`,
    `bridge_certfile ${keys.certificate}`,
    `bridge_keyfile ${keys.key}`,
    "bridge_tls_version tlsv1.3",
    "bridge_protocol_version mqttv311",
    ...anyone.subscribe.map((filter) => `topic ${filter} in 1`),
    "cleansession true",
    "try_private false",
    "notifications false",
    `restart_timeout ${BRIDGE_RETRIES}`,
    "",
  ].join("\n");
}

/** What both processes are told. */
function general({ settings, user }: EnginePlan): string[] {
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
  ];
}

function lists(access: readonly Access[], nameOf: (client: Access) => string): string {
  const blocks = access.map((client) => [`user ${nameOf(client)}`, ...topics(client), ""].join("\n"));
  return [`# ${WRITTEN_BY}`, ...blocks].join("\n");
}

function topics({ publish, subscribe }: Access): string[] {
  return [...publish.map((filter) => `topic write ${filter}`), ...subscribe.map((filter) => `topic read ${filter}`)];
}
