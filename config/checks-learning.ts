/** What learning asks of the rest of the configuration. */
import { type Check, unless } from "./check.ts";
import { releaseFault } from "./schema-releases.ts";

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
  {
    fields: ["analytics.releases", "system.slotSeconds"],
    rule: "Releases have different names, and fit a message",
    fault: ({ analytics: { releases }, system: { slotSeconds } }) => releaseFault(releases, slotSeconds),
  },
  {
    fields: ["analytics.releases", "meter.historyDays"],
    rule: "The history of meters covers the days of a release",
    fault: ({ analytics: { releases }, meter: { historyDays } }) => {
      const long = releases.find(({ days, waitSeconds }) => days + waitSeconds / 86_400 >= historyDays);
      return unless(long === undefined, `${historyDays} days of history do not cover ${long?.name}`);
    },
  },
];
