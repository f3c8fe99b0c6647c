/**
 * Temperature of lines and transformers: heating grows with the square of the current and approaches its final value
 * exponentially, with one time constant (first order, as for short-time ratings; no wind or sun).
 */
import type { Branch, Grid } from "../model/grid.ts";

export interface ThermalModel {
  /** Above ambient at rated current, once settled, in K. */
  readonly ratedRiseK: number;
  readonly timeConstantSeconds: number;
}

/** A bare conductor: 80 degrees Celsius at 40 of ambient. The oil of a transformer: 55 K, three hours. */
export const THERMAL: Readonly<Record<Branch["kind"], ThermalModel>> = {
  line: { ratedRiseK: 40, timeConstantSeconds: 600 },
  transformer: { ratedRiseK: 55, timeConstantSeconds: 10_800 },
};

/** Where the temperature settles at `loading` (current over rated current), in degrees Celsius. */
export function settledC({ ratedRiseK }: ThermalModel, loading: number, ambientC: number): number {
  return ambientC + ratedRiseK * loading * loading;
}

/** After `seconds` of constant loading and ambient, from `fromC`. Throws RangeError for a time below 0. */
export function temperatureAfter(
  model: ThermalModel,
  { fromC, loading, ambientC, seconds }: Readonly<Record<"fromC" | "loading" | "ambientC" | "seconds", number>>,
): number {
  if (!(seconds >= 0)) throw new RangeError(`seconds: expected 0 or more, got ${seconds}`);
  const settled = settledC(model, loading, ambientC);
  return settled + (fromC - settled) * Math.exp(-seconds / model.timeConstantSeconds);
}

/** The temperature of every branch of a grid, in the order of its branches. */
export class BranchTemperatures {
  readonly celsius: Float64Array;
  readonly #models: readonly ThermalModel[];
  readonly #ratedPu: Float64Array;

  /** Starts at ambient. `ratedPu` is each branch's current at its rating in p.u.; without one a branch stays cold. */
  constructor(grid: Grid, ambientC: number, models: Readonly<Record<Branch["kind"], ThermalModel>> = THERMAL) {
    this.celsius = new Float64Array(grid.branches.length).fill(ambientC);
    this.#models = grid.branches.map(({ kind }) => models[kind]);
    this.#ratedPu = Float64Array.from(grid.branches, ({ rateMva }) => rateMva / grid.baseMva);
  }

  /** `currentPu` as a power flow gives it. */
  step(currentPu: Float64Array, ambientC: number, seconds: number): void {
    for (const [i, model] of this.#models.entries()) {
      const loading = currentPu[i]! / this.#ratedPu[i]!;
      this.celsius[i] = temperatureAfter(model, { fromC: this.celsius[i]!, loading, ambientC, seconds });
    }
  }
}
