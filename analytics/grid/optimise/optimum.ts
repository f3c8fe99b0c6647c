/** What a gap is measured against: the certified optimum where it can be had, else the best that is known. */
import { branchAndBound, canBound } from "./bound.ts";
import { type Answer, branchExchange, exact, MOST_TREES, type OnTrees } from "./peers.ts";
import type { FeederProblem } from "./problem.ts";

export interface Reference extends Answer {
  /** `bound`: branch and bound; `enumeration`: every tree. Both are certified; `best known` is not. */
  readonly proof: "bound" | "enumeration" | "best known";
}

export interface Effort {
  /** Trees that are enumerated at most. */
  readonly mostTrees?: number;
  /** Partial configurations of branch and bound at most. */
  readonly mostNodes?: number;
  /** Power flows that branch exchange may spend on each try, where nothing is certified. */
  readonly mostFlows?: number;
  readonly onTrees?: OnTrees;
}

/** Beyond so many open switches branch and bound does not end. */
const MOST_LOOPS = 10;
/** Some seconds of a 69-bus feeder. */
const MOST_NODES = 300_000;

/**
 * The best that can be told of a problem. `tries` are trees to start from, answers of other methods among them: where
 * nothing is certified the best that branch exchange makes of any of them is what is known.
 */
export function referenceOf(problem: FeederProblem, tries: readonly Uint8Array[], effort: Effort = {}): Reference {
  const { mostTrees = MOST_TREES, mostNodes = MOST_NODES } = effort;
  const before = problem.flows;
  if (canBound(problem) && problem.graph.openCount <= MOST_LOOPS) {
    const found = branchAndBound(problem, tries[0]!, mostNodes);
    if (found !== undefined) return { ...found, proof: "bound" };
  }
  const all = exact(problem, mostTrees, effort.onTrees);
  if (all !== undefined) return { ...all, proof: "enumeration" };
  let best: Answer | undefined;
  for (const start of tries) {
    const found = branchExchange(problem, start, effort.mostFlows);
    if (best === undefined || found.cost < best.cost) best = found;
  }
  return { ...best!, flows: problem.flows - before, proof: "best known" };
}

/** Above this share below a certified optimum an answer is not rounding. */
const ROUNDING = 1e-9;

/**
 * How far an answer is above the reference, in percent: 0 or more. Where nothing is certified the better of the two is
 * the best known. Throws Error for an answer below a certified optimum: then one of them is wrong, and neither is told.
 */
export function gapOf(
  cost: number,
  reference: Pick<Reference, "cost" | "proof">,
): { best: number; gapPercent: number } {
  const certified = reference.proof !== "best known";
  if (certified && cost < reference.cost * (1 - ROUNDING)) {
    throw new Error(
      `a cost of ${cost} kW is below the certified optimum of ${reference.cost} kW: one of them is wrong`,
    );
  }
  const best = Math.min(cost, reference.cost);
  return { best, gapPercent: cost === best ? 0 : 100 * (cost / best - 1) };
}

/** Of an enumeration that may have been too much to ask for. */
export function proofOf(enumerated: object | undefined): Reference["proof"] {
  return enumerated === undefined ? "best known" : "enumeration";
}
