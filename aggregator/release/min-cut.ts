/**
 * The lightest way to cut a small undirected graph in two: Stoer and Wagner, "A simple min-cut algorithm",
 * J. ACM 44 (1997). The release rules ask only whether a cut lighter than a bound exists, so that edges of at least
 * that weight are contracted first, which leaves next to nothing of the usual graphs.
 */

export interface Edge {
  readonly a: number;
  readonly b: number;
  readonly weight: number;
}

/**
 * A cut of a connected part of the graph with a weight of at least 1 and below `bound`, as the nodes of one side; or
 * undefined if there is none. Nodes are 0 to `nodes` - 1; parallel edges add up.
 */
export function lightCut(nodes: number, edges: readonly Edge[], bound: number): Set<number> | undefined {
  const merged = Array.from({ length: nodes }, (_, node) => [node]);
  const weights = merged.map(() => new Map<number, number>());
  const connect = (a: number, b: number, weight: number): void => {
    weights[a]!.set(b, (weights[a]!.get(b) ?? 0) + weight);
    weights[b]!.set(a, (weights[b]!.get(a) ?? 0) + weight);
  };
  for (const { a, b, weight } of edges) if (a !== b && weight > 0) connect(a, b, weight);
  const alive = new Set(merged.keys());
  const contract = (into: number, gone: number): void => {
    for (const [other, weight] of weights[gone]!) {
      weights[other]!.delete(gone);
      if (other !== into) connect(into, other, weight);
    }
    weights[gone]!.clear();
    merged[into]!.push(...merged[gone]!);
    alive.delete(gone);
  };
  contractHeavy(alive, weights, bound, contract);
  for (;;) {
    const start = [...alive].find((node) => weights[node]!.size > 0);
    if (start === undefined) return undefined;
    const { last, before, weight } = phase(start, weights);
    if (weight < bound) return new Set(merged[last]);
    contract(before, last);
  }
}

type Weights = readonly Map<number, number>[];

function contractHeavy(
  alive: ReadonlySet<number>,
  weights: Weights,
  bound: number,
  contract: (into: number, gone: number) => void,
): void {
  const queue = [...alive];
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    if (!alive.has(node)) continue;
    const heavy = [...weights[node]!].find(([, weight]) => weight >= bound);
    if (heavy === undefined) continue;
    contract(node, heavy[0]);
    queue.push(node);
  }
}

/** One maximum adjacency ordering over the part that holds `start`: its last two nodes, and what cuts off the last. */
function phase(start: number, weights: Weights): { last: number; before: number; weight: number } {
  const open = new Map<number, number>([[start, 0]]);
  const seen = new Set<number>();
  let last = start;
  let before = start;
  let weight = 0;
  while (open.size > 0) {
    before = last;
    weight = -1;
    for (const [node, tied] of open) {
      if (tied > weight) {
        last = node;
        weight = tied;
      }
    }
    open.delete(last);
    seen.add(last);
    for (const [other, tie] of weights[last]!) if (!seen.has(other)) open.set(other, (open.get(other) ?? 0) + tie);
  }
  return { last, before, weight };
}
