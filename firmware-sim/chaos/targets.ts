/** Which processes a run has, and what may befall each. */
import { join } from "node:path";
import type { Config } from "../../config/index.ts";
import { aggregatorProcesses } from "../fleet/fleet-roles.ts";
import { ACTIONS, type ChaosAction, type Target } from "./schedule.ts";

const ON_LINKS: readonly ChaosAction[] = ["partition", "delay", "duplicate"];
/** How wrong the simulated clock of an aggregator, and that of whoever asks for totals, may be. */
const SKEW = { aggregator: 6, utility: 3 } as const;

export interface TargetsOptions {
  readonly config: Config;
  /** Names of the witnesses' processes. */
  readonly witnesses: readonly string[];
}

/** Nodes of the broker, as parties know them; the embedded one is a single one. */
export function brokerNodes({ simulation }: Pick<Config, "simulation">): string[] {
  if (simulation.broker === "nats") return ["node-1", "node-2", "node-3"];
  return simulation.broker === "mosquitto" ? ["mosquitto"] : ["broker"];
}

/** Where an attendant writes the process ids of its nodes. */
export function pidFiles(data: string, config: Pick<Config, "simulation">): Map<string, string> {
  const { broker } = config.simulation;
  if (broker === "embedded") return new Map();
  return new Map(brokerNodes(config).map((node) => [node, join(data, "broker", broker, `${node}.pid`)]));
}

/** Names of the processes that share the meters. */
function hostNames({ simulation }: Pick<Config, "simulation">): string[] {
  if (simulation.hosts === 1) return ["meters"];
  return Array.from({ length: simulation.hosts }, (_, i) => `meters-${i + 1}`);
}

export function targetsOf({ config, witnesses }: TargetsOptions): Target[] {
  const { simulation, system, homomorphic, grid, api } = config;
  const role = (name: string, actions = ACTIONS, skewSlots = 0): Target => ({ name, actions, skewSlots });
  const indices = Array.from({ length: system.aggregators }, (_, i) => i + 1);
  const aggregators = indices.flatMap((index) => aggregatorProcesses(index, simulation.workers));
  const isEmbedded = simulation.broker === "embedded";
  return [
    // An attendant carries no messages: cutting it off is cutting off its nodes.
    role("broker", isEmbedded ? ["kill", "stop", "clock", ...ON_LINKS] : ["kill", "stop", "clock"]),
    ...(isEmbedded ? [] : brokerNodes(config).map((node) => role(node, ["kill", "stop", ...ON_LINKS]))),
    ...aggregators.map((name) => role(name, ACTIONS, SKEW.aggregator)),
    role("utility", ACTIONS, SKEW.utility),
    ...(homomorphic.enabled || grid.enabled ? [role("analytics")] : []),
    ...(api.enabled ? [role("api", ["kill", "stop", "clock", ...ON_LINKS])] : []),
    ...hostNames(config).map((name) => role(name)),
    // HTTP has no PUBACK before which it could be cut.
    ...witnesses.map((name) => role(name, ["kill", "stop", "partition", "delay", "disk-full", "clock"])),
  ];
}
