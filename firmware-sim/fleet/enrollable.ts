/** May a run enrol its meters in a folder? Asked before anything is told or made, so that a refusal changes nothing. */
import { join } from "node:path";
import { assertSystem, type SystemSettings } from "../../config/enrolment/index.ts";
import type { Config } from "../../config/index.ts";
import type { FleetPlan } from "./fleet-plan.ts";
import { assertPlacement } from "./placement.ts";

/** Throws EnrolmentError or PlacementError where the folder has another system, other meters, or has them elsewhere. */
export function assertEnrollable(data: string, plan: FleetPlan, config: Config): void {
  assertSystem(join(data, "keys"), settingsOf(config));
  assertPlacement(data, plan);
}

/** What a simulated system is founded with. */
export function settingsOf({ system }: Pick<Config, "system">): SystemSettings {
  const { aggregators, threshold, quorum, slotSeconds } = system;
  return { aggregators, threshold, quorum, slotSeconds, simulation: true };
}
