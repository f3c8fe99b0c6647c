/**
 * Decisions of the routing policy: path after path until every load is fed. The likeliest way first, then ways drawn by
 * the policy's own odds; each finished way costs one power flow, and the best is kept.
 */
import { SeededRandom } from "../../random.ts";
import type { Evaluation } from "../judge.ts";
import { choose, HIDDEN, scoresOf, type Weights } from "../network.ts";
import { keyOf } from "../feeder-graph.ts";
import { type Answer, exact, fixed, MOST_TREES, randomSearch } from "../peers.ts";
import type { RoutingProblem } from "./problem.ts";
import { Growth, PATH_FEATURES, type Way, type Ways } from "./ways.ts";

/** Power flows of a decision at most. */
export const MOST_ROUTING_FLOWS = 8;
/** Draws for each power flow: ways repeat themselves where the policy is sure. */
const DRAWS = 4;
/** Each draw follows the odds less closely than the one before, by this share. */
const WARMING = 0.15;

export interface RoutingAnswer extends Answer {
  /** Paths in the order in which they were taken. */
  readonly order: readonly Way[];
}

export interface RoutingStep {
  readonly ways: Ways;
  readonly chosen: number;
}

/**
 * From nothing fed to every load fed. Spends no power flow. Without `random` always the likeliest path; `warmth` above 1
 * draws unlikely ones more often.
 */
export function grow(
  problem: RoutingProblem,
  weights: Weights,
  draw: {
    readonly random?: SeededRandom;
    readonly warmth?: number;
    readonly onStep?: (step: RoutingStep) => void;
  } = {},
): { readonly closed: Uint8Array; readonly order: readonly Way[] } {
  const { random, warmth = 1, onStep } = draw;
  const growth = new Growth(problem);
  const order: Way[] = [];
  while (growth.waiting().length > 0) {
    const ways = growth.ways();
    const chosen = choose(
      scoresOf(weights, ways.features).map((score) => score / warmth),
      random,
    );
    onStep?.({ ways, chosen });
    const way = ways.ways[chosen]!;
    growth.take(way);
    order.push(way);
  }
  return { closed: growth.closed, order };
}

export interface RoutingOptions {
  readonly mostFlows?: number;
  /** Of the ways that are drawn; default 1. */
  readonly seed?: number;
  /** Asked before each further way: true ends the search with the best so far. Left out, only `mostFlows` does. */
  readonly isLate?: () => boolean;
}

/** The best of the policy's ways. Throws RangeError for less than one power flow. */
export function decidePaths(problem: RoutingProblem, weights: Weights, options: RoutingOptions = {}): RoutingAnswer {
  const { mostFlows = MOST_ROUTING_FLOWS, seed = 1, isLate = () => false } = options;
  if (!(mostFlows >= 1)) throw new RangeError(`mostFlows: expected 1 or more, got ${mostFlows}`);
  const random = new SeededRandom(seed);
  const seen = new Set<string>();
  const before = problem.flows;
  let best: (Evaluation & { readonly closed: Uint8Array; readonly order: readonly Way[] }) | undefined;
  for (let draw = 0; draw < DRAWS * mostFlows && problem.flows - before < mostFlows; draw++) {
    if (draw > 0 && isLate()) break;
    const way = draw === 0 ? grow(problem, weights) : grow(problem, weights, { random, warmth: 1 + WARMING * draw });
    const key = keyOf(way.closed);
    if (seen.has(key)) continue;
    seen.add(key);
    const tried = problem.evaluate(way.closed);
    if (best === undefined || tried.cost < best.cost) best = { ...tried, ...way };
  }
  return { ...best!, flows: problem.flows - before };
}

/** The best of all forests, or undefined where there are more than `mostTrees`. */
export function exactPaths(
  problem: RoutingProblem,
  mostTrees = MOST_TREES,
): (RoutingAnswer & { readonly trees: number }) | undefined {
  const found = exact(problem, mostTrees);
  return found === undefined ? undefined : { ...found, order: orderOf(problem, found.closed) };
}

/** One forest as it stands. */
export function fixedPaths(problem: RoutingProblem, closed: Uint8Array): RoutingAnswer {
  return { ...fixed(problem, closed), order: orderOf(problem, closed) };
}

/** The best of random forests. */
export function randomPaths(problem: RoutingProblem, flows: number, seed: number): RoutingAnswer {
  const found = randomSearch(problem, flows, seed);
  return { ...found, order: orderOf(problem, found.closed) };
}

/** Every load by its way of least resistance: one power flow. */
export function shortestPaths(problem: RoutingProblem): RoutingAnswer {
  const { closed, order } = grow(problem, greedy("detour"));
  return { ...fixed(problem, closed), order };
}

/** Always the path that one feature puts first: the same network without anything learned. */
export function greedy(feature: (typeof PATH_FEATURES)[number]): Weights {
  const hidden = new Float32Array(PATH_FEATURES.length * HIDDEN);
  hidden[PATH_FEATURES.indexOf(feature) * HIDDEN] = 1;
  return { hidden, bias: new Float32Array(HIDDEN), output: new Float32Array(HIDDEN).fill(-1, 0, 1) };
}

/** Outwards from the generators, the nearest buses first. */
function orderOf(problem: RoutingProblem, closed: Uint8Array): Way[] {
  const growth = new Growth(problem);
  const order: Way[] = [];
  for (let grows = true; grows; ) {
    grows = false;
    for (const branch of problem.graph.usable) {
      if (closed[branch] === 0) continue;
      const [from, to] = [problem.graph.from[branch]!, problem.graph.to[branch]!];
      const fed = [from, to].map((bus) => growth.by[bus] !== -1);
      if (fed[0] === fed[1]) continue;
      const load = fed[0] === true ? to : from;
      const way = { load, branches: [branch], buses: [load] };
      growth.take(way);
      order.push(way);
      grows = true;
    }
  }
  return order;
}
