/**
 * Branch and bound over the trees of a feeder that only takes power. Its linear losses, with the voltage of the reference
 * everywhere and the losses themselves left out of the flows, are below the losses of any tree; and the least linear
 * losses with some switches still closed in loops (currents divide as in a net of resistors: Thomson's principle) are
 * below those of every tree that can be made from it. So what is cut off holds nothing better, whatever limits cost.
 */
import { type Answer, branchExchange } from "./peers.ts";
import type { FeederProblem } from "./problem.ts";
import { loopsOf } from "./trees.ts";

export interface Bounded extends Answer {
  /** Partial configurations whose bound was computed. */
  readonly nodes: number;
}

/** Below this, as a share of the largest, a branch is the only way left and cannot open. */
const BRIDGE = 1e-9;

/** Flows with the least losses that circulate in loops: what opening a branch adds follows without solving again. */
interface Loops {
  /** Inverse of the loops' resistances, k x k, shrinking in rank with each branch that opens. */
  readonly inverse: Float64Array;
  /** Circulating flows of active and reactive power, k each. */
  readonly p: Float64Array;
  readonly q: Float64Array;
  /** p.u. of power squared times resistance. */
  readonly energy: number;
}

/**
 * Whether linear losses are below all others: loads take power, lines have no shunts, taps or charging. With generation
 * on the feeder a flow may shrink by the losses behind it, and voltages may rise.
 */
export function canBound({ grid, solver, graph }: FeederProblem): boolean {
  const takes = grid.buses.every(
    ({ kind, shuntMw, shuntMvar }, bus) =>
      kind === "slack" ||
      kind === "isolated" ||
      (solver.loadP[bus]! >= 0 && solver.loadQ[bus]! >= 0 && shuntMw === 0 && shuntMvar === 0),
  );
  return (
    takes &&
    [...graph.usable].every((i) => {
      const { rPu, xPu, bPu, ratio, shiftDeg } = grid.branches[i]!;
      return rPu > 0 && xPu >= 0 && bPu === 0 && ratio === 1 && shiftDeg === 0;
    })
  );
}

/**
 * The best of all trees, proved; undefined where `canBound` says no, or `mostNodes` partial configurations did not
 * suffice. Starts from what branch exchange finds from `start`; its power flows count.
 */
export function branchAndBound(problem: FeederProblem, start: Uint8Array, mostNodes = 2_000_000): Bounded | undefined {
  if (!canBound(problem)) return undefined;
  const { graph, grid } = problem;
  const before = problem.flows;
  let best: Answer = branchExchange(problem, start);
  const tree = graph.treeOf([]);
  const k = graph.openCount;
  const member = loopsOf(graph, tree);
  const resistance = (i: number): number => grid.branches[i]!.rPu;
  const flows = treeFlows(problem, tree);
  let energy = 0;
  for (const i of graph.usable) energy += resistance(i) * (flows.p[i]! ** 2 + flows.q[i]! ** 2);
  const matrix = new Float64Array(k * k);
  const [driveP, driveQ] = [new Float64Array(k), new Float64Array(k)];
  for (const [branch, row] of member) {
    for (let a = 0; a < k; a++) {
      if (row[a] === 0) continue;
      driveP[a]! += resistance(branch) * row[a]! * flows.p[branch]!;
      driveQ[a]! += resistance(branch) * row[a]! * flows.q[branch]!;
      for (let b = 0; b < k; b++) matrix[a * k + b]! += resistance(branch) * row[a]! * row[b]!;
    }
  }
  const inverse = inverted(matrix, k);
  const [p, q] = [times(inverse, driveP), times(inverse, driveQ)];
  for (let a = 0; a < k; a++) {
    energy -= driveP[a]! * p[a]! + driveQ[a]! * q[a]!;
    p[a]! *= -1;
    q[a]! *= -1;
  }
  let highest = 0;
  for (const { kind, id, vmPu } of grid.buses) {
    if (kind !== "slack") continue;
    const held = grid.generators.find(({ bus, inService }) => bus === id && inService)?.vSetPu ?? vmPu;
    highest = Math.max(highest, held);
  }
  const toKw = (grid.baseMva * 1_000) / highest ** 2;

  /** What is left once a branch opens, or undefined where it is the only way. */
  const opened = (loops: Loops, branch: number): Loops | undefined => {
    const row = member.get(branch);
    if (row === undefined) return undefined;
    const along = times(loops.inverse, row);
    const stiffness = dot(row, along);
    if (!(stiffness * resistance(branch) > BRIDGE)) return undefined;
    const [ofP, ofQ] = [flows.p[branch]! + dot(row, loops.p), flows.q[branch]! + dot(row, loops.q)];
    const [stepP, stepQ] = [ofP / stiffness, ofQ / stiffness];
    const next = loops.inverse.slice();
    for (let a = 0; a < k; a++) {
      for (let b = 0; b < k; b++) next[a * k + b]! -= (along[a]! * along[b]!) / stiffness;
    }
    return {
      inverse: next,
      p: loops.p.map((value, a) => value - along[a]! * stepP),
      q: loops.q.map((value, a) => value - along[a]! * stepQ),
      energy: loops.energy + ofP * stepP + ofQ * stepQ,
    };
  };

  const open = new Uint8Array(graph.branchCount);
  const kept = graph.keptClosed.slice();
  const closed = new Uint8Array(graph.branchCount);
  let nodes = 0;
  const search = (loops: Loops, left: number): void => {
    if (left === 0) {
      for (const i of graph.usable) closed[i] = 1 - open[i]!;
      const tried = problem.evaluate(closed);
      if (tried.cost < best.cost) best = { ...tried, closed: closed.slice(), flows: 0 };
      return;
    }
    // One of a loop's branches has to open: each in turn, with those before it kept closed, so that no tree comes twice.
    const children = loopLeft(problem, open, kept)
      .filter((branch) => kept[branch] === 0)
      .flatMap((branch) => {
        nodes += 1;
        const next = opened(loops, branch);
        return next === undefined ? [] : [{ branch, next }];
      })
      .sort((a, b) => a.next.energy - b.next.energy);
    const keptHere: number[] = [];
    for (const { branch, next } of children) {
      // Sorted: the rest is no better.
      if (next.energy * toKw >= best.cost || nodes > mostNodes) break;
      open[branch] = 1;
      search(next, left - 1);
      open[branch] = 0;
      kept[branch] = 1;
      keptHere.push(branch);
    }
    for (const branch of keptHere) kept[branch] = 0;
  };
  search({ inverse, p, q, energy }, k);
  return nodes > mostNodes ? undefined : { ...best, flows: problem.flows - before, nodes };
}

/** Active and reactive power through each branch of a tree, from its `from` to its `to`, without losses. */
function treeFlows({ graph, solver, grid }: FeederProblem, tree: Uint8Array) {
  const [p, q] = [new Float64Array(graph.branchCount), new Float64Array(graph.branchCount)];
  const fed = new Uint8Array(grid.buses.length);
  const steps: { readonly bus: number; readonly before: number; readonly branch: number }[] = [];
  const near: number[][] = grid.buses.map(() => []);
  for (const i of graph.usable) {
    if (tree[i] === 0) continue;
    near[graph.from[i]!]!.push(i);
    near[graph.to[i]!]!.push(i);
  }
  const order = [...grid.buses.keys()].filter((bus) => grid.buses[bus]!.kind === "slack");
  for (const bus of order) fed[bus] = 1;
  for (const before of order) {
    for (const branch of near[before]!) {
      const bus = graph.from[branch] === before ? graph.to[branch]! : graph.from[branch]!;
      if (fed[bus] === 1) continue;
      fed[bus] = 1;
      order.push(bus);
      steps.push({ bus, before, branch });
    }
  }
  const [sumP, sumQ] = [solver.loadP.slice(), solver.loadQ.slice()];
  for (const { bus, before, branch } of steps.reverse()) {
    const sign = graph.to[branch] === bus ? 1 : -1;
    p[branch] = sign * sumP[bus]!;
    q[branch] = sign * sumQ[bus]!;
    sumP[before]! += sumP[bus]!;
    sumQ[before]! += sumQ[bus]!;
  }
  return { p, q };
}

/** A loop of what is not open, one with few branches that may open. */
function loopLeft({ graph }: FeederProblem, open: Uint8Array, kept: Uint8Array): number[] {
  const usable = [...graph.usable].filter((i) => open[i] === 0);
  const first = [...usable.filter((i) => kept[i] === 1), ...usable.filter((i) => kept[i] === 0)];
  const tree = graph.treeOf(first);
  const rooted = graph.rooted(tree);
  let [least, found] = [Number.POSITIVE_INFINITY, [] as number[]];
  for (const tie of usable) {
    if (tree[tie] === 1) continue;
    const loop = [tie, ...graph.loopOf(rooted, tie).branches];
    const free = loop.reduce((sum, i) => sum + Number(kept[i] === 0), 0);
    if (free < least) [least, found] = [free, loop];
  }
  return found;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function times(matrix: Float64Array, vector: Float64Array): Float64Array {
  const k = vector.length;
  return Float64Array.from({ length: k }, (_, a) => dot(matrix.subarray(a * k, a * k + k), vector));
}

/** Of a positive definite matrix, by Gauss and Jordan. */
function inverted(matrix: Float64Array, k: number): Float64Array {
  const rows = Array.from({ length: k }, (_, a) =>
    Float64Array.from({ length: 2 * k }, (__, b) => (b < k ? matrix[a * k + b]! : Number(b - k === a))),
  );
  for (let a = 0; a < k; a++) {
    const pivot = rows[a]![a]!;
    rows[a] = rows[a]!.map((value) => value / pivot);
    for (let b = 0; b < k; b++) {
      const factor = rows[b]![a]!;
      if (b === a || factor === 0) continue;
      rows[b] = rows[b]!.map((value, c) => value - factor * rows[a]![c]!);
    }
  }
  return Float64Array.from(rows.flatMap((row) => [...row.subarray(k)]));
}
