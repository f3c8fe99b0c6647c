/**
 * The trusted state: a fit from which grossly wrong measurements are taken out. They are noticed by the chi-square test of
 * the whole fit or by a residual too large for its own standard deviation, located by the largest normalised residual,
 * removed one by one, and the rest is fitted again.
 */
import type { Grid } from "../model/grid.ts";
import type { Measurement } from "./measurement.ts";
import { chiSquareQuantile, normalQuantile } from "./quantiles.ts";
import { type Fit, FITTED, HELD_AGAINST, OUT, WlsEstimator } from "./wls.ts";

export interface EstimateOptions {
  /** Chance that a scan without bad data is suspected by one of the two tests; default 0.01. */
  readonly falseAlarm?: number;
  /** Where an iteration starts; the last state, as a rule. */
  readonly start?: { readonly vmPu: Float64Array; readonly vaRad: Float64Array };
}

export interface Suspect {
  readonly measurement: Measurement;
  /** Measured less fitted, in p.u., at the moment of its removal. */
  readonly residual: number;
  readonly normalisedResidual: number;
}

export interface Estimate {
  /**
   * `trusted`: converged, and what is left passes the tests; `suspect`: it does not, and no measurement stands out;
   * `unobservable`: the measurements do not tell every voltage; `failed`: no convergence.
   */
  readonly status: "trusted" | "suspect" | "unobservable" | "failed";
  /** By bus; 0 without supply. Not to be used when `failed` or `unobservable`. */
  readonly vmPu: Float64Array;
  readonly vaRad: Float64Array;
  /** Ids of buses with supply whose voltage nothing tells. */
  readonly unobservable: readonly number[];
  /** Taken out as bad data, in the order of removal. */
  readonly removed: readonly Suspect[];
  /** Of the first fit, before anything was removed. */
  readonly firstObjective: number;
  readonly objective: number;
  /** That `objective` exceeds by chance as rarely as `falseAlarm` says. */
  readonly objectiveLimit: number;
  readonly degreesOfFreedom: number;
  readonly largestNormalisedResidual: number;
  /** That a normalised residual exceeds by chance, in any measurement, as rarely as `falseAlarm` says. */
  readonly residualLimit: number;
  /** Points that nothing else checks: bad data in them cannot be noticed. */
  readonly critical: readonly string[];
  readonly measurements: number;
  readonly iterations: number;
}

/** A residual that keeps less of its variance than this is 0 whatever was measured. */
const CRITICAL_SHARE = 1e-3;
const CURRENT_DEVIATIONS = 5;
/** In standard deviations of a sensor, whose range is a hundred of them: what nothing in the grid explains. */
const ABSURD = 1_000;
const MOST_ABSURD = 20;
/** In standard deviations of a residual: beyond it a fit without the measurement may be somewhere else. */
const FAR = 100;
/** Beyond it there is more wrong than a fit can sort out. */
const MOST_REMOVED_SHARE = 0.1;

/** Throws RangeError for options out of range. Measurements are of `grid` with its switches as they are. */
export function estimate(grid: Grid, measurements: readonly Measurement[], options: EstimateOptions = {}): Estimate {
  const { falseAlarm = 0.01, start } = options;
  if (!(falseAlarm > 0 && falseAlarm < 0.5)) {
    throw new RangeError(`falseAlarm: expected a number above 0 and below 0.5, got ${falseAlarm}`);
  }
  const wls = new WlsEstimator(grid, measurements);
  // A current that may be 0 has no direction to be fitted in: the fit must explain it, but does not follow it.
  const use = Uint8Array.from(wls.measurements, ({ quantity, value, sigma }) =>
    quantity === "i" && value < CURRENT_DEVIATIONS * sigma ? HELD_AGAINST : FITTED,
  );
  const unobservable = wls.unobservable(use).map((bus) => grid.buses[bus]!.id);
  const sensors = wls.measurements.filter(({ origin }) => origin === "sensor").length;
  const residualLimit = normalQuantile(falseAlarm / 2 / Math.max(sensors, 1));
  const removed: Suspect[] = [];
  const most = Math.ceil(MOST_REMOVED_SHARE * sensors);
  let fit = fitted(wls, use, start);
  let iterations = fit.iterations;
  while (!fit.converged && unobservable.length === 0 && removed.length < Math.min(most, MOST_ABSURD)) {
    const absurd = mostAbsurd(wls, use, start);
    if (absurd === undefined) break;
    removed.push(absurd.suspect);
    use[absurd.at] = OUT;
    fit = fitted(wls, use, start);
    iterations += fit.iterations;
  }
  const firstObjective = fit.objective;
  for (;;) {
    const test = judge(wls, fit, use, falseAlarm);
    const passes = fit.objective <= test.limit && test.largest <= residualLimit;
    const goesOn = unobservable.length === 0 && fit.converged && !passes && removed.length < most;
    // Where only the sum is too large, the largest residual still must be no child of chance by itself.
    if (!goesOn || test.worst < 0 || test.largest <= 3) {
      const status =
        unobservable.length > 0 ? "unobservable" : !fit.converged ? "failed" : passes ? "trusted" : "suspect";
      return {
        ...{
          status,
          vmPu: fit.vmPu,
          vaRad: fit.vaRad,
          unobservable,
          removed,
          firstObjective,
          residualLimit,
          iterations,
        },
        ...{ objective: fit.objective, objectiveLimit: test.limit, degreesOfFreedom: fit.degreesOfFreedom },
        ...{ largestNormalisedResidual: test.largest, critical: test.critical, measurements: wls.measurements.length },
      };
    }
    removed.push({
      measurement: wls.measurements[test.worst]!,
      residual: fit.residuals[test.worst]!,
      normalisedResidual: test.largest,
    });
    use[test.worst] = OUT;
    // What was far off has drawn the fit along: it starts as the first one did.
    const near = test.largest < FAR ? wls.fit(use, fit, true) : undefined;
    iterations += near?.iterations ?? 0;
    const isEnough = near?.converged === true;
    fit = isEnough ? near : fitted(wls, use, fit);
    iterations += isEnough ? 0 : fit.iterations;
  }
}

/** What no fit can follow: the sensor that is furthest off where the iteration starts. */
function mostAbsurd(
  wls: WlsEstimator,
  use: Uint8Array,
  start: EstimateOptions["start"],
): { readonly at: number; readonly suspect: Suspect } | undefined {
  const off = wls.deviationsFrom(start);
  let at = -1;
  for (const [i, { origin }] of wls.measurements.entries()) {
    if (origin === "sensor" && use[i] === FITTED && off[i]! > Math.max(ABSURD, at < 0 ? 0 : off[at]!)) at = i;
  }
  const measurement = wls.measurements[at];
  if (measurement === undefined) return undefined;
  const normalisedResidual = off[at]!;
  // Its sign tells theft from other faults.
  const residual = Math.min(normalisedResidual * measurement.sigma, Number.MAX_VALUE) * Math.sign(measurement.value);
  return { at, suspect: { measurement, residual, normalisedResidual } };
}

/** Where currents keep the fit from settling, it does without them, and they are held against it. */
function fitted(wls: WlsEstimator, use: Uint8Array, start: EstimateOptions["start"]): Fit {
  const fit = wls.fit(use, start);
  if (fit.converged) return fit;
  for (const [i, { quantity }] of wls.measurements.entries()) {
    if (quantity === "i" && use[i] === FITTED) use[i] = HELD_AGAINST;
  }
  return wls.fit(use);
}

interface Judgement {
  readonly limit: number;
  readonly largest: number;
  /** Position of the measurement with the largest normalised residual, -1 for none. */
  readonly worst: number;
  readonly critical: readonly string[];
}

function judge(wls: WlsEstimator, fit: Fit, use: Uint8Array, falseAlarm: number): Judgement {
  let [largest, worst] = [0, -1];
  const critical: string[] = [];
  for (const [i, { origin, sigma, points }] of wls.measurements.entries()) {
    if (use[i] === OUT || origin === "virtual" || !fit.converged) continue;
    const share = wls.residualVariance(i, use);
    if (share < CRITICAL_SHARE) {
      if (origin === "sensor") critical.push(...points);
      continue;
    }
    const normalised = Math.abs(fit.residuals[i]!) / (sigma * Math.sqrt(share));
    if (normalised > largest) [largest, worst] = [normalised, i];
  }
  const limit =
    fit.degreesOfFreedom >= 1 ? chiSquareQuantile(fit.degreesOfFreedom, falseAlarm) : Number.POSITIVE_INFINITY;
  return { limit, largest, worst, critical };
}
