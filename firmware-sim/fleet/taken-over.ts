/** What a run takes over from its folder in place of the configuration, and how it says so. */
import type { Config } from "../../config/index.ts";
import { enrolledRecords, spreadOf } from "./enrolled.ts";
import type { FleetPlan } from "./fleet-plan.ts";

export interface TakenOver {
  readonly config: Config;
  /** A sentence for the user, where something else holds than would in a new folder. */
  readonly note: string | undefined;
}

/** The feeders of the folder, where the user has not asked for a number of them. */
export function takeOverFeeders(config: Config, data: string): TakenOver {
  const feeders = spreadOf(enrolledRecords(data));
  if (feeders === undefined || feeders === config.simulation.feeders) return { config, note: undefined };
  const note = `${feeders} ${feeders === 1 ? "feeder, as this folder has it" : "feeders, as this folder has them"}`;
  return { config: { ...config, simulation: { ...config.simulation, feeders } }, note };
}

/** A first day that was asked for, but is not the one on which this run begins. */
export function startNote(asked: string | undefined, { feed, dates }: FleetPlan): string | undefined {
  if (asked === undefined || asked === dates.from) return undefined;
  if (feed.kind === "replayed") return `the file begins with ${dates.from}: --start ${asked} is ignored`;
  return `this folder goes on with ${dates.from}: --start ${asked} is ignored (--fresh or another --data begins anew)`;
}
