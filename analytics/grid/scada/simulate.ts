/**
 * A simulated SCADA system over a grid: a day's loads, events, noise, bad data and lost samples. Beside each scan it
 * gives the truth, which no estimator sees.
 */
import { powerFlow } from "../flow/power-flow.ts";
import type { FlowResult } from "../flow/result.ts";
import { type BusLoad, type Grid, withLoads } from "../model/grid.ts";
import { withAssumedRatings } from "../physics/ratings.ts";
import { BranchTemperatures } from "../physics/thermal.ts";
import { SeededRandom } from "../random.ts";
import { ACCURACY, type Accuracy, deviations } from "./accuracy.ts";
import { drawEvent, type EventType, type GridEvent, withEvent } from "./disturbances.ts";
import { dayShape, easedToBand, LoadNoise } from "./profile.ts";
import { type PointKind, type Sample, type ScadaSource, type Scan } from "./scan.ts";
import { assertRange } from "../generate/range.ts";

export interface ScadaPlan {
  readonly grid: Grid;
  readonly seed: number;
  /** Unix seconds of the first scan; default 2025-01-15T00:00Z. */
  readonly startTime?: number;
  /** Default 900. */
  readonly intervalSeconds?: number;
  readonly ambientC?: number;
  /** Chance of a sample to be grossly wrong, and to be lost. Default 0. */
  readonly badRate?: number;
  readonly lostRate?: number;
  /** Chance of an event to begin in a scan, while none is under way; of these types. Default 0. */
  readonly eventRate?: number;
  readonly eventTypes?: readonly EventType[];
  /** Events with their time; they come besides those that are drawn. */
  readonly schedule?: readonly GridEvent[];
  readonly accuracy?: Accuracy;
  /** Loads as they are, instead of a day's course within the band of 5 %. */
  readonly steady?: boolean;
}

export interface Truth {
  /** With the loads and switches of this moment. */
  readonly grid: Grid;
  readonly result: FlowResult;
  readonly temperaturesC: Float64Array;
  readonly events: readonly GridEvent[];
  /** Samples that say something else than the truth plus noise. */
  readonly wrong: readonly Pick<Sample, "kind" | "element">[];
  readonly lost: readonly Pick<Sample, "kind" | "element">[];
}

/** A scan at a time of one's own, with loads of one's own in place of the course of a day. */
export interface ScanAt {
  /** Unix seconds. */
  readonly time: number;
  /** Since the scan before: for temperatures. */
  readonly seconds: number;
  /** By bus id; others keep the course of the day. */
  readonly loads: ReadonlyMap<number, BusLoad>;
}

export interface SimulatedScan {
  readonly scan: Scan;
  readonly truth: Truth;
}

const START = Date.UTC(2025, 0, 15) / 1_000;
/** Standard deviations by which bad data is off. */
const GROSS = { least: 10, most: 40 };
const EVENT_SCANS = { least: 2, most: 6 };

export class SimulatedScada implements ScadaSource {
  /** The case with a rating for every branch: what sensors are laid out for. */
  readonly planned: Grid;
  readonly #base: Grid;
  readonly #plan: ScadaPlan;
  readonly #random: SeededRandom;
  readonly #noise: LoadNoise;
  readonly #temperatures: BranchTemperatures;
  readonly #deviation: (kind: PointKind, element: number) => number;
  #events: GridEvent[];
  #scan = 0;

  /** Throws RangeError for a plan that cannot be. */
  constructor(plan: ScadaPlan) {
    for (const name of ["badRate", "lostRate", "eventRate"] as const) assertRange(name, plan[name] ?? 0, 0, 1);
    assertRange("intervalSeconds", plan.intervalSeconds ?? 900, 1, 86_400);
    this.#plan = plan;
    this.planned = withAssumedRatings(plan.grid);
    this.#base = plan.steady === true ? this.planned : easedToBand(this.planned);
    this.#random = new SeededRandom(plan.seed);
    this.#noise = new LoadNoise(this.#base.buses.length, this.#random);
    this.#temperatures = new BranchTemperatures(this.#base, plan.ambientC ?? 20);
    this.#deviation = deviations(this.planned, plan.accuracy ?? ACCURACY);
    this.#events = [...(plan.schedule ?? [])];
  }

  /** Without an end. */
  async *scans(): AsyncIterable<Scan> {
    for (;;) yield this.next().scan;
  }

  next(at?: ScanAt): SimulatedScan {
    const { intervalSeconds = 900, startTime = START, ambientC = 20 } = this.#plan;
    const time = at?.time ?? startTime + this.#scan * intervalSeconds;
    const loaded = at === undefined ? this.#loadedAt(time) : withLoads(this.#loadedAt(time), at.loads);
    this.#maybeBegin(loaded);
    const events = this.#events.filter(
      ({ fromScan, scans }) => this.#scan >= fromScan && this.#scan < fromScan + scans,
    );
    const { grid, result } = this.#flow(loaded, events);
    this.#temperatures.step(result.currentPu, ambientC, at?.seconds ?? intervalSeconds);
    const temperaturesC = this.#temperatures.celsius.slice();
    const wrong: Pick<Sample, "kind" | "element">[] = [];
    const lost: Pick<Sample, "kind" | "element">[] = [];
    const samples = this.#sensors(grid, result, temperaturesC).flatMap(({ kind, element, value }): Sample[] => {
      const said = this.#said(kind, element, value, events);
      if (said.wrong) wrong.push({ kind, element });
      if (!this.#random.chance(this.#plan.lostRate ?? 0))
        return [{ kind, element, value: said.value, simulated: true }];
      lost.push({ kind, element });
      return [];
    });
    this.#scan += 1;
    return {
      scan: { time, source: "simulation", samples },
      truth: { grid, result, temperaturesC, events, wrong, lost },
    };
  }

  #loadedAt(time: number): Grid {
    if (this.#plan.steady === true) return this.#base;
    if (this.#scan > 0) this.#noise.step();
    const shape = dayShape(time % 86_400);
    const loads = this.#base.buses.map(({ id, loadMw, loadMvar }, bus): [number, BusLoad] => {
      const factor = shape * this.#noise.factors[bus]!;
      return [id, { mw: loadMw * factor, mvar: loadMvar * factor }];
    });
    const generators = this.#base.generators.map((one) => ({ ...one, pMw: one.pMw * shape }));
    return { ...withLoads(this.#base, new Map(loads)), generators };
  }

  #maybeBegin(grid: Grid): void {
    const { eventRate = 0, eventTypes = [] } = this.#plan;
    const busy = this.#events.some(({ fromScan, scans }) => this.#scan < fromScan + scans);
    if (busy || eventTypes.length === 0 || !this.#random.chance(eventRate)) return;
    const scans = EVENT_SCANS.least + this.#random.below(EVENT_SCANS.most - EVENT_SCANS.least + 1);
    const event = drawEvent(this.#random.pick(eventTypes), grid, this.#random, { fromScan: this.#scan, scans });
    if (event !== undefined) this.#events.push(event);
  }

  /** An event can ask for more than the lines carry as the day goes on: it is left out of that scan. */
  #flow(loaded: Grid, events: GridEvent[]): { grid: Grid; result: FlowResult } {
    for (;;) {
      const grid = events.reduce(withEvent, loaded);
      const result = powerFlow(grid, { dead: "shed" });
      if (result.converged) return { grid, result };
      if (events.pop() === undefined) throw new RangeError(`grid: ${grid.name}: ${result.failure!.message}`);
    }
  }

  #sensors(grid: Grid, result: FlowResult, temperaturesC: Float64Array): Omit<Sample, "simulated">[] {
    const sensors: Omit<Sample, "simulated">[] = [];
    const add = (kind: PointKind, element: number, value: number): void => {
      sensors.push({ kind, element, value });
    };
    const generates = new Map<number, { mw: number; mvar: number }>();
    for (const [i, { bus, inService }] of grid.generators.entries()) {
      if (!inService) continue;
      const before = generates.get(bus) ?? { mw: 0, mvar: 0 };
      generates.set(bus, { mw: before.mw + result.generatorMw[i]!, mvar: before.mvar + result.generatorMvar[i]! });
    }
    for (const [bus, { id, loadMw, loadMvar }] of grid.buses.entries()) {
      add("voltage", id, result.vmPu[bus]!);
      const planned = this.planned.buses[bus]!;
      if (planned.loadMw !== 0 || planned.loadMvar !== 0) {
        add("demand", id, result.energised[bus] === 1 ? loadMw : 0);
        add("reactive_demand", id, result.energised[bus] === 1 ? loadMvar : 0);
      }
      const output = generates.get(id);
      if (output === undefined) continue;
      add("generation", id, output.mw);
      add("reactive_generation", id, output.mvar);
    }
    for (const [i, { id, closed, from, to, kind }] of grid.branches.entries()) {
      add("breaker", id, Number(closed));
      const v = result.vmPu[grid.indexOf.get(from)!]!;
      add("current", id, v > 0 ? Math.hypot(result.fromMw[i]!, result.fromMvar[i]!) / grid.baseMva / v : 0);
      add("temperature", id, temperaturesC[i]!);
      if (kind !== "transformer" && !generates.has(from) && !generates.has(to)) continue;
      add("flow", id, result.fromMw[i]!);
      add("reactive_flow", id, result.fromMvar[i]!);
    }
    return sensors;
  }

  /** What the sensor says of a true value. */
  #said(
    kind: PointKind,
    element: number,
    value: number,
    events: readonly GridEvent[],
  ): { value: number; wrong: boolean } {
    const bad = this.#random.chance(this.#plan.badRate ?? 0);
    if (kind === "breaker") return { value: bad ? 1 - value : value, wrong: bad };
    const deviation = this.#deviation(kind, element);
    const noise = deviation * this.#random.normal();
    if (bad) {
      const off = deviation * this.#random.uniform(GROSS.least, GROSS.most);
      return { value: value + (this.#random.chance(0.5) ? off : -off), wrong: true };
    }
    const at = events.find(
      (event) => event.element === element && (event.type === "theft" || event.type === "dead-sensor"),
    );
    if (at?.type === "dead-sensor" && kind === "demand") return { value: 0, wrong: true };
    if (at?.type === "theft" && (kind === "demand" || kind === "reactive_demand")) {
      // A bypass takes reactive power along.
      return { value: value * (1 - at.size) + noise, wrong: true };
    }
    // A bus without supply shows nothing, noise included.
    return { value: kind === "voltage" && value === 0 ? 0 : value + noise, wrong: false };
  }
}
