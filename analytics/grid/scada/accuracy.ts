/** How well sensors measure: the same assumptions for the simulation and for the estimator that weighs their samples. */
import { powerFlow } from "../flow/power-flow.ts";
import type { Grid } from "../model/grid.ts";
import { apparentMva } from "../physics/limits.ts";
import { POINTS, type PointKind } from "./scan.ts";

/** Standard deviations: of voltage in p.u., of temperature in K, of the others as a share of the sensor's range. */
export interface Accuracy {
  readonly voltagePu: number;
  readonly temperatureK: number;
  readonly powerShare: number;
  readonly currentShare: number;
}

export const ACCURACY: Accuracy = { voltagePu: 0.002, temperatureK: 1, powerShare: 0.01, currentShare: 0.01 };

/** A sensor's range is what the planned case puts on it and some more, but at least this share of the largest. */
const LEAST_SHARE = 0.05;
const HEADROOM = 1.2;

/**
 * Standard deviation of each sensor in the unit of its kind; breakers have none. `grid` is the case as it is planned: the
 * ranges of sensors do not follow the state. Throws RangeError when the planned case has no power flow.
 */
export function deviations(grid: Grid, accuracy: Accuracy = ACCURACY): (kind: PointKind, element: number) => number {
  const result = powerFlow(grid, { dead: "shed" });
  if (!result.converged) throw new RangeError(`grid: ${grid.name} has no power flow: ${result.failure!.message}`);
  const load = rangesOf(grid.buses.map(({ loadMw, loadMvar }) => Math.hypot(loadMw, loadMvar)));
  const carried = rangesOf(grid.branches.map((_, i) => apparentMva(result, i)));
  const outputs = new Float64Array(grid.buses.length);
  for (const [i, { bus }] of grid.generators.entries()) {
    outputs[grid.indexOf.get(bus)!]! += Math.hypot(result.generatorMw[i]!, result.generatorMvar[i]!);
  }
  const output = rangesOf([...outputs]);
  return (kind, element) => {
    if (kind === "voltage") return accuracy.voltagePu;
    if (kind === "temperature") return accuracy.temperatureK;
    if (kind === "current") return (accuracy.currentShare * carried[element - 1]!) / grid.baseMva;
    if (POINTS[kind].at === "branch") return accuracy.powerShare * carried[element - 1]!;
    const generates = kind === "generation" || kind === "reactive_generation";
    return accuracy.powerShare * (generates ? output : load)[grid.indexOf.get(element)!]!;
  };
}

function rangesOf(planned: readonly number[]): number[] {
  const least = LEAST_SHARE * Math.max(...planned);
  return planned.map((mva) => Math.max(HEADROOM * mva, least));
}
