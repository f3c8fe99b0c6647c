/**
 * NATS with JetStream (2.9 or later), as one node or a cluster of three or five. Each client is a user named by the
 * subject of its certificate; what a user may do is said in subjects, which are topics with dots. A client id is not
 * bound to a user there: a party that is part of the system can end the connection of another one, and gets nothing by it.
 */
import { subjectOf } from "./access.ts";
import { type EngineFiles, type EngineNode, type EnginePlan, WRITTEN_BY } from "./plan.ts";

/** Only suites of TLS 1.3, so that nothing older can be agreed on: 2.9 has no setting for the version. */
const SUITES = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
/** A client of QoS 1 gets its messages on subjects of the server's own. */
const DELIVERY = "$MQTT.sub.>";
const READER = "public";
const MIB = 2 ** 20;

export function natsFiles(plan: EnginePlan): EngineFiles {
  const files = new Map([["users.conf", users(plan)]]);
  if (plan.nodes.some(isReader)) files.set("reader-users.conf", usersFile([readerLine(plan)]));
  for (const node of plan.nodes) files.set(`${node.name}.conf`, configuration(plan, node));
  return files;
}

function configuration(plan: EnginePlan, node: EngineNode): string {
  const { folder, keys, settings, nodes, clusterSecret } = plan;
  const tls = [
    "{",
    `cert_file: ${quote(keys.certificate)},`,
    `key_file: ${quote(keys.key)},`,
    `ca_file: ${quote(keys.authority)},`,
    `cipher_suites: [${SUITES.map(quote).join(", ")}],`,
  ].join(" ");
  const reads = isReader(node);
  const routes = nodes.filter(({ cluster }) => cluster !== 0 && cluster !== node.cluster);
  return [
    `# ${WRITTEN_BY}`,
    `server_name: ${node.name}`,
    `listen: ${quote(`${node.host}:${node.client}`)}`,
    `tls: ${tls} verify_and_map: true }`,
    `max_payload: ${settings.maxPacketBytes}`,
    `max_connections: ${settings.maxConnections}`,
    `max_pending: ${settings.maxQueuedBytes}`,
    ...(reads
      ? []
      : [
          `jetstream: { store_dir: ${quote(`${folder}/${node.name}`)}, max_mem: ${64 * MIB}, max_file: ${4096 * MIB} }`,
        ]),
    reads
      ? `mqtt: { listen: "127.0.0.1:${node.public}", no_auth_user: ${READER} }`
      : `mqtt: { listen: ${quote(`${node.host}:${node.tls}`)}, max_ack_pending: ${unacknowledged(settings)}, tls: ${tls} verify_and_map: true } }`,
    ...(node.cluster === 0
      ? []
      : [
          "cluster: {",
          "  name: wattveil",
          `  listen: ${quote(`${node.host}:${node.cluster}`)}`,
          // Every party has a certificate of this authority; the secret is the broker's alone.
          `  authorization: { user: node, password: ${quote(clusterSecret)}, timeout: 5 }`,
          `  tls: ${tls} verify: true }`,
          `  routes: [${routes.map(({ host, cluster }) => quote(`nats://node:${clusterSecret}@${host}:${cluster}`)).join(", ")}]`,
          "}",
        ]),
    `include ${quote(reads ? "reader-users.conf" : "users.conf")}`,
    "",
  ].join("\n");
}

/** Of one filter: all filters of a client together may have 65,535, or the next one is refused. */
function unacknowledged({ maxInFlight, maxSubscriptions }: EnginePlan["settings"]): number {
  return Math.min(maxInFlight, Math.floor(65_535 / maxSubscriptions));
}

/**
 * The same for every node that asks for certificates: a cluster whose nodes know other users would let a client in here and
 * refuse it there.
 */
function users({ access }: EnginePlan): string {
  const byUser = new Map<string, { publish: Set<string>; subscribe: Set<string> }>();
  for (const { identity, publish, subscribe } of access) {
    // The second connection of a meter has the same certificate, and so the same rights.
    const client = subjectOf(identity);
    const user = byUser.get(client) ?? { publish: new Set(), subscribe: new Set([DELIVERY]) };
    for (const filter of publish) for (const name of subjects(filter)) user.publish.add(name);
    for (const filter of subscribe) for (const name of subjects(filter)) user.subscribe.add(name);
    byUser.set(client, user);
  }
  return usersFile([...byUser].map(([name, { publish, subscribe }]) => userLine(name, [...publish], [...subscribe])));
}

/**
 * All that the node for readers knows. It asks for no certificate: a party that it knew, which has no password, would be
 * whoever gave its name.
 */
function readerLine({ anyone, clusterSecret }: EnginePlan): string {
  const filters = [...anyone.subscribe.flatMap(subjects), DELIVERY];
  return userLine(READER, [], filters, `, password: ${quote(clusterSecret)}`);
}

function usersFile(lines: readonly string[]): string {
  return [`# ${WRITTEN_BY}`, "authorization: {", "  users: [", ...lines, "  ]", "}", ""].join("\n");
}

/** Whether it is the node on which anyone of its machine reads what is public. */
function isReader({ tls }: EngineNode): boolean {
  return tls === 0;
}

function userLine(name: string, publish: readonly string[], subscribe: readonly string[], more = ""): string {
  const list = (names: readonly string[]): string => `[${names.map(quote).join(", ")}]`;
  // A user without a list may publish everything; one with a rule against everything, nothing.
  const mayPublish = publish.length === 0 ? '{ deny: [">"] }' : `{ allow: ${list(publish)} }`;
  const permissions = `{ publish: ${mayPublish}, subscribe: { allow: ${list(subscribe)} } }`;
  return `    { user: ${quote(name)}${more}, allowed_connection_types: ["MQTT"], permissions: ${permissions} }`;
}

/**
 * An MQTT filter as subjects: `#` stands for the level above it, too. Levels of this system hold no characters that
 * subjects write otherwise, but the dot.
 */
function subjects(filter: string): string[] {
  const levels = filter.split("/").map((level) => (level === "+" ? "*" : level.replaceAll(".", "//")));
  if (levels.at(-1) !== "#") return [levels.join(".")];
  const above = levels.slice(0, -1).join(".");
  return [above, `${above}.>`];
}

function quote(text: string): string {
  return JSON.stringify(text);
}
