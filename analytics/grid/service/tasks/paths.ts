/** Ways from generators to loads, for the loads and switches of a state. */
import type { z } from "zod";
import type { GridPaths, pathOptions } from "../../../../protocol/grid/index.ts";
import type { Grid } from "../../model/grid.ts";
import { routePaths } from "../../optimise/routing/routes.ts";
import { orFault } from "../fault.ts";
import type { Snapshot } from "../operation.ts";
import type { GridSettings } from "../plan.ts";
import { type At, brokenOf, goalOf, gridAt } from "./optimise.ts";
import { unservedOf, withUnserved } from "./unserved.ts";

/** A forest takes a whole power flow by Newton, where a tree of `optimise` takes sweeps: so many of those. */
const TREES_A_FOREST = 10;
/** Of the time for a request: the rest is for its turn, and for what is known of the answer. */
const TIME_SHARE = 0.5;

/** Throws GridFault `invalid` for what does not fit the grid. */
export function paths(
  grid: Grid,
  snapshot: Snapshot,
  options: z.infer<typeof pathOptions>,
  {
    settings,
    at,
  }: {
    readonly settings: Pick<GridSettings, "riskWeight" | "violationWeight" | "mostTrees" | "requestSeconds">;
    readonly at: At;
  },
): GridPaths {
  const { method, keepOpen, keepClosed, mostFlows, seed } = options;
  const broken = brokenOf(options, snapshot);
  const now = gridAt(grid, snapshot);
  const goal = goalOf(options, settings);
  const routed = orFault("invalid", "", () =>
    routePaths(now, {
      ...{ method, broken, keepOpen, keepClosed, seed, goal },
      mostMilliseconds: TIME_SHARE * settings.requestSeconds * 1_000,
      mostTrees: Math.floor(settings.mostTrees / TREES_A_FOREST),
      ...(mostFlows === undefined ? {} : { mostFlows }),
    }),
  );
  const { grid: _, reference, ...rest } = routed;
  const unserved = unservedOf(now, routed.cutOff);
  const { cost, violation } = withUnserved(routed, unserved, goal.violationWeight);
  const best = reference.cost + cost - routed.cost;
  return {
    ...{ ...at, ...rest, cost, violation, unservedMw: unserved.mw },
    reference: {
      ...{ kind: reference.kind, cost: best, flows: reference.flows },
      gapPercent: best > 0 ? 100 * (cost / best - 1) : reference.gapPercent,
    },
  } as GridPaths;
}
