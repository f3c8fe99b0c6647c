/** How each process of a fleet is started: its name for people, its entry file and its arguments. */
import { join } from "node:path";
import type { Config } from "../../config/index.ts";
import { aggregatorId, workerSuffix } from "../../protocol/names.ts";
import type { RoleSpec } from "./supervisor.ts";

const ENTRIES = {
  broker: "broker/main.ts",
  utility: "utility/main.ts",
  analytics: "analytics/main.ts",
  aggregator: "aggregator/main.ts",
  api: "utility/api/main.ts",
  host: "firmware-sim/fleet/host-main.ts",
  emulated: "firmware-sim/fleet/emulated-main.ts",
} as const;

/** Hosts of emulated devices are called so, with a number behind it. */
export const EMULATED = "emulated";

/** Written by the host of the household that is shown, read by the HTTP interface. */
export function showcaseFile(data: string): string {
  return join(data, "fleet", "showcase.json");
}

export interface FleetRolesOptions {
  readonly data: string;
  readonly configFile: string;
  /** Another entry file for a process, by its name: `a-2`, `analytics`, `meters`. */
  readonly entryOf?: ((name: string) => string | undefined) | undefined;
  /** The configuration of a process that has one of its own. */
  readonly configOf?: ((name: string) => string) | undefined;
  readonly nodeFlagsOf?: ((name: string) => readonly string[]) | undefined;
}

/** Names of the processes of an aggregator: its own, or one for each worker. */
export function aggregatorProcesses(index: number, workers: number): string[] {
  const id = aggregatorId(index);
  return workers === 1 ? [id] : Array.from({ length: workers }, (_, i) => `${id}${workerSuffix(i + 1)}`);
}

export interface ApiStart {
  readonly accountsFile: string;
  readonly meter: string | undefined;
  /** Its readings are made up, so that one household may be shown. */
  readonly isMadeUp: boolean;
  readonly port?: number;
}

export class FleetRoles {
  readonly #options: FleetRolesOptions;

  constructor(options: FleetRolesOptions) {
    this.#options = options;
  }

  /** The embedded one, or the attendant of another one. */
  broker(engine: Config["simulation"]["broker"]): RoleSpec {
    const command = engine === "embedded" ? [] : ["attend", "--for", engine];
    return this.#role("broker", ENTRIES.broker, [...command, "--config", this.#options.configFile]);
  }

  server(name: "utility" | "analytics"): RoleSpec {
    return this.#role(name, ENTRIES[name], ["--config", this.#configOf(name)]);
  }

  /** The processes of an aggregator. */
  aggregator(index: number, { workers }: Pick<Config["simulation"], "workers">): RoleSpec[] {
    return aggregatorProcesses(index, workers).map((name, i) => {
      const worker = workers === 1 ? [] : ["--worker", String(i + 1)];
      const args = ["--id", String(index), ...worker, "--config", this.#configOf(name)];
      return this.#role(name, ENTRIES.aggregator, args);
    });
  }

  /** The HTTP interface; accounts that it makes are written to a file. `port`: where it listened before. */
  api({ accountsFile, meter, isMadeUp, port }: ApiStart): RoleSpec {
    const accounts = ["--demo-accounts", accountsFile, ...(meter === undefined ? [] : ["--demo-meter", meter])];
    const showcase = isMadeUp ? ["--demo-showcase", showcaseFile(this.#options.data)] : [];
    const at = port === undefined ? [] : ["--set", `api.port=${port}`];
    return this.#role("api", ENTRIES.api, ["--config", this.#configOf("api"), ...accounts, ...showcase, ...at]);
  }

  host(name: string): RoleSpec {
    const entry = name.startsWith(EMULATED) ? ENTRIES.emulated : ENTRIES.host;
    return this.#role(name, entry, [join(this.#options.data, name, "plan.json")]);
  }

  #role(name: string, usual: string, args: readonly string[]): RoleSpec {
    const nodeFlags = this.#options.nodeFlagsOf?.(name) ?? [];
    return { name, entry: this.#options.entryOf?.(name) ?? usual, args, nodeFlags };
  }

  #configOf(name: string): string {
    return this.#options.configOf?.(name) ?? this.#options.configFile;
  }
}
