/** Where buses go on a map when the case does not say: outwards from the references, the same for the same grid. */
import type { Grid } from "../index.ts";

export interface Place {
  /** 0 to 1. */
  readonly x: number;
  readonly y: number;
}

interface Tree {
  /** Positions of buses, each behind the one that it hangs on; branches of a bus stay together. */
  readonly order: readonly number[];
  readonly depth: Int32Array;
  readonly children: readonly (readonly number[])[];
}

function treeOf({ buses, branches, indexOf }: Grid): Tree {
  const near: { bus: number; closed: boolean }[][] = buses.map(() => []);
  for (const { from, to, closed } of branches) {
    const [a, b] = [indexOf.get(from)!, indexOf.get(to)!];
    near[a]!.push({ bus: b, closed });
    near[b]!.push({ bus: a, closed });
  }
  const depth = new Int32Array(buses.length).fill(-1);
  const children: number[][] = buses.map(() => []);
  const roots: number[] = [];
  const grow = (root: number): void => {
    if (depth[root] !== -1) return;
    depth[root] = 0;
    roots.push(root);
    const reached = [root];
    // Ties and open switches only lead to what nothing else reaches.
    for (const closedOnly of [true, false]) {
      for (const bus of reached) {
        for (const { bus: other, closed } of near[bus]!) {
          if (depth[other] !== -1 || (closedOnly && !closed)) continue;
          depth[other] = depth[bus]! + 1;
          children[bus]!.push(other);
          reached.push(other);
        }
      }
    }
  };
  for (const [bus, { kind }] of buses.entries()) if (kind === "slack") grow(bus);
  for (const bus of buses.keys()) grow(bus);
  const order: number[] = [];
  const waiting = roots.toReversed();
  for (let bus = waiting.pop(); bus !== undefined; bus = waiting.pop()) {
    order.push(bus);
    waiting.push(...children[bus]!.toReversed());
  }
  return { order, depth, children };
}

/** Positions of all buses, outwards from the references, branch after branch. */
export function outwards(grid: Grid): readonly number[] {
  return treeOf(grid).order;
}

/** By position of the bus: left to right by the number of branches from the reference, leaves one below the other. */
export function layoutOf(grid: Grid): readonly Place[] {
  const { order, depth, children } = treeOf(grid);
  const height = new Float64Array(order.length);
  let leaves = 0;
  for (const bus of order) if (children[bus]!.length === 0) height[bus] = leaves++;
  // Inner buses go to the middle of what hangs on them, from the leaves inwards.
  for (const bus of order.toReversed()) {
    const below = children[bus]!;
    if (below.length > 0) height[bus] = below.reduce((sum, child) => sum + height[child]!, 0) / below.length;
  }
  const deepest = Math.max(1, ...depth);
  const lowest = Math.max(1, leaves - 1);
  const rounded = (value: number): number => Math.round(value * 1e4) / 1e4;
  return grid.buses.map((_, bus) => ({ x: rounded(depth[bus]! / deepest), y: rounded(height[bus]! / lowest) }));
}
