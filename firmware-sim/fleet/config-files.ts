/**
 * The configuration that a fleet writes for its processes: one file for all, and one of its own for each process that
 * reaches the broker by another way, such as through a relay that can be cut.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import type { Config } from "../../config/index.ts";
import { daysOf, type FleetPlan } from "./fleet-plan.ts";

/** Where a process finds the broker, given where the broker is. */
export type RouteOf = (process: string, broker: Config["broker"]) => Promise<Config["broker"]>;

export interface ConfigFilesOptions {
  readonly data: string;
  readonly config: Config;
  readonly plan: FleetPlan;
  readonly routeOf?: RouteOf | undefined;
}

export class ConfigFiles {
  /** The file of all processes, with the broker's own address. */
  readonly shared: string;
  readonly #options: ConfigFilesOptions;

  constructor(options: ConfigFilesOptions) {
    this.#options = options;
    this.shared = join(options.data, "fleet", "config.yaml");
  }

  /** The file that a process reads. */
  of(name: string): string {
    if (this.#options.routeOf === undefined) return this.shared;
    return join(this.#options.data, "fleet", `config-${name}.yaml`);
  }

  writeShared(broker: Config["broker"]): void {
    this.#write(this.shared, broker);
  }

  /** The files of these processes; there are none where all go straight to the broker. */
  async writeRoutes(names: readonly string[], broker: Config["broker"]): Promise<void> {
    const { routeOf } = this.#options;
    if (routeOf === undefined) return;
    for (const name of names) this.#write(this.of(name), await routeOf(name, broker));
  }

  #write(file: string, broker: Config["broker"]): void {
    const { data, config, plan } = this.#options;
    const effective = {
      ...config,
      paths: { data, results: resolve(config.paths.results), logs: resolve(config.paths.logs) },
      broker,
      // The utility counts from the first of these days, and `whole` bills end with the last one.
      simulation: { ...config.simulation, enabled: true, start: plan.dates.from, days: daysOf(plan.dates) },
    };
    mkdirSync(join(data, "fleet"), { recursive: true });
    writeFileSync(file, `# Written by the fleet: the configuration of its processes.\n${stringify(effective)}`);
  }
}
