/** Decisions of the policy: exchange after exchange from where the feeder stands, one power flow each, the best one kept. */
import type { SeededRandom } from "../random.ts";
import { type Choices, choicesOf } from "./indicators.ts";
import { bestEstimate, choose, scoresOf, type Weights } from "./network.ts";
import type { Evaluation } from "./judge.ts";
import type { Answer } from "./peers.ts";
import type { FeederProblem } from "./problem.ts";

/** Power flows of a decision at most; the first tells about the configuration at hand. */
export const MOST_FLOWS = 24;
/** Once the policy stops, the best estimates are followed for so many more; all that are left while a limit is broken. */
const REFINING = 5;

export interface Step {
  readonly choices: Choices;
  readonly chosen: number;
}

export interface DecideOptions {
  readonly mostFlows?: number;
  /** Draws exchanges instead of taking the likeliest: for training. */
  readonly random?: SeededRandom;
  /** Told of every choice, for training. */
  readonly onStep?: (step: Step) => void;
}

/** From `start`, a tree, to the best configuration on the policy's way. Spends at most `mostFlows` power flows. */
export function decide(
  problem: FeederProblem,
  start: Uint8Array,
  weights: Weights,
  options: DecideOptions = {},
): Answer {
  const { mostFlows = MOST_FLOWS, random, onStep } = options;
  const before = problem.flows;
  const closed = start.slice();
  let here = problem.evaluate(closed);
  let best: Evaluation & { closed: Uint8Array } = { ...here, closed: closed.slice() };
  const seen = [closed.slice()];
  const swap = (close: number, open: number): void => {
    closed[close] = 1;
    closed[open] = 0;
  };
  let lastOpened = -1;
  let until = mostFlows;
  let scoring = weights;
  // Without a power flow there are no indicators.
  while (problem.flows - before < (best.violation > 0 ? mostFlows : until) && Number.isFinite(here.cost)) {
    const spent = (problem.flows - before) / mostFlows;
    const choices = choicesOf(problem, closed, {
      ...{ spent, cost: here.cost, best: best.cost, lastOpened },
      seen: exchangesTo(seen, closed),
    });
    const chosen = choose(scoresOf(scoring, choices.features), random);
    onStep?.({ choices, chosen });
    const [close, open] = [choices.close[chosen]!, choices.open[chosen]!];
    if (close < 0) {
      // Training learns from the policy's own steps alone.
      if (random !== undefined || scoring !== weights) break;
      scoring = bestEstimate();
      until = Math.min(mostFlows, problem.flows - before + REFINING);
      continue;
    }
    swap(close, open);
    seen.push(closed.slice());
    here = problem.evaluate(closed);
    lastOpened = open;
    if (here.cost < best.cost) best = { ...here, closed: closed.slice() };
  }
  return { ...best, flows: problem.flows - before };
}

/** Whether one exchange from here leads to a tree that was seen: those that differ in two switches alone are few. */
function exchangesTo(seen: readonly Uint8Array[], here: Uint8Array): (close: number, open: number) => boolean {
  const known = new Set<number>();
  for (const other of seen) {
    let [close, open, count] = [-1, -1, 0];
    for (let i = 0; i < here.length && count <= 2; i++) {
      if (other[i] === here[i]) continue;
      count += 1;
      if (other[i] === 1) close = i;
      else open = i;
    }
    if (count === 2) known.add(close * here.length + open);
  }
  return (close, open) => known.has(close * here.length + open);
}
