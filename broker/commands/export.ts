/** `export`: what another broker needs to enforce the same rules, as files. */
import type { RoleContext } from "../../config/runtime/role-command.ts";
import { clusterSecretOf, configuredNodes, engineFiles } from "../engines/engines.ts";
import { writeEngineFiles } from "../engines/write-files.ts";
import { engineOf, folderOf } from "./engine-flags.ts";
import { openBrokerParty, openRevocations } from "./open.ts";

export function exportCommand(context: RoleContext): Promise<void> {
  const { config, json } = context;
  const engine = engineOf(context);
  const folder = folderOf(context, engine);
  const party = openBrokerParty(context);
  const { database, revocations } = openRevocations(context, party, false);
  const meters = revocations.admitted();
  database.close();
  const nodes = configuredNodes(engine, config);
  const files = writeEngineFiles(
    folder,
    engineFiles(
      { engine, folder, settings: config.broker, nodes, clusterSecret: clusterSecretOf(party) },
      { party, meters },
    ),
  );
  const [first] = nodes;
  if (json) process.stdout.write(`${JSON.stringify({ engine, folder, files, meters: meters.length, nodes })}\n`);
  else {
    process.stdout.write(
      [
        `${files.length} files for ${engine}, with the rules of ${meters.length} meters:`,
        ...files.map((file) => `  ${file}`),
        `The engine reads the broker's keys where they are, ${party.folder}: it has to run as their owner.`,
        "Parties find it with these settings:",
        `  broker: { kind: external, host: ${first?.host ?? ""}, tlsPort: ${first?.tls ?? 0}${first?.bulk ? `, bulkPort: ${first.bulk}` : ""} }`,
        "Write them again, and let the engine reload, whenever a meter is added or revoked; `attend` does so by itself.",
        "",
      ].join("\n"),
    );
  }
  return Promise.resolve();
}
