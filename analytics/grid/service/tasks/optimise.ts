/** Switches to change, for the loads and switches of a state. */
import type { z } from "zod";
import type { Optimised, optimiseOptions, Switching } from "../../../../protocol/grid/index.ts";
import { type Grid, withLoads, withSwitches } from "../../model/grid.ts";
import type { FixedSwitches } from "../../optimise/feeder-graph.ts";
import type { Goal } from "../../optimise/judge.ts";
import { referenceOf } from "../../optimise/optimum.ts";
import { type Answer, branchExchange, fixed, MOST_TREES, randomSearch } from "../../optimise/peers.ts";
import { decide, MOST_FLOWS } from "../../optimise/policy.ts";
import { FeederProblem } from "../../optimise/problem.ts";
import { readWeights, SHIPPED_WEIGHTS } from "../../optimise/weights-file.ts";
import { GridFault, orFault } from "../fault.ts";
import type { Snapshot } from "../operation.ts";
import type { GridSettings } from "../plan.ts";

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
  const problem = problemOf(now, goalOf(options, settings), options);
  const start = problem.graph.nearest(snapshot.closed);
  const before = fixed(problem, start);
  const begun = performance.now();
  const after = found(problem, start, options);
  const milliseconds = performance.now() - begun;
  const flowsBefore = problem.flows;
  // The optimum of the same question: certified where all trees can be tried.
  const known = referenceOf(problem, [start, after.closed], {
    mostTrees: settings.mostTrees,
    mostFlows: Math.ceil(MOST_BUS_FLOWS / grid.buses.length),
  });
  const isCertified = options.method === "exact" || known.proof !== "best known";
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
    ...{ broken: [...options.broken], cutOff: [...problem.graph.cutOff] },
    before: figuresOf(before),
    after: figuresOf(after),
    reference: {
      kind: isCertified ? "certified" : "best known",
      cost: finite(cost),
      gapPercent: Number.isFinite(after.cost) && cost > 0 ? 100 * (after.cost / cost - 1) : null,
      flows: problem.flows - flowsBefore,
    },
    ...{ flows: after.flows, milliseconds },
  };
}

/** What a state shows of an answer. */
export function switchingOf({ time, method, open, before, after, reference }: Optimised): Switching {
  return {
    ...{ time, method, open, lossKw: after.lossKw, cost: after.cost },
    ...{ presentCost: before.cost, presentLossKw: before.lossKw },
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
): Goal {
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

function found(problem: FeederProblem, start: Uint8Array, { method, mostFlows, seed }: OptimiseOptions): Answer {
  switch (method) {
    case "policy":
      return decide(problem, start, readWeights(SHIPPED_WEIGHTS).weights, { mostFlows: mostFlows ?? MOST_FLOWS });
    case "exchange":
      return branchExchange(problem, start);
    case "random":
      return randomSearch(problem, mostFlows ?? MOST_FLOWS, seed);
    case "exact": {
      const answer = referenceOf(problem, [start], { mostTrees: MOST_TREES });
      if (answer.proof !== "best known") return answer;
      throw new GridFault(
        "invalid",
        `method: ${problem.grid.name} has more configurations than can be tried: take exchange`,
      );
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
