/** Witnesses of a run's log as processes of their own, each reached by the utility through a relay. */
import { execFile } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Config } from "../../config/index.ts";
import { logPolicy } from "../../config/log-policy.ts";
import { openParty } from "../../config/keys/index.ts";
import { formatKey, formatPolicy } from "../../protocol/log/index.ts";
import type { RoleSpec } from "../fleet/supervisor.ts";
import type { ChaosNetwork } from "./network.ts";

const ENTRY = "witness/main.ts";
const START = fileURLToPath(new URL("../../config/runtime/start.mjs", import.meta.url));
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Witnesses {
  /** How each is started. */
  readonly specs: readonly RoleSpec[];
  /** The folder of each, by its process's name. */
  readonly folders: ReadonlyMap<string, string>;
  /** The log's section of the configuration, with them in it. */
  readonly log: Config["log"];
  /** By what the log is believed, as text. */
  readonly policy: string;
}

export interface WitnessesOptions {
  readonly config: Config;
  readonly data: string;
  readonly count: number;
  readonly network: ChaosNetwork;
  readonly nodeFlags: readonly string[];
}

export function witnessNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `witness-${i + 1}`);
}

/** Makes their keys and opens their ways; the system must be enrolled. All of them are asked for. */
export async function prepareWitnesses(options: WitnessesOptions): Promise<Witnesses> {
  const { config, data, count, network, nodeFlags } = options;
  const utilityKey = openParty(join(data, "keys", "utility")).directory.servers.get("utility")?.signKey;
  if (utilityKey === undefined) throw new Error("the directory lists no key of the utility");
  const logKey = formatKey(logPolicy(config, utilityKey).log);
  const folders = new Map<string, string>();
  const specs: RoleSpec[] = [];
  const witnesses: { key: string; url: string }[] = [];
  for (const process of witnessNames(count)) {
    const name = `${process}.chaos`;
    const paths = ["data", "logs", "results"] as const;
    const settings = [
      ...paths.map((path) => `paths.${path}=${config.paths[path]}`),
      `witness.logs=${JSON.stringify([logKey])}`,
      "logging.level=error",
    ].flatMap((setting) => ["--set", setting]);
    const port = await freePort();
    const key = await keyOf(["--name", name, ...settings]);
    const url = `http://127.0.0.1:${await network.open(process, process, { host: "127.0.0.1", port })}`;
    witnesses.push({ key, url });
    specs.push({ name: process, entry: ENTRY, args: ["--name", name, "--port", String(port), ...settings], nodeFlags });
    folders.set(process, join(data, "witness", name));
  }
  const log = { ...config.log, witnesses, quorum: count };
  return { specs, folders, log, policy: formatPolicy(logPolicy({ log }, utilityKey)) };
}

async function keyOf(args: readonly string[]): Promise<string> {
  const command = [START, ENTRY, "key", "--json", ...args];
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: ROOT });
  return (JSON.parse(stdout) as { key: string }).key;
}

/** Started again, a process is to be where it was: so the port is chosen here. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
