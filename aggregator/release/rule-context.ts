/** What the release rules judge by: what was released, who belongs where, and what is missing. */
import type { Gaps } from "./catchup.ts";
import type { ReleaseLimits } from "./differences.ts";
import type { LostHistory } from "./lost-history.ts";
import type { ReleaseStore } from "./release-store.ts";

/** Who belongs where, by countersigned records. */
export interface Members {
  /** The meter's number in this aggregator's database; undefined when it is unknown. */
  numberOf(meter: string): number | undefined;
  /** The slots from `from` up to `to` at which the meter's countersigned place is the feeder, as a bitmap. */
  slotsOn(meter: string, feeder: string, from: number, to: number): Uint8Array;
  /** Whether the meter stands at the head of feeders; else it is a customer's. */
  isHead(meter: string): boolean;
  /** The customers' meters with a place on the feeder in at least one of these slots. */
  roster(feeder: string, from: number, to: number): string[];
}

export interface RuleContext extends ReleaseLimits {
  readonly store: ReleaseStore;
  readonly members: Members;
  readonly gaps: Gaps;
  readonly lost: Pick<LostHistory, "before">;
  /** Whether the meter (by number) has ever shared anything of what it feeds back. */
  readonly exports: (meter: number) => boolean;
}
