/** Switches to change, for the loads and switches of a state. */
import type { z } from "zod";
import type { Optimised, optimiseOptions, Switching } from "../../../../protocol/grid/index.ts";
import { type Grid, withLoads, withSwitches } from "../../model/grid.ts";
import type { FixedSwitches } from "../../optimise/feeder-graph.ts";
import type { Goal } from "../../optimise/judge.ts";
import { type Reference, referenceOf } from "../../optimise/optimum.ts";
import { type Answer, branchExchange, fixed, randomSearch } from "../../optimise/peers.ts";
import { decide, MOST_FLOWS } from "../../optimise/policy.ts";
import { FeederProblem } from "../../optimise/problem.ts";
import { readWeights, SHIPPED_WEIGHTS } from "../../optimise/weights-file.ts";
import { GridFault, orFault } from "../fault.ts";
import type { Snapshot } from "../operation.ts";
import type { GridSettings } from "../plan.ts";
import { type Unserved, unservedOf, withUnserved } from "./unserved.ts";

export interface At {
  /** Of the state, Unix seconds. */
  readonly time: number;
  readonly simulated: boolean;
}

/**
 * Buses of all power flows of one search for the best known, some seconds: without it a proposal for 1,000 nodes, decided in a
 * quarter of one, would wait for minutes for what it is held against.
 */
const MOST_BUS_FLOWS = 3_000_000;

export type OptimiseOptions = z.infer<typeof optimiseOptions>;

/** The grid with the switches and loads of a state; what generators away from a reference give counts as load below 0. */
export function gridAt(grid: Grid, { closed, loadMw, loadMvar, generationMw, generationMvar }: Snapshot): Grid {
  const loads = grid.buses.map(({ id, kind }, bus): [number, { mw: number; mvar: number }] => {
    const gives = kind === "pq";
    return [
      id,
      {
        mw: loadMw[bus]! - (gives ? generationMw[bus]! : 0),
        mvar: loadMvar[bus]! - (gives ? generationMvar[bus]! : 0),
      },
    ];
  });
  return withSwitches(withLoads(grid, new Map(loads)), closed);
}

/** Throws GridFault `unavailable` for a grid that is no feeder, `invalid` for a branch or limit that cannot be. */
export function optimise(
  grid: Grid,
  snapshot: Snapshot,
  options: OptimiseOptions,
  {
    settings,
    at,
  }: { readonly settings: Pick<GridSettings, "riskWeight" | "violationWeight" | "mostTrees">; readonly at: At },
): Optimised {
  const now = gridAt(grid, snapshot);
  const goal = goalOf(options, settings);
  const broken = brokenOf(options, snapshot);
  const problem = problemOf(now, goal, { ...options, broken });
  const unserved = unservedOf(now, problem.graph.cutOff);
  const priced = <T extends Answer>(answer: T): T => withUnserved(answer, unserved, goal.violationWeight);
  const start = problem.graph.nearest(snapshot.closed);
  const before = asTheyAre(now, snapshot, goal, broken) ?? {
    ...{ figures: priced(fixed(problem, start)), cutOff: problem.graph.cutOff, unserved },
  };
  const begun = performance.now();
  const answer = found(problem, start, options, settings.mostTrees);
  const after = priced(answer);
  const milliseconds = performance.now() - begun;
  const flowsBefore = problem.flows;
  // The optimum of the same question: certified where all trees can be tried. Who asked for it has it already.
  const limits = { mostTrees: settings.mostTrees, mostFlows: Math.ceil(MOST_BUS_FLOWS / grid.buses.length) };
  const known = priced("proof" in answer ? answer : referenceOf(problem, [start, after.closed], limits));
  const cost = Math.min(known.cost, after.cost);
  // Broken ones among them, which are no choice.
  const open = [...grid.branches.keys()].filter((i) => after.closed[i] === 0);
  const id = (position: number): number => grid.branches[position]!.id;
  return {
    ...at,
    method: options.method,
    open: open.map(id),
    toOpen: open.filter((i) => snapshot.closed[i] === 1).map(id),
    toClose: [...grid.branches.keys()].filter((i) => after.closed[i] === 1 && snapshot.closed[i] === 0).map(id),
    ...{ broken: [...broken], cutOff: [...problem.graph.cutOff], unservedMw: unserved.mw },
    ...{ cutOffBefore: [...before.cutOff], unservedBeforeMw: before.unserved.mw },
    before: figuresOf(before.figures),
    after: figuresOf(after),
    reference: {
      kind: known.proof === "best known" ? "best known" : "certified",
      cost: finite(cost),
      gapPercent: Number.isFinite(after.cost) && cost > 0 ? 100 * (after.cost / cost - 1) : null,
      flows: problem.flows - flowsBefore,
    },
    ...{ flows: after.flows, milliseconds },
  };
}

/** Branches that no answer may close: those of the request, and what the state has as faulted and nobody calls repaired. */
export function brokenOf(
  { broken, repaired }: Pick<OptimiseOptions, "broken" | "repaired">,
  { faulted }: Pick<Snapshot, "faulted">,
): readonly number[] {
  return [...new Set([...broken, ...faulted.filter((id) => !repaired.includes(id))])];
}

interface AsTheyAre {
  readonly figures: Answer;
  readonly cutOff: readonly number[];
  readonly unserved: Unserved;
}

/**
 * What the switches cost as they are, with what they leave in the dark: a search begins at the nearest tree, which is not there yet.
 * Undefined where closed switches make a loop, which sweeps cannot solve.
 */
function asTheyAre(
  grid: Grid,
  { closed }: Snapshot,
  goal: Goal & { readonly violationWeight: number },
  broken: readonly number[],
): AsTheyAre | undefined {
  const open = grid.branches.flatMap(({ id }, i) => (closed[i] === 0 ? [id] : []));
  const problem = new FeederProblem(grid, goal, { broken: [...new Set([...open, ...broken])] });
  const { graph } = problem;
  if (graph.openCount > 0) return undefined;
  const unserved = unservedOf(grid, graph.cutOff);
  const figures = withUnserved(fixed(problem, graph.treeOf([])), unserved, goal.violationWeight);
  return { figures, cutOff: graph.cutOff, unserved };
}

/** What a state shows of an answer. */
export function switchingOf(optimised: Optimised): Switching {
  const { time, method, open, before, after, reference, unservedMw, unservedBeforeMw } = optimised;
  return {
    ...{ time, method, open, lossKw: after.lossKw, cost: after.cost, unservedMw },
    ...{ presentCost: before.cost, presentLossKw: before.lossKw, presentUnservedMw: unservedBeforeMw },
    ...{ reference: reference.kind, referenceCost: reference.cost, gapPercent: reference.gapPercent },
  };
}

/** What a request weighs, where it does not say what the installation does. */
export function goalOf(
  {
    riskWeight,
    violationWeight,
    vMinPu,
    vMaxPu,
  }: Pick<OptimiseOptions, "riskWeight" | "violationWeight" | "vMinPu" | "vMaxPu">,
  settings: Pick<GridSettings, "riskWeight" | "violationWeight">,
): Goal & { readonly violationWeight: number } {
  return {
    riskWeight: riskWeight ?? settings.riskWeight,
    violationWeight: violationWeight ?? settings.violationWeight,
    ...(vMinPu === undefined ? {} : { vMinPu }),
    ...(vMaxPu === undefined ? {} : { vMaxPu }),
  };
}

function problemOf(grid: Grid, goal: Goal, fixedSwitches: FixedSwitches): FeederProblem {
  const plain = orFault("unavailable", `switches of ${grid.name}: `, () => new FeederProblem(grid));
  if (plain.graph.openCount === 0) throw new GridFault("unavailable", `${grid.name} has no switch to choose`);
  return orFault("invalid", "", () => new FeederProblem(grid, goal, fixedSwitches));
}

/** Throws GridFault `invalid` for an optimum that takes too many configurations. */
function found(
  problem: FeederProblem,
  start: Uint8Array,
  { method, mostFlows, seed }: OptimiseOptions,
  mostTrees: number,
): Answer | Reference {
  switch (method) {
    case "policy":
      return decide(problem, start, readWeights(SHIPPED_WEIGHTS).weights, { mostFlows: mostFlows ?? MOST_FLOWS });
    case "exchange":
      return branchExchange(problem, start);
    case "random":
      return randomSearch(problem, mostFlows ?? MOST_FLOWS, seed);
    case "exact": {
      const answer = referenceOf(problem, [start], { mostTrees });
      if (answer.proof !== "best known") return answer;
      const { name } = problem.grid;
      const detail = `method: ${name} has more configurations than ${mostTrees} (grid.mostTrees): take exchange`;
      throw new GridFault("invalid", detail);
    }
  }
}

function figuresOf({ cost, lossKw, risk, violation, leastVoltagePu }: Answer): Optimised["before"] {
  const all = { cost, lossKw, risk, violation, leastVoltagePu };
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, finite(value)])) as typeof all;
}

/** JSON has no infinity: a configuration without a power flow costs more than any that has one. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : Number.MAX_VALUE;
}
