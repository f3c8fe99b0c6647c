/** What the policy is held against: enumeration of every tree, branch exchange, and random search. */
import { SeededRandom } from "../random.ts";
import type { Evaluation } from "./judge.ts";
import type { FeederProblem } from "./problem.ts";
import { type FeederGraph, keyOf } from "./feeder-graph.ts";
import { allTrees, countTrees } from "./trees.ts";

/** Configurations that can be judged, and how many were. */
export interface Judged {
  readonly graph: FeederGraph;
  readonly flows: number;
  evaluate(closed: Uint8Array): Evaluation;
}

/** What a method found, and what it spent. */
export interface Answer extends Evaluation {
  readonly closed: Uint8Array;
  readonly flows: number;
}

/** More trees than this are not enumerated unless asked for: about a second for every 40,000 of a 33-bus feeder. */
export const MOST_TREES = 1_000_000;

/** The best of all trees, or undefined where there are more than `mostTrees`. */
export function exact(
  problem: Judged,
  mostTrees = MOST_TREES,
  onTrees?: OnTrees,
): (Answer & { readonly trees: number }) | undefined {
  const trees = countTrees(problem.graph);
  if (trees > mostTrees) return undefined;
  const found = bestOf(problem, counted(allTrees(problem.graph), trees, onTrees));
  return { ...found, trees };
}

/** Told now and then of how many trees were tried, of all. */
export type OnTrees = (done: number, trees: number) => void;
const TOLD_EVERY = 10_000;

function* counted(found: Iterable<Uint8Array>, trees: number, onTrees: OnTrees | undefined): Generator<Uint8Array> {
  let done = 0;
  for (const closed of found) {
    yield closed;
    if (++done % TOLD_EVERY === 0) onTrees?.(done, trees);
  }
}

/** One configuration as it stands. */
export function fixed(problem: Judged, closed: Uint8Array): Answer {
  return bestOf(problem, [closed]);
}

/**
 * Steepest branch exchange: closes every open switch in turn, tries each branch of the loop as the one to open, and makes
 * the best of all these exchanges until none is better, or `mostFlows` power flows are spent.
 */
export function branchExchange(
  problem: FeederProblem,
  start: Uint8Array,
  mostFlows: number = Number.POSITIVE_INFINITY,
): Answer {
  const before = problem.flows;
  const isSpent = (): boolean => problem.flows - before >= mostFlows;
  const { graph } = problem;
  const closed = start.slice();
  let best = problem.evaluate(closed);
  for (;;) {
    const tree = graph.rooted(closed);
    let exchange: readonly [number, number] | undefined;
    for (const tie of graph.openOf(closed)) {
      closed[tie] = 1;
      for (const branch of graph.loopOf(tree, tie).branches) {
        if (graph.keptClosed[branch] === 1) continue;
        if (isSpent()) break;
        closed[branch] = 0;
        const tried = problem.evaluate(closed);
        closed[branch] = 1;
        if (!isBetter(tried, best)) continue;
        best = tried;
        exchange = [tie, branch];
      }
      closed[tie] = 0;
    }
    if (exchange === undefined) return { ...best, closed, flows: problem.flows - before };
    closed[exchange[0]] = 1;
    closed[exchange[1]] = 0;
    if (isSpent()) return { ...best, closed, flows: problem.flows - before };
  }
}

/** The best of as many random trees (branches in random order, closed where they make no loop) as power flows given. */
export function randomSearch(problem: Judged, flows: number, seed: number): Answer {
  const random = new SeededRandom(seed);
  function* trees(): Generator<Uint8Array> {
    const seen = new Set<string>();
    // Few trees: repeats would never end.
    for (let tries = 0; seen.size < flows && tries < 20 * flows; tries++) {
      const order = [...problem.graph.usable];
      for (let i = order.length - 1; i > 0; i--) {
        const other = random.below(i + 1);
        [order[i], order[other]] = [order[other]!, order[i]!];
      }
      const closed = problem.graph.treeOf(order);
      if (seen.has(keyOf(closed))) continue;
      seen.add(keyOf(closed));
      yield closed;
    }
  }
  return bestOf(problem, trees());
}

/** Strictly, beyond rounding. */
function isBetter(one: Evaluation, other: Evaluation): boolean {
  return one.cost < other.cost * (1 - 1e-9);
}

function bestOf(problem: Judged, trees: Iterable<Uint8Array>): Answer {
  const before = problem.flows;
  let best: (Evaluation & { closed: Uint8Array }) | undefined;
  for (const closed of trees) {
    const tried = problem.evaluate(closed);
    if (best === undefined || tried.cost < best.cost) best = { ...tried, closed: closed.slice() };
  }
  if (best === undefined) throw new RangeError("trees: expected at least one, got none");
  return { ...best, flows: problem.flows - before };
}
