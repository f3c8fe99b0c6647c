/** The state as it is published: what a scan says, and what only the service knows beside it. */
import type { GridState, GridTopology, Switching } from "../../../protocol/grid/index.ts";
import type { Believed, Outcome } from "./operation.ts";
import type { OperationPlan } from "./plan.ts";

export interface Circumstances {
  readonly plan: OperationPlan;
  readonly topology: GridTopology;
  readonly sequence: number;
  /** Start of the newest released slot, Unix seconds; null before any. */
  readonly slotStart: number | null;
  /** Feeders with a released load. */
  readonly feeders: number;
  readonly switching: Switching | null;
  /** Unix seconds. */
  readonly publishedAt: number;
}

export function stateOf(
  believed: Believed,
  { findings, findingsLeftOut }: Pick<Outcome, "findings" | "findingsLeftOut">,
  { plan, topology, sequence, slotStart, feeders, switching, publishedAt }: Circumstances,
): GridState {
  const { settings, grid, assumedRatings } = plan;
  return {
    ...{ case: grid.name, topology: topology.digest, sequence, source: settings.scada },
    ...{ ...believed, assumedRatings, publishedAt },
    loads: {
      source: settings.scada !== "simulated" ? "sensors" : slotStart === null ? "case" : "feeders",
      ...{ slotStart, feeders, factor: settings.loadFactor },
      stale: findings.some(({ kind, element }) => kind === "stale" && element.startsWith("feeder:")),
    },
    switching,
    ...{ findings: [...findings], findingsLeftOut },
  };
}
