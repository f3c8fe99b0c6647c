/** Ways from generators to loads, for the loads and switches of a state. */
import type { z } from "zod";
import type { GridPaths, pathOptions } from "../../../../protocol/grid/index.ts";
import type { Grid } from "../../model/grid.ts";
import { routePaths } from "../../optimise/routing/routes.ts";
import { orFault } from "../fault.ts";
import type { Snapshot } from "../operation.ts";
import type { GridSettings } from "../plan.ts";
import { type At, goalOf, gridAt } from "./optimise.ts";

/** Throws GridFault `invalid` for what does not fit the grid. */
export function paths(
  grid: Grid,
  snapshot: Snapshot,
  options: z.infer<typeof pathOptions>,
  { settings, at }: { readonly settings: Pick<GridSettings, "riskWeight" | "violationWeight">; readonly at: At },
): GridPaths {
  const { method, broken, keepOpen, keepClosed, mostFlows, seed } = options;
  const routed = orFault("invalid", "", () =>
    routePaths(gridAt(grid, snapshot), {
      ...{ method, broken, keepOpen, keepClosed, seed, goal: goalOf(options, settings) },
      ...(mostFlows === undefined ? {} : { mostFlows }),
    }),
  );
  const { grid: _, reference, ...rest } = routed;
  const { kind, cost, gapPercent, flows } = reference;
  return { ...at, ...rest, reference: { kind, cost, gapPercent, flows } } as GridPaths;
}
