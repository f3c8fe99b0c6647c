/** REINFORCE for the routing policy: as for switches, but a way is a sequence of paths and ends with its one power flow. */
import type { Backend } from "../../../../learning/index.ts";
import { SeededRandom } from "../../random.ts";
import { type Lesson, Learner } from "../learner.ts";
import { untrained, type Weights } from "../network.ts";
import { FAMILIES, scenarioOf } from "../scenarios.ts";
import { ENTROPY, TRAINING_SEEDS, type Training } from "../train.ts";
import { grow, type RoutingStep } from "./policy.ts";
import { RoutingProblem } from "./problem.ts";
import { PATH_FEATURES } from "./ways.ts";

export type PathTraining = Omit<Training, "starts" | "mostFlows">;

/** Throws RangeError for a plan that cannot be. The same seed gives the same weights on the same backend. */
export async function trainPaths(backend: Backend, training: PathTraining): Promise<Weights> {
  const { grid, seed, updates, goal, scenarios = 8, ways = 8, learningRate = 0.003, signal, onUpdate } = training;
  for (const [name, value] of Object.entries({ updates, scenarios, ways: ways - 1 })) {
    if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name}: expected at least 1, got ${value}`);
  }
  const random = new SeededRandom(seed);
  const learner = new Learner(backend, untrained(seed, PATH_FEATURES.length), learningRate);
  try {
    for (let update = 0; update < updates; update++) {
      signal?.throwIfAborted();
      const weights = learner.weights();
      const lessons: Lesson[] = [];
      let [share, count] = [0, 0];
      for (let k = 0; k < scenarios; k++) {
        const family = FAMILIES[k % FAMILIES.length]!;
        const scenario = scenarioOf(grid, family, TRAINING_SEEDS + random.below(2 ** 30));
        const problem = new RoutingProblem(scenario.grid, goal, { broken: scenario.broken });
        const drawn = Array.from({ length: ways }, () => {
          const steps: RoutingStep[] = [];
          const { closed } = grow(problem, weights, { random, onStep: (step) => steps.push(step) });
          return { steps, cost: problem.evaluate(closed).cost };
        }).filter(({ cost }) => Number.isFinite(cost) && cost > 0);
        const least = Math.min(...drawn.map(({ cost }) => cost));
        const sum = drawn.reduce((total, { cost }) => total - Math.log(cost), 0);
        for (const { steps, cost } of drawn) {
          share += cost / least;
          count += 1;
          if (drawn.length < 2) continue;
          const worth = -Math.log(cost);
          const advantage = worth - (sum - worth) / (drawn.length - 1);
          for (const { ways: choices, chosen } of steps) {
            lessons.push({ features: choices.features, chosen, advantage });
          }
        }
      }
      const done = update / updates;
      learner.learn(lessons, learningRate * (1 - 0.9 * done), ENTROPY * (1 - done));
      onUpdate?.(update + 1, share / Math.max(count, 1));
      // Lets a progress bar move and a signal arrive.
      await new Promise((wake) => setImmediate(wake));
    }
    return learner.weights();
  } finally {
    learner.dispose();
  }
}
