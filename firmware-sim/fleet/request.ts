/** What the flags of `npm run fleet` ask for, checked before anything is made. */
import { resolve } from "node:path";
import type { Config } from "../../config/index.ts";
import { type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { type FleetPlan, planGenerated, planReplay } from "./fleet-plan.ts";
import { withEmulated } from "./emulated-plan.ts";
import { readHistory } from "./history.ts";
import { isLinkPreset, LINK_NAMES } from "./network-endpoint.ts";
import { startNote, takeOverFeeders } from "./taken-over.ts";
import { checkTariffs } from "./tariff-check.ts";

/** Days that a run limited by its duration may have, if nobody says how many. */
const MANY_DAYS = 366;

export interface FleetRequest {
  readonly data: string;
  readonly plan: FleetPlan;
  readonly config: Config;
  /** What the user should know before the run: where it is not quite what was asked for. */
  readonly notes: readonly string[];
  /** Seconds after which feeding ends. */
  readonly duration: number | undefined;
  readonly withoutAggregators: readonly number[];
  readonly fresh: boolean;
  readonly keepRunning: boolean;
  /** Where the readings that were fed are to be written. */
  readonly truth: string | undefined;
}

/** Throws UsageError, ReplayError. */
export async function requestOf(asked: RoleContext): Promise<FleetRequest> {
  const { options } = asked;
  const { network } = asked.config.simulation;
  if (!isLinkPreset(network)) {
    throw new UsageError(`--network: expected one of ${LINK_NAMES.join(", ")}, got ${network}`);
  }
  const duration = secondsOf(options["duration"]);
  const withoutAggregators = indices(options["withoutAggregators"], asked.config);
  const data = resolve(asked.config.paths.data);
  const fresh = options["fresh"] === true;
  await checkTariffs(asked.config, (path) => isChosen(asked, path));
  const isOpen = !fresh && options["readings"] === undefined && !isChosen(asked, "simulation.feeders");
  const taken = isOpen ? takeOverFeeders(asked.config, data) : undefined;
  if (asked.config.simulation.emulated > 0 && options["readings"] !== undefined) {
    throw new UsageError("--emulated: a file of readings has no pulses; it goes with simulated households only");
  }
  if (asked.config.simulation.heads && options["readings"] !== undefined) {
    throw new UsageError("--heads: a file of readings says nothing of losses; it goes with simulated households only");
  }
  const emulated = withEmulated(taken?.config ?? asked.config, (path) => isChosen(asked, path));
  const context = { ...asked, config: emulated.config };
  const plan = await planOf(context, fresh ? undefined : data, duration);
  return {
    data,
    plan,
    config: configOf(context, plan),
    notes: [
      taken?.note,
      ...emulated.notes,
      startNote(isChosen(asked, "simulation.start") ? asked.config.simulation.start : undefined, plan),
    ].filter((note) => note !== undefined),
    duration,
    withoutAggregators,
    fresh,
    keepRunning: options["keepRunning"] === true,
    truth: typeof options["truth"] === "string" ? options["truth"] : undefined,
  };
}

/** Has the user set this field, by whatever means? */
function isChosen({ origins }: RoleContext, path: string): boolean {
  return !["default", "profile"].includes(origins.get(path)?.kind ?? "default");
}

/** The run's configuration: a replay is one bill for the whole file unless the user says otherwise. */
function configOf(context: RoleContext, plan: FleetPlan): Config {
  const { config } = context;
  if (plan.feed.kind !== "replayed" || isChosen(context, "billing.period")) return config;
  return { ...config, billing: { ...config.billing, period: "whole" } };
}

/** `data`: the folder whose earlier runs are gone on with, if any. */
async function planOf(context: RoleContext, data: string | undefined, duration?: number): Promise<FleetPlan> {
  const { config, options } = context;
  const file = options["readings"];
  if (typeof file === "string") {
    try {
      return await planReplay(config, resolve(file));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "EACCES" || code === "EISDIR") {
        throw new UsageError(`--readings ${file}: cannot be read (${code})`);
      }
      throw error;
    }
  }
  const days = duration === undefined || isChosen(context, "simulation.days") ? config.simulation.days : MANY_DAYS;
  const history = data === undefined ? undefined : readHistory(data);
  return await planGenerated({ ...config, simulation: { ...config.simulation, days } }, history);
}

function indices(text: unknown, { system }: Config): number[] {
  if (typeof text !== "string" || text === "") return [];
  return text.split(",").map((part) => {
    const index = Number(part);
    if (Number.isInteger(index) && index >= 1 && index <= system.aggregators) return index;
    throw new UsageError(`--without-aggregators: expected indices from 1 to ${system.aggregators}, got ${part}`);
  });
}

function secondsOf(duration: unknown): number | undefined {
  if (duration === undefined) return undefined;
  const seconds = Number(duration);
  if (seconds > 0 && seconds < 2_000_000) return seconds;
  throw new UsageError(`--duration: expected a number of seconds above 0, got ${JSON.stringify(duration)}`);
}
