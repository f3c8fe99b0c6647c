/** The routing policy beside its peers on scenarios by seed, each against the best of all forests. */
import { type Compared, comparedOf, type Comparison, type Trial, WARMING } from "../compare.ts";
import { untrained } from "../network.ts";
import { gapOf, proofOf } from "../optimum.ts";
import { MOST_TREES } from "../peers.ts";
import { FAMILIES, scenarioOf } from "../scenarios.ts";
import {
  decidePaths,
  exactPaths,
  fixedPaths,
  greedy,
  MOST_ROUTING_FLOWS,
  randomPaths,
  type RoutingAnswer,
  shortestPaths,
} from "./policy.ts";
import { RoutingProblem } from "./problem.ts";
import { PATH_FEATURES } from "./ways.ts";

const METHODS = ["policy", "policy, one flow", "untrained", "best estimate", "shortest", "static", "random"] as const;

/** `static` keeps the optimum of the case's own loads, mended where it is broken. */
export function comparePaths(comparison: Comparison): Compared {
  const { grid, weights, goal, seeds, scenarios, mostTrees = MOST_TREES, onScenario, families = FAMILIES } = comparison;
  const nominal = new RoutingProblem(grid, goal);
  const usual = exactPaths(nominal, mostTrees) ?? decidePaths(nominal, weights);
  for (let k = 0; k < WARMING; k++) decidePaths(nominal, weights);
  const trials: Trial[] = [];
  let done = 0;
  for (const seed of seeds) {
    for (const family of families) {
      for (let k = 0; k < scenarios; k++) {
        const scenario = scenarioOf(grid, family, seed * 1_000 + k);
        const problem = new RoutingProblem(scenario.grid, goal, { broken: scenario.broken });
        onScenario?.(++done);
        if (problem.graph.openCount === 0) continue;
        const answers: Readonly<Record<(typeof METHODS)[number], () => RoutingAnswer>> = {
          policy: () => decidePaths(problem, weights, { seed }),
          "policy, one flow": () => decidePaths(problem, weights, { mostFlows: 1 }),
          untrained: () => decidePaths(problem, untrained(seed, PATH_FEATURES.length), { seed }),
          "best estimate": () => decidePaths(problem, greedy("added"), { mostFlows: 1 }),
          shortest: () => shortestPaths(problem),
          static: () => fixedPaths(problem, problem.graph.nearest(usual.closed)),
          random: () => randomPaths(problem, MOST_ROUTING_FLOWS, seed),
        };
        const found = METHODS.map((method) => {
          const from = performance.now();
          const answer = answers[method]();
          return { method, answer, ms: performance.now() - from };
        });
        const optimum = exactPaths(problem, mostTrees);
        const certified = optimum !== undefined;
        const least = Math.min(...found.map(({ answer }) => answer.cost));
        const { best: reference } = gapOf(least, { cost: optimum?.cost ?? least, proof: proofOf(optimum) });
        // Generation may leave a scenario that no forest can solve.
        if (!Number.isFinite(reference)) continue;
        for (const { method, answer, ms } of found) {
          const gap = answer.cost === reference ? 0 : 100 * (answer.cost / reference - 1);
          trials.push({ family, method, seed, certified, gap, flows: answer.flows, ms });
        }
      }
    }
  }
  return comparedOf(trials, families, METHODS);
}
