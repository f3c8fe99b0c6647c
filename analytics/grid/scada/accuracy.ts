/** How well sensors measure: the same assumptions for the simulation and for the estimator that weighs their samples. */
import type { Grid } from "../model/grid.ts";
import { POINTS, type PointKind } from "./scan.ts";

/** Standard deviations: of voltage in p.u., of temperature in K, of the others as a share of the sensor's range. */
export interface Accuracy {
  readonly voltagePu: number;
  readonly temperatureK: number;
  readonly powerShare: number;
  readonly currentShare: number;
}

export const ACCURACY: Accuracy = { voltagePu: 0.002, temperatureK: 1, powerShare: 0.01, currentShare: 0.01 };

/** A sensor's range is what the case loads it with, but at least this share of the largest. */
const LEAST_SHARE = 0.05;

/**
 * Standard deviation of each sensor in the unit of its kind; breakers have none. `grid` is the case as it is planned, with
 * a rating for every branch (`withAssumedRatings`): the ranges of sensors do not follow the state.
 */
export function deviations(grid: Grid, accuracy: Accuracy = ACCURACY): (kind: PointKind, element: number) => number {
  const load = grid.buses.map(({ loadMw, loadMvar }) => Math.hypot(loadMw, loadMvar));
  const output = new Float64Array(grid.buses.length);
  for (const { bus, pMw, pMaxMw } of grid.generators) {
    output[grid.indexOf.get(bus)!]! += Math.max(Math.abs(pMw), Number.isFinite(pMaxMw) ? pMaxMw : 0);
  }
  const total = load.reduce((sum, mva) => sum + mva, 0);
  const least = LEAST_SHARE * Math.max(...load, 1e-6 * grid.baseMva);
  return (kind, element) => {
    if (kind === "voltage") return accuracy.voltagePu;
    if (kind === "temperature") return accuracy.temperatureK;
    if (POINTS[kind].at === "branch") {
      const { rateMva } = grid.branches[element - 1]!;
      if (!Number.isFinite(rateMva)) throw new RangeError(`grid: branch ${element} of ${grid.name} has no rating`);
      if (kind === "current") return (accuracy.currentShare * rateMva) / grid.baseMva;
      return accuracy.powerShare * rateMva;
    }
    const bus = grid.indexOf.get(element)!;
    const generates = kind === "generation" || kind === "reactive_generation";
    // A reference gives what the rest does not, at most about the whole load.
    const range = generates ? Math.min(output[bus]!, Math.max(total, least)) : load[bus]!;
    return accuracy.powerShare * Math.max(range, least);
  };
}
