/** Radial feeders by seed: a trunk per feeder with laterals, households' loads, and open ties between them. */
import { RadialSolver } from "../flow/radial-solver.ts";
import { type Branch, type Bus, type Grid, makeGrid, withLoadScale } from "../model/grid.ts";
import { withAssumedRatings } from "../physics/ratings.ts";
import { SeededRandom } from "../random.ts";
import { assertRange } from "./range.ts";

export interface RadialPlan {
  /** Buses with the substation, 2 to 20,000. */
  readonly nodes: number;
  readonly seed: number;
  /** Trunks that leave the substation; default one per 120 nodes. */
  readonly feeders?: number;
  /** Open switches between far buses; default one per 15 nodes. */
  readonly ties?: number;
  /** The lowest voltage of the grid; loads are scaled to it. Default 0.955. */
  readonly leastVoltagePu?: number;
}

const BASE_MVA = 10;
const KV = 20;
const OHM = (KV * KV) / BASE_MVA;
/** Of a 20 kV cable or overhead line, ohm per km. */
const TRUNK = { r: 0.13, x: 0.12 };
const LATERAL = { r: 0.4, x: 0.35 };

/** Each brings the drop at least ten times closer. */
const SCALING_STEPS = 8;

/** Throws RangeError for a plan that cannot be. */
export function generateRadial(plan: RadialPlan): Grid {
  const { nodes, seed, leastVoltagePu = 0.955 } = plan;
  const feeders = plan.feeders ?? Math.max(1, Math.round(nodes / 120));
  const ties = plan.ties ?? Math.round(nodes / 15);
  assertRange("nodes", nodes, 2, 20_000, true);
  assertRange("feeders", feeders, 1, nodes - 1, true);
  assertRange("ties", ties, 0, nodes, true);
  assertRange("leastVoltagePu", leastVoltagePu, 0.8, 0.999);
  const random = new SeededRandom(seed);
  const buses: Bus[] = [busAt(1, 0, 0)];
  const branches: Branch[] = [];
  const trunkEnd = Array.from({ length: feeders }, () => 1);
  const members: number[][] = Array.from({ length: feeders }, () => []);
  for (let id = 2; id <= nodes; id++) {
    const feeder = (id - 2) % feeders;
    const own = members[feeder]!;
    const onTrunk = own.length === 0 || random.chance(0.35);
    // Laterals grow from their youngest buses more often than not, so that they become branches and not stars.
    const recent = own.slice(-4);
    const parent = onTrunk ? trunkEnd[feeder]! : random.pick(random.chance(0.7) ? recent : own);
    if (onTrunk) trunkEnd[feeder] = id;
    own.push(id);
    const kw = Math.exp(3.6 + 0.8 * random.normal());
    const factor = random.uniform(0.88, 0.98);
    buses.push(busAt(id, kw / 1_000, (kw / 1_000) * Math.tan(Math.acos(factor))));
    branches.push(lineOf(branches.length + 1, parent, id, onTrunk ? TRUNK : LATERAL, random.uniform(0.1, 0.9), true));
  }
  const joined = new Set(branches.map(({ from, to }) => pair(from, to)));
  for (let tries = 0; joined.size < nodes - 1 + ties && tries < 100 * ties; tries++) {
    const [from, to] = [2 + random.below(nodes - 1), 2 + random.below(nodes - 1)];
    if (from === to || joined.has(pair(from, to))) continue;
    joined.add(pair(from, to));
    branches.push(lineOf(branches.length + 1, from, to, LATERAL, random.uniform(0.3, 2), false));
  }
  const generators = [
    {
      ...{ bus: 1, pMw: 0, qMvar: 0, vSetPu: 1, inService: true, pMinMw: 0 },
      ...{ pMaxMw: 1_000, qMinMvar: -1_000, qMaxMvar: 1_000 },
    },
  ];
  const name = `radial${nodes}`;
  const grid = makeGrid({ name, baseMva: BASE_MVA, buses, branches, generators });
  return withAssumedRatings(withLoadScale(grid, scaleFor(grid, leastVoltagePu)));
}

function busAt(id: number, loadMw: number, loadMvar: number): Bus {
  const fixed = { baseKv: KV, shuntMw: 0, shuntMvar: 0, vMinPu: 0.95, vMaxPu: 1.05, vmPu: 1, vaDeg: 0 };
  return { id, kind: id === 1 ? "slack" : "pq", loadMw, loadMvar, ...fixed };
}

function lineOf(id: number, from: number, to: number, perKm: typeof TRUNK, km: number, closed: boolean): Branch {
  const impedance = { rPu: (perKm.r * km) / OHM, xPu: (perKm.x * km) / OHM, bPu: 0 };
  const fixed = { kind: "line", ratio: 1, shiftDeg: 0, rateMva: Number.POSITIVE_INFINITY } as const;
  return { id, from, to, ...impedance, ...fixed, closed };
}

function pair(one: number, other: number): string {
  return `${Math.min(one, other)}-${Math.max(one, other)}`;
}

/** The factor of all loads at which the lowest voltage is `least`: the drop grows little faster than the loads. */
function scaleFor(grid: Grid, least: number): number {
  const solver = new RadialSolver(grid);
  const [p, q] = [solver.loadP.slice(), solver.loadQ.slice()];
  const closed = Uint8Array.from(grid.branches, (branch) => Number(branch.closed));
  const dropAt = (factor: number): number => {
    for (let bus = 0; bus < p.length; bus++) {
      solver.loadP[bus] = p[bus]! * factor;
      solver.loadQ[bus] = q[bus]! * factor;
    }
    return solver.solve(closed) === "converged" ? 1 - solver.leastVoltage : Number.POSITIVE_INFINITY;
  };
  let factor = 1;
  while (dropAt(factor) > 1 - least) factor /= 4;
  for (let step = 0; step < SCALING_STEPS; step++) factor *= (1 - least) / dropAt(factor);
  return factor;
}
