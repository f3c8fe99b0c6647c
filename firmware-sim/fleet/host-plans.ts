/** Which process of a fleet hosts which meters: simulated ones in turn over hosts, emulated ones some hundred in each. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../config/index.ts";
import type { FleetPlan } from "./fleet-plan.ts";
import { EMULATED } from "./fleet-roles.ts";
import type { HostPlan } from "./host-messages.ts";

/** So many keep a core busy. */
const DEVICES_PER_PROCESS = 250;

export interface HostPlansOptions {
  readonly config: Config;
  readonly plan: FleetPlan;
  readonly data: string;
  /** The configuration of a host. */
  readonly configOf: (name: string) => string;
}

/** Writes the plan of every host to its folder; returns the hosts' names. A host without meters is left out. */
export function writeHostPlans({ config, plan, data, configOf }: HostPlansOptions): string[] {
  const { hosts, network, seed } = config.simulation;
  const emulated = new Set(plan.emulated);
  const homes = [...plan.source.meters.keys()].filter((index) => !emulated.has(index));
  // Heads stand behind all other meters in a host's list.
  const others = [...homes, ...plan.heads.map((_, head) => plan.source.meters.length + head)];
  const processes = Math.ceil(plan.emulated.length / DEVICES_PER_PROCESS);
  const groups = [
    ...dealt(others, hosts).map((meters, i) => ({ name: hosts === 1 ? "meters" : `meters-${i + 1}`, meters })),
    ...dealt(plan.emulated, processes).map((meters, i) => ({ name: `${EMULATED}-${i + 1}`, meters })),
  ].filter(({ meters }) => meters.length > 0);
  for (const { name, meters } of groups) {
    const hostPlan: HostPlan = { name, configFile: configOf(name), data, meters, feed: plan.feed, network, seed };
    mkdirSync(join(data, name), { recursive: true, mode: 0o700 });
    writeFileSync(join(data, name, "plan.json"), JSON.stringify(hostPlan));
  }
  return groups.map(({ name }) => name);
}

function dealt(meters: readonly number[], hands: number): number[][] {
  return Array.from({ length: hands }, (_, hand) => meters.filter((_meter, place) => place % hands === hand));
}
