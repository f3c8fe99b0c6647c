/** What a routing decision says to whoever asked: for each load its path, its losses and where its power comes from. */
import type { Grid } from "../../model/grid.ts";
import type { FlowResult } from "../../flow/result.ts";
import type { FixedSwitches } from "../feeder-graph.ts";
import type { Goal } from "../judge.ts";
import type { Weights } from "../network.ts";
import { gapOf, proofOf } from "../optimum.ts";
import { MOST_TREES } from "../peers.ts";
import { readWeights, SHIPPED_PATH_WEIGHTS } from "../weights-file.ts";
import {
  decidePaths,
  exactPaths,
  greedy,
  MOST_ROUTING_FLOWS,
  randomPaths,
  type RoutingAnswer,
  shortestPaths,
} from "./policy.ts";
import { RoutingProblem } from "./problem.ts";

export const ROUTING_METHODS = ["policy", "exact", "shortest", "random"] as const;
export type RoutingMethod = (typeof ROUTING_METHODS)[number];

export interface RouteOptions extends FixedSwitches {
  readonly goal?: Goal;
  /** Default `policy`. */
  readonly method?: RoutingMethod;
  /** Power flows that policy and random may spend; default 8. */
  readonly mostFlows?: number;
  /** Of what is drawn; default 1. */
  readonly seed?: number;
  /** Forests that are tried at most, by `exact` and for the reference; default 1,000,000. */
  readonly mostTrees?: number;
  /** What the policy and its reference may take together, beyond their first way; left out, their power flows are the limit. */
  readonly mostMilliseconds?: number;
  /** Default those that are shipped. */
  readonly weights?: Weights;
}

/** Ids throughout; MW, kW. */
export interface LoadPath {
  readonly bus: number;
  readonly loadMw: number;
  readonly loadMvar: number;
  /** Bus of the generator where the path begins. */
  readonly generator: number;
  /** From the generator to the load. */
  readonly buses: readonly number[];
  readonly branches: readonly number[];
  /** This load's part of the losses of its path: those of each line are divided by load. */
  readonly lossKw: number;
  /** Place in the order in which buses were supplied, from 1 on; several may be supplied by one path. */
  readonly step: number;
  /** Where the power comes from by proportional sharing at every bus; sums up to 1. */
  readonly shares: readonly { readonly generator: number; readonly share: number }[];
  readonly voltagePu: number;
}

export interface RoutedPaths {
  readonly grid: string;
  readonly method: RoutingMethod;
  readonly paths: readonly LoadPath[];
  /** Lines that no path uses. */
  readonly open: readonly number[];
  readonly broken: readonly number[];
  /** Buses that nothing can supply. */
  readonly cutOff: readonly number[];
  readonly lossKw: number;
  /** Between generators: in no load's path. */
  readonly trunkLossKw: number;
  readonly risk: number;
  readonly violation: number;
  readonly cost: number;
  readonly leastVoltagePu: number;
  /** Power flows that the method spent. */
  readonly flows: number;
  readonly milliseconds: number;
  readonly generators: readonly { readonly bus: number; readonly mw: number; readonly mvar: number }[];
  /** `certified`: the best of all `trees` forests; `best known`: there are too many to try. */
  readonly reference: {
    readonly kind: "certified" | "best known";
    readonly cost: number;
    readonly gapPercent: number;
    readonly flows: number;
    readonly trees: number | undefined;
  };
}

/** Forests that are tried beside every answer; a power flow of a small grid takes about 0.2 ms. */
const MOST_TREES_BESIDE = 5_000;
/** Where they are too many, the policy has so many times the power flows for the reference, up to a number. */
const REFERENCE_FACTOR = 8;
const MOST_REFERENCE_FLOWS = 64;

/**
 * A path from a generator to every load. Throws RangeError for options that do not fit the grid, a grid without a load
 * that could be supplied, and one without a power flow on any way that was tried.
 */
export function routePaths(grid: Grid, options: RouteOptions = {}): RoutedPaths {
  const { method = "policy", mostFlows = MOST_ROUTING_FLOWS, seed = 1, mostTrees = MOST_TREES } = options;
  const problem = new RoutingProblem(grid, options.goal, options);
  if (!problem.source.includes(1) || problem.graph.usable.length === 0) {
    throw new RangeError(`grid: ${grid.name} has no load that a generator could supply`);
  }
  const weights =
    method === "policy" ? (options.weights ?? readWeights(SHIPPED_PATH_WEIGHTS, "paths").weights) : undefined;
  const from = performance.now();
  const { mostMilliseconds = Number.POSITIVE_INFINITY } = options;
  // The answer may take half of it: a reference that found nothing better in less says little.
  const lateAfter = (share: number) => (): boolean => performance.now() - from > share * mostMilliseconds;
  const find: Readonly<Record<RoutingMethod, () => RoutingAnswer | undefined>> = {
    policy: () => decidePaths(problem, weights!, { mostFlows, seed, isLate: lateAfter(0.5) }),
    exact: () => exactPaths(problem, mostTrees),
    shortest: () => shortestPaths(problem),
    random: () => randomPaths(problem, mostFlows, seed),
  };
  const answer = find[method]();
  if (answer === undefined) {
    throw new RangeError(`method: ${grid.name} has more than the ${mostTrees} forests that are tried: take policy`);
  }
  const milliseconds = performance.now() - from;
  if (!Number.isFinite(answer.cost)) throw new RangeError(`grid: ${grid.name} has no power flow on these paths`);
  const referenceFlows = Math.max(mostFlows, Math.min(REFERENCE_FACTOR * mostFlows, MOST_REFERENCE_FLOWS));
  const optimum = method === "exact" ? answer : exactPaths(problem, Math.min(mostTrees, MOST_TREES_BESIDE));
  const known =
    optimum ??
    decidePaths(problem, weights ?? greedy("added"), {
      ...{ mostFlows: referenceFlows, seed: seed + 1, isLate: lateAfter(1) },
    });
  const { best, gapPercent } = gapOf(answer.cost, { cost: known.cost, proof: proofOf(optimum) });
  const { grid: switched, result } = problem.solve(answer.closed);
  return {
    ...{ grid: grid.name, method, flows: answer.flows, milliseconds },
    ...pathsOf(problem, answer, switched, result),
    open: switched.branches.flatMap(({ id, closed }) => (closed ? [] : [id])),
    broken: options.broken ?? [],
    cutOff: problem.graph.cutOff,
    ...{ lossKw: answer.lossKw, risk: answer.risk, violation: answer.violation, cost: answer.cost },
    leastVoltagePu: answer.leastVoltagePu,
    generators: grid.generators.flatMap(({ bus, inService }, i) =>
      inService ? [{ bus, mw: result.generatorMw[i]!, mvar: result.generatorMvar[i]! }] : [],
    ),
    reference: {
      kind: optimum === undefined ? "best known" : "certified",
      cost: best,
      gapPercent,
      flows: known.flows,
      trees: optimum === undefined ? undefined : optimum.flows,
    },
  };
}

function pathsOf(problem: RoutingProblem, answer: RoutingAnswer, grid: Grid, result: FlowResult) {
  const { graph, source } = problem;
  const by = new Int32Array(grid.buses.length).fill(-1);
  const step = new Int32Array(grid.buses.length);
  for (const [k, { branches, buses }] of answer.order.entries()) {
    for (const [i, bus] of buses.entries()) {
      by[bus] = branches[i]!;
      step[bus] = k + 1;
    }
  }
  const wayTo = (load: number): { readonly branches: number[]; readonly buses: number[] } => {
    const [branches, buses]: [number[], number[]] = [[], [load]];
    for (let at = load; source[at] === 0; ) {
      const branch = by[at]!;
      at = graph.from[branch] === at ? graph.to[branch]! : graph.from[branch]!;
      branches.unshift(branch);
      buses.unshift(at);
    }
    return { branches, buses };
  };
  const loads = [...grid.buses.keys()].filter((bus) => {
    const { loadMw, loadMvar } = grid.buses[bus]!;
    return by[bus]! >= 0 && (loadMw !== 0 || loadMvar !== 0);
  });
  const ways = new Map(loads.map((load) => [load, wayTo(load)]));
  // A line's losses are divided among the loads behind it.
  const behind = new Float64Array(grid.branches.length);
  for (const [load, { branches }] of ways) {
    for (const branch of branches) behind[branch]! += Math.abs(grid.buses[load]!.loadMw);
  }
  const lossOf = (i: number): number => (result.fromMw[i]! + result.toMw[i]!) * 1_000;
  const shares = sharesOf(grid, result);
  const paths = loads.map((load): LoadPath => {
    const { branches, buses } = ways.get(load)!;
    const { id, loadMw, loadMvar } = grid.buses[load]!;
    const lossKw = branches.reduce(
      (sum, i) => sum + (behind[i]! > 0 ? (lossOf(i) * Math.abs(loadMw)) / behind[i]! : 0),
      0,
    );
    return {
      ...{ bus: id, loadMw, loadMvar, lossKw, step: step[load]!, voltagePu: result.vmPu[load]! },
      generator: grid.buses[buses[0]!]!.id,
      buses: buses.map((bus) => grid.buses[bus]!.id),
      branches: branches.map((i) => grid.branches[i]!.id),
      shares: shares(load),
    };
  });
  return {
    paths: paths.sort((a, b) => a.step - b.step),
    trunkLossKw: problem.trunk.reduce((sum, i) => sum + lossOf(i), 0),
  };
}

/**
 * Proportional sharing (J. Bialek, IEE Proc. Generation, Transmission and Distribution 143 (1996)): what leaves a bus is
 * mixed as what enters it. Power of buses with a load below 0 counts as coming from there.
 */
function sharesOf(grid: Grid, result: FlowResult): (bus: number) => LoadPath["shares"] {
  const n = grid.buses.length;
  const given = Float64Array.from(grid.buses, ({ loadMw }) => Math.max(0, -loadMw));
  for (const [i, { bus }] of grid.generators.entries()) {
    given[grid.indexOf.get(bus)!]! += Math.max(0, result.generatorMw[i]!);
  }
  const enters: { readonly from: number; readonly mw: number }[][] = Array.from({ length: n }, () => []);
  for (const [i, { from, to }] of grid.branches.entries()) {
    const ends = [grid.indexOf.get(from)!, grid.indexOf.get(to)!] as const;
    if (result.fromMw[i]! > 0 && result.toMw[i]! < 0) enters[ends[1]]!.push({ from: ends[0], mw: -result.toMw[i]! });
    if (result.toMw[i]! > 0 && result.fromMw[i]! < 0) enters[ends[0]]!.push({ from: ends[1], mw: -result.fromMw[i]! });
  }
  const mixes = new Map<number, ReadonlyMap<number, number>>();
  const mixOf = (bus: number, below: ReadonlySet<number>): ReadonlyMap<number, number> => {
    const known = mixes.get(bus);
    if (known !== undefined) return known;
    const mix = new Map<number, number>(given[bus]! > 0 ? [[grid.buses[bus]!.id, given[bus]!]] : []);
    const inner = new Set(below).add(bus);
    for (const { from, mw } of enters[bus]!) {
      // Power cannot go round in a circle without phase shifters; where it does, the circle is cut here.
      if (inner.has(from)) continue;
      for (const [id, share] of mixOf(from, inner)) mix.set(id, (mix.get(id) ?? 0) + share * mw);
    }
    const whole = [...mix.values()].reduce((sum, mw) => sum + mw, 0);
    const shares = new Map([...mix].map(([id, mw]) => [id, mw / Math.max(whole, 1e-12)]));
    mixes.set(bus, shares);
    return shares;
  };
  return (bus) =>
    [...mixOf(bus, new Set())].map(([generator, share]) => ({ generator, share })).sort((a, b) => b.share - a.share);
}
