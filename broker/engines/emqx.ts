/**
 * EMQX (5.0 or later), from its documentation: it is in no distribution that the tests could install, so these files were
 * never loaded. The certificate's CN is the user name and the client id; on the listener for second connections of meters
 * the whole subject is the client id. Without a certificate the user name would be what the client says, so there is no
 * listener for readers of what is public: they need a certificate.
 */
import type { Access } from "./access.ts";
import { type EngineFiles, type EnginePlan, WRITTEN_BY } from "./plan.ts";

export function emqxFiles(plan: EnginePlan): EngineFiles {
  return new Map([
    ["emqx.conf", configuration(plan)],
    ["acl.conf", rules(plan)],
  ]);
}

function configuration({ folder, keys, settings, nodes: [node] }: EnginePlan): string {
  if (node === undefined) throw new RangeError("emqx: expected one node, got none");
  const listener = (name: string, port: number): string[] => [
    `listeners.ssl.${name} {`,
    `  bind = "${node.host}:${port}"`,
    `  zone = ${name}`,
    `  max_connections = ${settings.maxConnections}`,
    "  ssl_options {",
    `    cacertfile = "${keys.authority}"`,
    `    certfile = "${keys.certificate}"`,
    `    keyfile = "${keys.key}"`,
    '    versions = ["tlsv1.3"]',
    "    verify = verify_peer",
    "    fail_if_no_peer_cert = true",
    "  }",
    "}",
  ];
  const zone = (name: string, clientId: "cn" | "dn"): string[] => [
    `zones.${name}.mqtt {`,
    "  peer_cert_as_username = cn",
    `  peer_cert_as_clientid = ${clientId}`,
    `  max_packet_size = ${settings.maxPacketBytes}B`,
    `  max_inflight = ${settings.maxInFlight}`,
    "}",
  ];
  return [
    `# ${WRITTEN_BY}`,
    "# Never loaded by its authors: to be tried before it is relied on.",
    ...listener("default", node.tls),
    ...zone("default", "cn"),
    ...listener("bulk", node.bulk),
    ...zone("bulk", "dn"),
    "listeners.tcp.default.enable = false",
    "listeners.ws.default.enable = false",
    "listeners.wss.default.enable = false",
    "authorization {",
    "  no_match = deny",
    "  deny_action = ignore",
    `  sources = [{ type = file, enable = true, path = "${folder}/acl.conf" }]`,
    "}",
    "",
  ].join("\n");
}

function rules({ access }: EnginePlan): string {
  const byUser = new Map<string, Access[]>();
  for (const client of access) byUser.set(client.identity.id, [...(byUser.get(client.identity.id) ?? []), client]);
  const lines = [...byUser].flatMap(([id, clients]) => [
    ...rule(`{username, "${id}"}`, "publish", unique(clients.flatMap(({ publish }) => publish))),
    ...rule(`{username, "${id}"}`, "subscribe", unique(clients.flatMap(({ subscribe }) => subscribe))),
  ]);
  return [`%% ${WRITTEN_BY}`, ...lines, "{deny, all}.", ""].join("\n");
}

function rule(who: string, action: "publish" | "subscribe", filters: readonly string[]): string[] {
  if (filters.length === 0) return [];
  return [`{allow, ${who}, ${action}, [${filters.map((filter) => `"${filter}"`).join(", ")}]}.`];
}

function unique(filters: readonly string[]): string[] {
  return [...new Set(filters)];
}
