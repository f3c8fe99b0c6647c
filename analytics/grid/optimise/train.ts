/**
 * REINFORCE with a baseline, in tfjs: several ways are drawn through each random scenario, and the mean of the others is
 * each one's baseline. Here for the exchanges of a feeder's switches.
 */
import type { Backend } from "../../../learning/index.ts";
import type { Grid } from "../model/grid.ts";
import { SeededRandom } from "../random.ts";
import { type Lesson, Learner } from "./learner.ts";
import { untrained, type Weights } from "./network.ts";
import { decide, MOST_FLOWS, type Step } from "./policy.ts";
import type { Goal } from "./judge.ts";
import { FeederProblem } from "./problem.ts";
import { FAMILIES, scenarioOf } from "./scenarios.ts";

export interface Training {
  readonly grid: Grid;
  readonly seed: number;
  /** Updates of the weights. */
  readonly updates: number;
  readonly goal?: Goal;
  /** Scenarios of an update, and ways drawn through each; default 8 and 8. */
  readonly scenarios?: number;
  readonly ways?: number;
  readonly learningRate?: number;
  readonly mostFlows?: number;
  /** Trees to start from: one of them in each scenario. Default the grid's own configuration. */
  readonly starts?: readonly Uint8Array[];
  /** Called after each update: mean over its ways of the cost found, of the cost at the start. */
  readonly onUpdate?: (update: number, share: number) => void;
  readonly signal?: AbortSignal;
}

/** Training scenarios have seeds from here on; evaluation uses smaller ones. */
export const TRAINING_SEEDS = 1_000_000;
/** What a power flow costs in training, of the configuration's cost: stopping pays once little is left to find. */
const FLOW_PRICE = 0.0002;
/** Keeps a policy from settling before it has seen what is there; falls to 0 by the end. */
export const ENTROPY = 0.01;

/** Throws RangeError for a plan that cannot be. The same seed gives the same weights on the same backend. */
export async function train(backend: Backend, training: Training): Promise<Weights> {
  const { grid, seed, updates, goal, scenarios = 8, ways = 8, learningRate = 0.003, signal } = training;
  const { mostFlows = MOST_FLOWS, onUpdate } = training;
  const starts = training.starts ?? [Uint8Array.from(grid.branches, ({ closed }) => Number(closed))];
  for (const [name, value] of Object.entries({ updates, scenarios, ways: ways - 1 })) {
    if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name}: expected at least 1, got ${value}`);
  }
  const random = new SeededRandom(seed);
  const learner = new Learner(backend, untrained(seed), learningRate);
  try {
    for (let update = 0; update < updates; update++) {
      signal?.throwIfAborted();
      const weights = learner.weights();
      const lessons: Lesson[] = [];
      let share = 0;
      for (let k = 0; k < scenarios; k++) {
        const family = FAMILIES[k % FAMILIES.length]!;
        const scenario = scenarioOf(grid, family, TRAINING_SEEDS + random.below(2 ** 30));
        const problem = new FeederProblem(scenario.grid, goal, scenario.broken);
        const start = problem.graph.nearest(random.pick(starts));
        const first = problem.evaluate(start).cost;
        if (!Number.isFinite(first) || first <= 0) continue;
        const drawn = Array.from({ length: ways }, () => {
          const steps: Step[] = [];
          const { cost, flows } = decide(problem, start, weights, { mostFlows, random, onStep: (s) => steps.push(s) });
          share += cost / first / (scenarios * ways);
          return { steps, worth: -Math.log(cost) - FLOW_PRICE * flows };
        });
        const sum = drawn.reduce((total, { worth }) => total + worth, 0);
        for (const { steps, worth } of drawn) {
          const advantage = worth - (sum - worth) / (ways - 1);
          for (const { choices, chosen } of steps) lessons.push({ features: choices.features, chosen, advantage });
        }
      }
      const done = update / updates;
      learner.learn(lessons, learningRate * (1 - 0.9 * done), ENTROPY * (1 - done));
      onUpdate?.(update + 1, share);
      // Lets a progress bar move and a signal arrive.
      await new Promise((wake) => setImmediate(wake));
    }
    return learner.weights();
  } finally {
    learner.dispose();
  }
}
