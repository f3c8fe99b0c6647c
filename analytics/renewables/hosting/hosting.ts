/**
 * How much generation a grid can take before a voltage or a loading breaks its limit. Every step is a power flow.
 * Generation is active power at unity power factor, at its peak, while loads are light. Only what generation causes
 * counts: voltages above their limit, and overloads.
 */
import { type Grid, powerFlow, violationsOf, withLoadScale } from "../../grid/index.ts";
import { SeededRandom } from "../../grid/random.ts";

export interface HostingRequest {
  readonly grid: Grid;
  /** All loads times this while the sun is at its peak; 0 to 2, default 0.4. */
  readonly loadScale?: number;
  /** Instead of the case's own, p.u. */
  readonly vMaxPu?: number;
  /** kW up to which a capacity is worked out; above 0, default 1. */
  readonly stepKw?: number;
  /** kW beyond which nobody asks; default ten times all loads, at least 1,000. */
  readonly mostKw?: number;
}

export interface Limit {
  /** `none`: `mostKw` is reached; `flow`: one step more has no power flow. */
  readonly kind: "voltage" | "loading" | "flow" | "none";
  /** Id of the bus or the branch; 0 for none. */
  readonly element: number;
}

export interface Capacity {
  /** Largest multiple of the step that breaks nothing; 0 where the grid is beyond its limits without any. */
  readonly kw: number;
  /** What one step more breaks first, by how far it is beyond. */
  readonly limit: Limit;
}

export interface Hosting {
  /** Power flows so far. */
  readonly flows: number;
}

/** A grid with light loads that is asked again and again. */
export class HostingGrid implements Hosting {
  readonly grid: Grid;
  readonly stepKw: number;
  readonly mostKw: number;
  flows = 0;

  /** Throws RangeError for figures that cannot be. */
  constructor({ grid, loadScale = 0.4, vMaxPu, stepKw = 1, mostKw }: HostingRequest) {
    if (!(loadScale >= 0 && loadScale <= 2)) throw new RangeError(`loadScale: expected 0 to 2, got ${loadScale}`);
    if (vMaxPu !== undefined && !(vMaxPu >= 0.9 && vMaxPu <= 1.5)) {
      throw new RangeError(`vMaxPu: expected 0.9 to 1.5, got ${vMaxPu}`);
    }
    if (!(stepKw > 0 && Number.isFinite(stepKw))) throw new RangeError(`stepKw: expected more than 0, got ${stepKw}`);
    const loads = grid.buses.reduce((sum, { loadMw }) => sum + Math.max(0, loadMw), 0);
    this.stepKw = stepKw;
    this.mostKw = mostKw ?? Math.max(1_000, 10_000 * loads);
    if (!(this.mostKw >= stepKw && Number.isFinite(this.mostKw))) {
      throw new RangeError(`mostKw: expected at least a step of ${stepKw}, got ${this.mostKw}`);
    }
    const light = withLoadScale(grid, loadScale);
    const buses = light.buses.map((bus) => (vMaxPu === undefined ? bus : { ...bus, vMaxPu, vMinPu: 0 }));
    this.grid = { ...light, buses };
  }

  /** Buses that may have generation: in service, and no reference. */
  candidates(): number[] {
    return this.grid.buses.flatMap(({ kind }, bus) => (kind === "pq" ? [bus] : []));
  }

  /** What breaks with so many kW at each bus (by position), the worst first; undefined where nothing does. */
  broken(kw: ArrayLike<number>): Limit | undefined {
    this.flows += 1;
    const buses = this.grid.buses.map((bus, i) =>
      kw[i] === 0 ? bus : { ...bus, loadMw: bus.loadMw - kw[i]! / 1_000 },
    );
    const grid = { ...this.grid, buses };
    const result = powerFlow(grid, { dead: "shed" });
    if (!result.converged) return { kind: "flow", element: 0 };
    const { voltages, overloads } = violationsOf(grid, result);
    const found = [
      ...voltages
        .filter(({ vmPu, limitPu }) => vmPu > limitPu)
        .map(({ bus, vmPu, limitPu }) => ({ kind: "voltage" as const, element: bus, beyond: vmPu / limitPu })),
      ...overloads.map(({ branch, mva, rateMva }) => ({
        ...{ kind: "loading" as const, element: branch, beyond: mva / rateMva },
      })),
    ].sort((a, b) => b.beyond - a.beyond);
    const [worst] = found;
    return worst === undefined ? undefined : { kind: worst.kind, element: worst.element };
  }

  /** The largest number of steps, 0 to `most`, at which `at` breaks nothing; between them limits break but once. */
  most(most: number, at: (steps: number) => ArrayLike<number>): { readonly steps: number; readonly limit: Limit } {
    const nothing: Limit = { kind: "none", element: 0 };
    let limit = this.broken(at(0));
    if (limit !== undefined) return { steps: 0, limit };
    limit = this.broken(at(most));
    if (limit === undefined) return { steps: most, limit: nothing };
    let [kept, breaks] = [0, most];
    while (breaks - kept > 1) {
      const middle = Math.floor((kept + breaks) / 2);
      const found = this.broken(at(middle));
      if (found === undefined) kept = middle;
      else [breaks, limit] = [middle, found];
    }
    return { steps: kept, limit };
  }
}

export interface BusCapacity extends Capacity {
  readonly bus: number;
}

/** The most that one bus alone can take, for each that may have generation. */
export function capacityByBus(hosting: HostingGrid, onBus?: (done: number) => void): BusCapacity[] {
  const kw = new Float64Array(hosting.grid.buses.length);
  const most = Math.floor(hosting.mostKw / hosting.stepKw);
  return hosting.candidates().map((bus, k) => {
    kw.fill(0);
    const { steps, limit } = hosting.most(most, (count) => {
      kw[bus] = count * hosting.stepKw;
      return kw;
    });
    onBus?.(k + 1);
    return { bus: hosting.grid.buses[bus]!.id, kw: steps * hosting.stepKw, limit };
  });
}

/** The most in all when every bus has a share by its load (alike where there are no loads). */
export function uniformCapacity(hosting: HostingGrid): Capacity {
  const buses = hosting.candidates();
  const loads = buses.map((bus) => Math.max(0, hosting.grid.buses[bus]!.loadMw));
  const whole = loads.reduce((sum, load) => sum + load, 0);
  const kw = new Float64Array(hosting.grid.buses.length);
  const { steps, limit } = hosting.most(Math.floor(hosting.mostKw / hosting.stepKw), (count) => {
    for (const [k, bus] of buses.entries()) {
      kw[bus] = count * hosting.stepKw * (whole > 0 ? loads[k]! / whole : 1 / buses.length);
    }
    return kw;
  });
  return { kw: steps * hosting.stepKw, limit };
}

export interface Rollouts {
  /** Rollouts; 1 to 100,000. */
  readonly count: number;
  readonly seed: number;
  /** kW of an installation: evenly between these; default 5 and 100. */
  readonly leastKw?: number;
  readonly largestKw?: number;
  readonly onRollout?: (done: number) => void;
}

export interface RandomCapacity {
  /** kW of each rollout before its first broken limit, the smallest first. */
  readonly kw: readonly number[];
  /** How many rollouts each kind of limit ended. */
  readonly limits: Readonly<Record<Limit["kind"], number>>;
}

/**
 * Installations of random size come to random buses, one after the other, until a limit breaks. Throws RangeError for
 * figures that cannot be. The same seed gives the same rollouts.
 */
export function randomCapacity(hosting: HostingGrid, rollouts: Rollouts): RandomCapacity {
  const { count, seed, leastKw = 5, largestKw = 100, onRollout } = rollouts;
  if (!(Number.isInteger(count) && count >= 1 && count <= 100_000)) {
    throw new RangeError(`count: expected an integer from 1 to 100000, got ${count}`);
  }
  if (!(leastKw > 0 && leastKw <= largestKw && Number.isFinite(largestKw))) {
    throw new RangeError(`leastKw: expected above 0 and at most largestKw, got ${leastKw} and ${largestKw}`);
  }
  const candidates = hosting.candidates();
  const limits = { voltage: 0, loading: 0, flow: 0, none: 0 };
  const kw: number[] = [];
  for (let k = 0; k < count; k++) {
    const random = new SeededRandom(seed * 100_000 + k);
    const installs: { readonly bus: number; readonly kw: number }[] = [];
    for (let total = 0; total < hosting.mostKw; ) {
      const install = { bus: random.pick(candidates), kw: random.uniform(leastKw, largestKw) };
      installs.push(install);
      total += install.kw;
    }
    const at = (steps: number): Float64Array => {
      const sum = new Float64Array(hosting.grid.buses.length);
      for (const install of installs.slice(0, steps)) sum[install.bus]! += install.kw;
      return sum;
    };
    const { steps, limit } = hosting.most(installs.length, at);
    limits[limit.kind] += 1;
    kw.push(installs.slice(0, steps).reduce((sum, install) => sum + install.kw, 0));
    onRollout?.(k + 1);
  }
  return { kw: kw.sort((a, b) => a - b), limits };
}

/** kW that `percent` of the rollouts do not reach: 5 is safe in 95 of 100. */
export function percentile({ kw }: RandomCapacity, percent: number): number {
  if (!(percent >= 0 && percent <= 100)) throw new RangeError(`percent: expected 0 to 100, got ${percent}`);
  return kw[Math.min(kw.length - 1, Math.floor((percent / 100) * kw.length))]!;
}
