/**
 * All trees of a feeder, once each. Branches that lie in the same loops are in series: opening any one of them cuts the
 * same, so they are chosen as groups. Groups make a tree when their memberships in the loops are linearly independent
 * over GF(2) (the open branches are a basis of the dual matroid).
 */
import type { FeederGraph } from "./feeder-graph.ts";

/**
 * A basis of the loops: for each branch that lies in any, +1, -1 or 0 for each loop of a tree's open branches, in their
 * order and direction.
 */
export function loopsOf(graph: FeederGraph, closed: Uint8Array): ReadonlyMap<number, Float64Array> {
  const tree = graph.rooted(closed);
  const ties = graph.openOf(closed);
  const rows = new Map<number, Float64Array>();
  const set = (branch: number, loop: number, sign: number): void => {
    const row = rows.get(branch) ?? new Float64Array(ties.length);
    rows.set(branch, row);
    row[loop] = sign;
  };
  for (const [loop, tie] of ties.entries()) {
    set(tie, loop, 1);
    const { branches, signs } = graph.loopOf(tree, tie);
    for (const [i, branch] of branches.entries()) set(branch, loop, signs[i]!);
  }
  return rows;
}

interface Series {
  readonly members: number[];
  /** Bit per fundamental loop. */
  readonly mask: bigint;
}

function seriesOf(graph: FeederGraph): Series[] {
  const loops = loopsOf(graph, graph.treeOf([]));
  const groups = new Map<bigint, number[]>();
  for (const branch of [...loops.keys()].sort((a, b) => a - b)) {
    if (graph.keptClosed[branch] === 1) continue;
    const mask = loops.get(branch)!.reduce((bits, sign, loop) => bits | (sign === 0 ? 0n : 1n << BigInt(loop)), 0n);
    const group = groups.get(mask) ?? [];
    group.push(branch);
    groups.set(mask, group);
  }
  return [...groups].map(([mask, members]) => ({ members, mask }));
}

/** The groups of every tree, each of which stands for as many trees as the product of its groups' sizes. */
function* choices(series: readonly Series[], open: number): Generator<readonly Series[]> {
  const chosen: Series[] = [];
  const basis: bigint[] = [];
  function* from(start: number): Generator<readonly Series[]> {
    if (chosen.length === open) {
      yield chosen;
      return;
    }
    for (let at = start; at <= series.length - (open - chosen.length); at++) {
      const one = series[at]!;
      let rest = one.mask;
      for (const vector of basis) if ((rest ^ vector) < rest) rest ^= vector;
      if (rest === 0n) continue;
      chosen.push(one);
      basis.push(rest);
      // Reduction takes the largest leading bit first.
      const sorted = [...basis];
      basis.sort((a, b) => (a < b ? 1 : -1));
      yield* from(at + 1);
      basis.splice(0, basis.length, ...sorted.slice(0, -1));
      chosen.pop();
    }
  }
  yield* from(0);
}

/** How many trees there are, by the matrix-tree theorem for loops: rounded beyond 2^53. */
export function countTrees(graph: FeederGraph): number {
  const k = graph.openCount;
  const matrix = Array.from({ length: k }, () => new Float64Array(k));
  for (const [branch, row] of loopsOf(graph, graph.treeOf([]))) {
    if (graph.keptClosed[branch] === 1) continue;
    for (const [a, one] of row.entries()) {
      if (one !== 0) for (const [b, other] of row.entries()) matrix[a]![b]! += one * other;
    }
  }
  let determinant = 1;
  for (const [a, row] of matrix.entries()) {
    const pivot = row[a]!;
    // Loops of kept branches alone: nothing to open.
    if (!(pivot > 1e-9)) return 0;
    determinant *= pivot;
    for (let b = a + 1; b < k; b++) {
      const factor = matrix[b]![a]! / pivot;
      for (let c = a; c < k; c++) matrix[b]![c]! -= factor * row[c]!;
    }
  }
  return Math.round(determinant);
}

/** Every tree once, in an order that changes one switch pair at a time where it can. The same buffer each time. */
export function* allTrees(graph: FeederGraph): Generator<Uint8Array> {
  const all = new Uint8Array(graph.branchCount);
  for (const i of graph.usable) all[i] = 1;
  function* opened(chosen: readonly Series[], at: number): Generator<Uint8Array> {
    if (at === chosen.length) {
      yield all;
      return;
    }
    for (const branch of chosen[at]!.members) {
      all[branch] = 0;
      yield* opened(chosen, at + 1);
      all[branch] = 1;
    }
  }
  for (const chosen of choices(seriesOf(graph), graph.openCount)) yield* opened([...chosen], 0);
}
