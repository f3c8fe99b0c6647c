/** What the fields of the HTTP interface must agree on. */
import { type Check, unless } from "./check.ts";

export const API_CHECKS: readonly Check[] = [
  {
    fields: ["api.staffStreams", "api.maxStreams"],
    rule: "Customers get some streams of events",
    fault: ({ api: { staffStreams, maxStreams } }) =>
      unless(
        staffStreams < maxStreams,
        `${staffStreams} streams kept for the staff leave customers none of ${maxStreams}`,
      ),
  },
];
