/** What learning asks of the rest of the configuration. */
import { type Check, unless } from "./check.ts";

export const LEARNING_CHECKS: readonly Check[] = [
  {
    fields: ["learning.enabled", "meter.role"],
    rule: "Only customers' meters learn: the meter at a feeder's head is no household",
    fault: ({ learning: { enabled }, meter: { role } }) =>
      unless(!enabled || role === "customer", "the meter at the head of a feeder does not learn"),
  },
  {
    fields: ["learning.enabled", "learning.minMeters", "release.minMeters"],
    rule: "A household learns with at least as many homes as a released load has",
    fault: ({ learning: { enabled, minMeters }, release }) =>
      unless(
        !enabled || minMeters >= release.minMeters,
        `${minMeters} homes are fewer than the ${release.minMeters} of a released load`,
      ),
  },
];
