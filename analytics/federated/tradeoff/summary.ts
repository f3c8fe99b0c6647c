/** Runs of several seeds as points with confidence intervals. */
import type { SimulationResult } from "../simulate.ts";
import { NO_NOISE, SERIES, type Sweep, SWEEPS } from "./plan.ts";
import type { Finished } from "./results.ts";

export interface Interval {
  readonly mean: number;
  /** 95 %, by Student's distribution over the seeds; of fewer than three seeds it says nothing, and is the mean itself. */
  readonly low: number;
  readonly high: number;
  readonly seeds: number;
}

export interface Point {
  readonly sweep: Sweep;
  readonly series: string;
  readonly at: string;
  /** Mean absolute errors on unseen days, Wh per slot. */
  readonly homesWh: Interval;
  readonly unseenWh: Interval | undefined;
  readonly feederWh: Interval;
  readonly uploadBytes: number;
  readonly plainBytes: number;
  readonly bits: number;
  readonly lanes: number;
  readonly parameters: number;
  readonly noiseOverClip: number;
  readonly epsilon: number | null;
  /** Mean number of rounds that were too small to be opened. */
  readonly unopened: number;
  /** Validation error after rounds. */
  readonly convergence: readonly { readonly round: number; readonly maeWh: Interval }[];
}

/** Of Student's distribution at 97.5 %, by degrees of freedom from 2 on. */
const STUDENT = [4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];
const NORMAL = 1.96;
const LEAST_SEEDS = 3;

export function interval(values: readonly number[]): Interval {
  const seeds = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / seeds;
  if (seeds < LEAST_SEEDS) return { mean, low: mean, high: mean, seeds };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const half = (STUDENT[seeds - LEAST_SEEDS] ?? NORMAL) * Math.sqrt(squares / (seeds - 1) / seeds);
  return { mean, low: mean - half, high: mean + half, seeds };
}

/** A point for each setting: by what is varied, who adds noise, and then from the most noise to none. */
export function summarise(finished: readonly Finished[]): Point[] {
  const groups = new Map<string, Finished[]>();
  for (const one of finished) {
    const { sweep, series, at } = one.run;
    const key = JSON.stringify([sweep, series, at]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map(pointOf).sort(inOrder);
}

/** Series that have no place of their own stay in the order of the runs. */
const ORDER: readonly string[] = Object.values(SERIES);

function inOrder(a: Point, b: Point): number {
  const value = (at: string): number => (at === NO_NOISE ? Number.POSITIVE_INFINITY : Number(at));
  const bySweep = SWEEPS.indexOf(a.sweep) - SWEEPS.indexOf(b.sweep);
  const bySeries = ORDER.indexOf(a.series) - ORDER.indexOf(b.series);
  return bySweep || bySeries || (a.at === b.at ? 0 : value(a.at) - value(b.at));
}

function pointOf(group: readonly Finished[]): Point {
  const { run, result } = group[0]!;
  const results = group.map((one) => one.result);
  const over = (value: (one: SimulationResult) => number): Interval => interval(results.map(value));
  const validated = result.history.filter(({ validation }) => validation !== undefined).map(({ step }) => step);
  return {
    sweep: run.sweep,
    series: run.series,
    at: run.at,
    homesWh: over(({ homes }) => homes.maeWh),
    unseenWh: result.unseen === undefined ? undefined : over(({ unseen }) => unseen?.maeWh ?? Number.NaN),
    feederWh: over(({ feeder }) => feeder.maeWh),
    uploadBytes: result.uploadBytes,
    plainBytes: result.plainBytes,
    bits: result.bits,
    lanes: result.lanes,
    parameters: result.parameters,
    noiseOverClip: result.noiseOverClip,
    epsilon: result.epsilon,
    unopened: over(({ unopened }) => unopened).mean,
    convergence: validated.map((step) => ({
      round: step + 1,
      maeWh: over(({ history }) => history[step]?.validation?.maeWh ?? Number.NaN),
    })),
  };
}
