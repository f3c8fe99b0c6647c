/** Ratings for cases that come without: many published feeders name none. */
import { powerFlow } from "../flow/power-flow.ts";
import type { Grid } from "../model/grid.ts";
import { apparentMva } from "./limits.ts";

/** Of the largest power in the grid: what a line is good for that carries nothing in the case at hand, as ties do. */
const LEAST_SHARE = 0.3;

/**
 * Branches without a rating get `headroom` times what they carry in the case as it stands. Assumed figures: say so
 * where they are shown. Throws RangeError when the case has no power flow.
 */
export function withAssumedRatings(grid: Grid, headroom = 1.5): Grid {
  if (grid.branches.every(({ rateMva }) => Number.isFinite(rateMva))) return grid;
  const result = powerFlow(grid, { dead: "shed" });
  if (!result.converged) throw new RangeError(`grid: ${grid.name} has no power flow: ${result.failure!.message}`);
  const carried = grid.branches.map((_, i) => apparentMva(result, i));
  const least = LEAST_SHARE * Math.max(...carried);
  const branches = grid.branches.map((branch, i) =>
    Number.isFinite(branch.rateMva) ? branch : { ...branch, rateMva: headroom * Math.max(carried[i]!, least) },
  );
  return { ...grid, branches };
}
