/** The engines that this system's rules can be written for, and how each is started on this machine. */
import { hkdfSync } from "node:crypto";
import { userInfo } from "node:os";
import { join, resolve } from "node:path";
import type { Config } from "../../config/index.ts";
import { type Party, REVOCATION_FILE } from "../../config/keys/index.ts";
import { brokerAddress } from "../../config/runtime/broker-address.ts";
import type { ClientIdentity } from "../../protocol/topics.ts";
import { accessOf, allAccess } from "./access.ts";
import { emqxFiles } from "./emqx.ts";
import { mosquittoFiles } from "./mosquitto.ts";
import { natsFiles } from "./nats.ts";
import type { EngineFiles, EngineNode, EnginePlan } from "./plan.ts";

export const ENGINES = ["mosquitto", "nats", "emqx"] as const;
export type EngineName = (typeof ENGINES)[number];

const WRITERS: Record<EngineName, (plan: EnginePlan) => EngineFiles> = {
  mosquitto: mosquittoFiles,
  nats: natsFiles,
  emqx: emqxFiles,
};

/** The commands of engines that `attend` can start. */
export const COMMANDS: Partial<Record<EngineName, string>> = { mosquitto: "mosquitto", nats: "nats-server" };

/**
 * What parties subscribe with. NATS keeps a consumer of JetStream, with a vote of its nodes, for every filter of QoS 1
 * of every client; when a majority of nodes was gone, some of them stay silent for ever. Of QoS 0 there is none.
 */
export const DELIVERY_QOS: Record<EngineName, 0 | 1> = { mosquitto: 1, nats: 0, emqx: 1 };

/** NATS' own ports, as its documentation has them, and those of the node that only reads. */
const NATS_PORTS = { client: 4_222, cluster: 6_222 };
const READER_PORTS = { client: 4_223, cluster: 6_223 };
/** Where second connections go if the configuration names no port for them. */
const BULK_PORT = 8_885;
const READER = "reader";

export interface Membership {
  readonly party: Party;
  /** Meters that may connect. */
  readonly meters: readonly string[];
}

export interface EngineSite {
  readonly engine: EngineName;
  readonly folder: string;
  readonly settings: Config["broker"];
  readonly nodes: readonly EngineNode[];
  /** Of a cluster whose nodes run: they know each other by it, also when the broker's key is renewed. */
  readonly clusterSecret: string;
}

/** Everything that the engine reads, by file name. */
export function engineFiles(site: EngineSite, membership: Membership): EngineFiles {
  const { engine, folder, settings, nodes, clusterSecret } = site;
  const { party, meters } = membership;
  const path = (name: string): string => join(resolve(party.folder), name);
  return WRITERS[engine]({
    folder: resolve(folder),
    keys: {
      certificate: path("identity.crt"),
      key: path("identity.key"),
      authority: path("ca.crt"),
      ...(party.tls.crl === undefined ? {} : { refused: path(REVOCATION_FILE) }),
    },
    user: userInfo().username,
    settings,
    access: allAccess(serversOf(party), meters),
    anyone: accessOf({ id: "public", role: "public" }),
    nodes,
    clusterSecret,
  });
}

/** The nodes as the configuration names them; each on a machine of its own, but for the reader beside the first one. */
export function configuredNodes(engine: EngineName, config: Config): EngineNode[] {
  const { tlsPort, publicPort, bulkPort } = config.broker;
  const { host, port, others = [] } = brokerAddress(config);
  if (engine !== "nats") {
    const node = { name: engine, host, tls: tlsPort, bulk: bulkPort || BULK_PORT, public: 0, client: 0, cluster: 0 };
    return withReader(engine, node, publicPort);
  }
  const places = [{ host, port }, ...others];
  const cluster = places.length > 1;
  const nodes = places.map((place, i) => ({
    ...{ name: `node-${i + 1}`, host: place.host, tls: place.port, bulk: 0, public: 0 },
    ...{ client: NATS_PORTS.client, cluster: cluster ? NATS_PORTS.cluster : 0 },
  }));
  return cluster ? [...nodes, { name: READER, host, tls: 0, bulk: 0, public: publicPort, ...READER_PORTS }] : nodes;
}

/** Nodes of this machine. `choose` gives the wanted port, or a free one for 0. */
export async function localNodes(
  engine: EngineName,
  config: Config,
  count: number,
  choose: (wanted: number) => Promise<number>,
): Promise<EngineNode[]> {
  const { listen: host, tlsPort, publicPort, bulkPort } = config.broker;
  const tls = await choose(tlsPort);
  if (engine !== "nats") {
    const node = { name: engine, host, tls, bulk: await choose(bulkPort), public: 0, client: 0, cluster: 0 };
    return withReader(engine, node, await choose(publicPort));
  }
  const node = async (name: string, ports: { tls: number; public: number }): Promise<EngineNode> => ({
    ...{ name, host, bulk: 0, ...ports },
    client: await choose(0),
    cluster: count > 1 ? await choose(0) : 0,
  });
  const nodes = [await node("node-1", { tls, public: 0 })];
  // Started again, they are where they were.
  const { others = [] } = brokerAddress(config);
  for (let i = 1; i < count; i++) {
    nodes.push(await node(`node-${i + 1}`, { tls: await choose(others[i - 1]?.port ?? 0), public: 0 }));
  }
  return count > 1 ? [...nodes, await node(READER, { tls: 0, public: await choose(publicPort) })] : nodes;
}

/** Mosquitto has a process of its own for readers without a certificate; EMQX has no port for them. */
function withReader(engine: EngineName, node: EngineNode, port: number): EngineNode[] {
  return engine === "mosquitto" ? [node, { ...node, name: READER, tls: 0, bulk: 0, public: port }] : [node];
}

/** The arguments with which a node is started. */
export function argumentsOf(folder: string, { name }: EngineNode): string[] {
  return ["-c", join(folder, `${name}.conf`)];
}

/** All that the directory lists, and those that it does not since they neither sign nor receive sealed messages. */
function serversOf({ directory }: Party): ClientIdentity[] {
  const listed = [...directory.servers].map(([id, { role }]) => ({ id, role }));
  const more = (["api", "broker"] as const).map((role) => ({ id: role, role }));
  return [...listed, ...more.filter(({ id }) => !directory.servers.has(id))];
}

/** 32 bytes in hexadecimal, by HKDF from the broker's private key. */
export function clusterSecretOf({ tls }: Party): string {
  const secret = hkdfSync("sha256", tls.key, "", "wattveil broker cluster", 32);
  return Buffer.from(secret).toString("hex");
}
