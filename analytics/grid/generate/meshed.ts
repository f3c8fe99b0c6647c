/** Meshed transmission grids by seed: buses on a plane, short lines, several generators that hold their voltage. */
import { powerFlow } from "../flow/power-flow.ts";
import { type Branch, type Bus, type Generator, type Grid, makeGrid, withLoadScale } from "../model/grid.ts";
import { withAssumedRatings } from "../physics/ratings.ts";
import { SeededRandom } from "../random.ts";
import { assertRange } from "./range.ts";

export interface MeshedPlan {
  /** 3 to 5,000. */
  readonly nodes: number;
  readonly seed: number;
  /** At as many buses, the reference among them; default one in five. */
  readonly generators?: number;
  /** Branches per bus; default 1.6, as the IEEE cases have. */
  readonly density?: number;
}

const BASE_MVA = 100;
const KV = 138;
const OHM = (KV * KV) / BASE_MVA;
/** Ohm and siemens per km of an overhead line. */
const PER_KM = { r: 0.07, x: 0.4, b: 2.8e-6 };
/** Mean distance of neighbours. */
const KM = 25;
const LEAST_PU = 0.95;

interface Place {
  readonly x: number;
  readonly y: number;
}

/** Throws RangeError for a plan that cannot be. */
export function generateMeshed(plan: MeshedPlan): Grid {
  const { nodes, seed, density = 1.6 } = plan;
  const generatorCount = plan.generators ?? Math.max(2, Math.round(nodes / 5));
  assertRange("nodes", nodes, 3, 5_000, true);
  assertRange("generators", generatorCount, 1, nodes, true);
  assertRange("density", density, 1, 4);
  const random = new SeededRandom(seed);
  const side = KM * Math.sqrt(nodes);
  const places = Array.from({ length: nodes }, () => ({ x: random.uniform(0, side), y: random.uniform(0, side) }));
  const branches = linesOf(places, Math.round(density * nodes), random);
  const isGenerator = new Set<number>();
  while (isGenerator.size < generatorCount) isGenerator.add(1 + random.below(nodes));
  const [reference] = isGenerator;
  const buses = places.map((_, i): Bus => {
    const id = i + 1;
    const loadMw = random.chance(0.75) ? random.uniform(5, 60) : 0;
    const kind = id === reference ? "slack" : isGenerator.has(id) ? "pv" : "pq";
    const fixed = { baseKv: KV, shuntMw: 0, shuntMvar: 0, vMinPu: LEAST_PU, vMaxPu: 1.05, vmPu: 1, vaDeg: 0 };
    return { id, kind, loadMw, loadMvar: loadMw * random.uniform(0.2, 0.45), ...fixed };
  });
  const share = buses.reduce((sum, { loadMw }) => sum + loadMw, 0) / generatorCount;
  const generators = [...isGenerator].map((bus): Generator => {
    const pMw = share * random.uniform(0.8, 1.2);
    const range = { qMinMvar: -share, qMaxMvar: share, pMinMw: 0, pMaxMw: 3 * share };
    return { bus, pMw, qMvar: 0, vSetPu: random.uniform(1, 1.03), inService: true, ...range };
  });
  const grid = makeGrid({ name: `meshed${nodes}`, baseMva: BASE_MVA, buses, branches, generators });
  return withAssumedRatings(carried(grid));
}

/** A spanning tree of short lines, then the shortest of what is left, a few at random. */
function linesOf(places: readonly Place[], count: number, random: SeededRandom): Branch[] {
  const distance = (a: number, b: number): number =>
    Math.hypot(places[a]!.x - places[b]!.x, places[a]!.y - places[b]!.y);
  const pairs: [number, number][] = [];
  const joined = new Set<number>();
  const take = (a: number, b: number): void => {
    pairs.push([a, b]);
    joined.add(Math.min(a, b) * places.length + Math.max(a, b));
  };
  for (let i = 1; i < places.length; i++) {
    take(nearest(i, i, distance, 1)[0]!, i);
  }
  const others = places.flatMap((_, i) => nearest(i, places.length, distance).map((k): [number, number] => [i, k]));
  others.sort(([a, b], [c, d]) => distance(a, b) - distance(c, d));
  for (const [a, b] of others) {
    if (pairs.length >= count) break;
    if (!joined.has(Math.min(a, b) * places.length + Math.max(a, b)) && random.chance(0.7)) take(a, b);
  }
  return pairs.map(([a, b], i): Branch => {
    const km = Math.max(distance(a, b), 2);
    const line = { rPu: (PER_KM.r * km) / OHM, xPu: (PER_KM.x * km) / OHM, bPu: PER_KM.b * km * OHM };
    const fixed = { kind: "line", ratio: 1, shiftDeg: 0, rateMva: Number.POSITIVE_INFINITY, closed: true } as const;
    return { id: i + 1, from: a + 1, to: b + 1, ...line, ...fixed };
  });
}

/** Of the buses below `count`, those next to `i`, the nearest first. */
function nearest(i: number, count: number, distance: (a: number, b: number) => number, most = 6): number[] {
  const found: { readonly k: number; readonly km: number }[] = [];
  for (let k = 0; k < count; k++) {
    const km = distance(i, k);
    if (k === i || (found.length === most && km >= found.at(-1)!.km)) continue;
    const at = found.findIndex((one) => one.km > km);
    found.splice(at < 0 ? found.length : at, 0, { k, km });
    if (found.length > most) found.pop();
  }
  return found.map(({ k }) => k);
}

/** Less load and output, step by step, until the lines carry it at a fair voltage; then ranges that hold it. */
function carried(grid: Grid): Grid {
  for (let factor = 1; factor > 1e-3; factor *= 0.85) {
    const generators = grid.generators.map((one) => ({ ...one, pMw: one.pMw * factor }));
    const scaled = { ...withLoadScale(grid, factor), generators };
    const { converged, vmPu, generatorMvar, generatorMw } = powerFlow(scaled, { method: "newton" });
    if (!converged || vmPu.some((v) => v < LEAST_PU)) continue;
    const ranged = generators.map((one, i): Generator => {
      const most = Math.max(one.qMaxMvar, 1.2 * Math.abs(generatorMvar[i]!));
      const pMaxMw = Math.max(one.pMaxMw, 1.2 * generatorMw[i]!);
      const pMinMw = Math.min(0, 1.2 * generatorMw[i]!);
      return { ...one, qMinMvar: -most, qMaxMvar: most, pMinMw, pMaxMw };
    });
    return { ...scaled, generators: ranged };
  }
  throw new RangeError(`nodes: no load is carried by the ${grid.buses.length} nodes of this seed`);
}
