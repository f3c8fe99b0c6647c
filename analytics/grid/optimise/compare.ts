/** The policy beside its peers on scenarios by seed: how far above the optimum each ends, and what it spends. */
import type { Grid } from "../model/grid.ts";
import { bestEstimate, untrained, type Weights } from "./network.ts";
import { gapOf, referenceOf } from "./optimum.ts";
import { type Answer, branchExchange, fixed, MOST_TREES, randomSearch } from "./peers.ts";
import { decide, MOST_FLOWS } from "./policy.ts";
import type { Goal } from "./judge.ts";
import { FeederProblem } from "./problem.ts";
import { FAMILIES, type Family, scenarioOf } from "./scenarios.ts";

const METHODS = [
  "policy",
  "untrained",
  "best estimate",
  "static",
  "random",
  "exchange",
  "exchange from static",
] as const;
type Method = (typeof METHODS)[number];

/** Decisions before the first that is timed. */
export const WARMING = 5;

export interface Comparison {
  readonly grid: Grid;
  readonly weights: Weights;
  readonly goal?: Goal;
  /** Each gives `scenarios` scenarios of every family. */
  readonly seeds: readonly number[];
  readonly scenarios: number;
  /** Default all. */
  readonly families?: readonly Family[];
  readonly mostTrees?: number;
  readonly onScenario?: (done: number) => void;
}

export interface MethodRow {
  readonly family: Family;
  readonly method: string;
  readonly scenarios: number;
  /** Of what the family's gaps are measured against: certified in all of its scenarios, or only the best known in some. */
  readonly reference: "certified" | "best known";
  /** Of the cost above the reference, in percent. */
  readonly meanGapPercent: number;
  readonly maxGapPercent: number;
  /** Least and largest of the seeds' means. */
  readonly seedGapPercent: readonly [number, number];
  readonly meanFlows: number;
  readonly medianMilliseconds: number;
  readonly maxMilliseconds: number;
}

export interface Compared {
  /** `certified`: proved to be the best of all trees in every scenario; `best known`: the best that any method found in some. */
  readonly reference: "certified" | "best known";
  readonly rows: readonly MethodRow[];
}

/** How a method fared in one scenario. */
export interface Trial {
  readonly family: Family;
  readonly method: string;
  readonly seed: number;
  readonly certified: boolean;
  readonly gap: number;
  readonly flows: number;
  readonly ms: number;
}

/**
 * Policy, untrained policy and random search start, like branch exchange, from the grid's own configuration, or what
 * broken branches leave of it; `static` keeps the optimum of the case's own loads, mended where it is broken.
 */
export function compare(comparison: Comparison): Compared {
  const { grid, weights, goal, seeds, scenarios, mostTrees = MOST_TREES, onScenario, families = FAMILIES } = comparison;
  const normal = grid.branches.map(({ closed }) => closed);
  const nominal = new FeederProblem(grid, goal);
  const best = referenceOf(nominal, [nominal.graph.nearest(normal)], { mostTrees });
  // As in a service that runs: the first decisions of a process are compiled while they run.
  for (let k = 0; k < WARMING; k++) decide(nominal, nominal.graph.nearest(normal), weights);
  const trials: Trial[] = [];
  let done = 0;
  for (const seed of seeds) {
    for (const family of families) {
      for (let k = 0; k < scenarios; k++) {
        const scenario = scenarioOf(grid, family, seed * 1_000 + k);
        const problem = new FeederProblem(scenario.grid, goal, scenario.broken);
        onScenario?.(++done);
        // Nothing to choose: a broken branch at the head leaves no load at all.
        if (problem.graph.openCount === 0) continue;
        const start = problem.graph.nearest(normal);
        const kept = problem.graph.nearest(best.closed);
        const answers: Readonly<Record<Method, () => Answer>> = {
          policy: () => decide(problem, start, weights),
          untrained: () => decide(problem, start, untrained(seed)),
          "best estimate": () => decide(problem, start, bestEstimate()),
          static: () => fixed(problem, kept),
          random: () => randomSearch(problem, MOST_FLOWS, seed),
          exchange: () => branchExchange(problem, start),
          "exchange from static": () => branchExchange(problem, kept),
        };
        const found = METHODS.map((method) => {
          const from = performance.now();
          const answer = answers[method]();
          return { method, answer, ms: performance.now() - from };
        });
        const least = found.reduce((a, b) => (b.answer.cost < a.answer.cost ? b : a)).answer;
        const optimum = referenceOf(problem, [least.closed], { mostTrees });
        const certified = optimum.proof !== "best known";
        const { best: reference } = gapOf(least.cost, optimum);
        for (const { method, answer, ms } of found) {
          const gap = answer.cost === reference ? 0 : 100 * (answer.cost / reference - 1);
          trials.push({ family, method, seed, certified, gap, flows: answer.flows, ms });
        }
      }
    }
  }
  return comparedOf(trials, families, METHODS);
}

export function comparedOf(
  trials: readonly Trial[],
  families: readonly Family[],
  methods: readonly string[],
): Compared {
  const reference = trials.every(({ certified }) => certified) ? "certified" : "best known";
  return { reference, rows: rowsOf(trials, families, methods) };
}

/** A row for each family and method. */
function rowsOf(
  trials: readonly Trial[],
  families: readonly Family[],
  methods: readonly string[],
): readonly MethodRow[] {
  return families.flatMap((family) =>
    methods.map((method) =>
      rowOf(
        family,
        method,
        trials.filter((trial) => trial.family === family && trial.method === method),
      ),
    ),
  );
}

function rowOf(family: Family, method: string, trials: readonly Trial[]): MethodRow {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const gaps = trials.map(({ gap }) => gap);
  const times = trials.map(({ ms }) => ms).sort((a, b) => a - b);
  const seeds = [...new Set(trials.map(({ seed }) => seed))];
  const means = seeds.map((seed) => mean(trials.filter((trial) => trial.seed === seed).map(({ gap }) => gap)));
  return {
    ...{ family, method, scenarios: trials.length },
    reference: trials.every(({ certified }) => certified) ? "certified" : "best known",
    meanGapPercent: mean(gaps),
    maxGapPercent: Math.max(...gaps),
    seedGapPercent: [Math.min(...means), Math.max(...means)],
    meanFlows: mean(trials.map(({ flows }) => flows)),
    medianMilliseconds: times[Math.floor(times.length / 2)]!,
    maxMilliseconds: times.at(-1)!,
  };
}
