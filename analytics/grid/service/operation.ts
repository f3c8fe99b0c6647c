/**
 * The grid in operation, scan by scan: loads and samples in, the state that is believed out. Knows no clock, no connection
 * and no file; a thread runs it.
 */
import type { Finding, GridState } from "../../../protocol/grid/index.ts";
import { StateTracker, type TrustedState } from "../estimate/tracker.ts";
import type { FlowResult } from "../flow/result.ts";
import { type BusLoad, type Grid, withLoads } from "../model/grid.ts";
import { apparentMva, violationsOf } from "../physics/limits.ts";
import { lossesOf } from "../physics/losses.ts";
import { loadingRisk, voltageRisk } from "../physics/risk.ts";
import { BranchTemperatures } from "../physics/thermal.ts";
import type { Scan } from "../scada/scan.ts";
import { type Fault, FindingBook, limitFaults, SampleFaults, stateFaults, theftFaults } from "./findings.ts";
import { FeederWatch } from "./feeder-watch.ts";
import { faultedAfter, fillDark } from "./outage.ts";
import type { OperationPlan } from "./plan.ts";
import { type FeederLoad, loadsOf, SimulatedPlant } from "./plant.ts";

export interface ScanInput {
  /** Unix seconds, and since the scan before. */
  readonly time: number;
  readonly seconds: number;
  /** The newest released load of each feeder. */
  readonly loads: readonly FeederLoad[];
  /** Loads released since the scan before, of any slot: what sensors said of that slot is held against them. */
  readonly released: readonly FeederLoad[];
  /** Of sensors; absent where they are simulated. */
  readonly scan?: Scan;
  /** Faults that whoever asks has found, such as that loads are stale. */
  readonly faults: readonly Fault[];
}

/** What a scan says of the state; whoever publishes adds what it alone knows. */
export type Believed = Pick<
  GridState,
  "time" | "simulated" | "stale" | "status" | "totals" | "buses" | "branches" | "cutOff" | "faulted" | "bad"
>;

/** What other computations start from: the switches, and what each bus takes, or would take if it had supply. */
export interface Snapshot {
  readonly closed: Uint8Array;
  /** Ids of branches that are out of order, as far as anybody can tell. */
  readonly faulted: readonly number[];
  /** Consumed, by position of the bus; generation is apart. */
  readonly loadMw: Float64Array;
  readonly loadMvar: Float64Array;
  readonly generationMw: Float64Array;
  readonly generationMvar: Float64Array;
}

export interface Outcome {
  /** As of the last scan that told one, when this one does not; undefined before the first. */
  readonly believed: Believed | undefined;
  readonly findings: readonly Finding[];
  readonly findingsLeftOut: number;
  readonly snapshot: Snapshot;
  readonly milliseconds: number;
}

const SQRT3 = Math.sqrt(3);

export class GridOperation {
  readonly #plan: OperationPlan;
  readonly #plant: SimulatedPlant | undefined;
  readonly #tracker: StateTracker;
  readonly #temperatures: BranchTemperatures;
  readonly #samples = new SampleFaults();
  readonly #book = new FindingBook();
  readonly #feeders: FeederWatch;
  #snapshot: Snapshot;
  /** Positions of branches that opened in an outage. */
  #faulted: ReadonlySet<number> = new Set();
  /** 1 for buses that had supply since the start. */
  readonly #seen: Uint8Array;
  #believed: Believed | undefined;

  /** Throws RangeError for a grid without a power flow. */
  constructor(plan: OperationPlan) {
    const { grid, settings } = plan;
    this.#plan = plan;
    this.#plant = settings.scada === "simulated" ? new SimulatedPlant(plan) : undefined;
    this.#tracker = new StateTracker(grid);
    this.#temperatures = new BranchTemperatures(grid, settings.ambientC);
    this.#feeders = new FeederWatch(plan);
    this.#seen = new Uint8Array(grid.buses.length);
    this.#snapshot = {
      closed: Uint8Array.from(grid.branches, ({ closed }) => Number(closed)),
      faulted: [],
      loadMw: Float64Array.from(grid.buses, ({ loadMw }) => loadMw),
      loadMvar: Float64Array.from(grid.buses, ({ loadMvar }) => loadMvar),
      generationMw: new Float64Array(grid.buses.length),
      generationMvar: new Float64Array(grid.buses.length),
    };
  }

  scan(input: ScanInput): Outcome {
    const begun = performance.now();
    const { time, seconds, loads, faults } = input;
    const planted = this.#plant?.scan(time, seconds, loads);
    const scan = planted?.scan ?? input.scan;
    if (scan === undefined) throw new RangeError("scan: expected samples of sensors, got none");
    const state = this.#tracker.update(scan);
    const own = stateFaults(state);
    const { status } = state.estimate;
    const usable = status === "trusted" || status === "suspect";
    if (usable) {
      const { grid, result, believed } = this.#judge(state, scan, seconds, loads);
      this.#believed = believed;
      if (planted === undefined) this.#feeders.compareSlots(scan.time, grid, loads, input.released);
      else this.#feeders.compareNow(grid, loads, planted.metered);
      own.push(
        ...limitFaults(
          state,
          violationsOf({ ...grid, generators: [] }, result),
          believed.branches.temperatureC,
          this.#plan.settings.ambientC,
        ),
        ...believed.cutOff.map((bus): Fault => {
          const value = this.#snapshot.loadMw[grid.indexOf.get(bus)!]!;
          return { kind: "no-supply", element: `bus:${bus}`, value, limit: 0, unit: "MW" };
        }),
      );
    } else if (this.#believed !== undefined) this.#believed = { ...this.#believed, status, stale: true };
    own.push(...this.#samples.of(state), ...theftFaults(this.#feeders.missing()), ...faults);
    const { findings, leftOut } = this.#book.update(scan.time, own);
    return {
      ...{ believed: this.#believed, findings, findingsLeftOut: leftOut, snapshot: this.#snapshot },
      milliseconds: performance.now() - begun,
    };
  }

  /** Loads, flows and temperatures of a state, and what they come to. */
  #judge(
    state: TrustedState,
    scan: Scan,
    seconds: number,
    released: readonly FeederLoad[],
  ): { grid: Grid; result: FlowResult; believed: Believed } {
    const { settings } = this.#plan;
    const { grid, result } = this.#injections(state, scan, released);
    this.#temperatures.step(state.currentPu, settings.ambientC, seconds);
    const measured = new Map(
      scan.samples.filter(({ kind }) => kind === "temperature").map(({ element, value }) => [element, value]),
    );
    const { estimate } = state;
    const loading = grid.branches.map(({ rateMva }, i) => apparentMva(result, i) / rateMva);
    const temperatureC = grid.branches.map(({ id }, i) =>
      rounded(measured.get(id) ?? this.#temperatures.celsius[i]!, 1),
    );
    const busRisk = grid.buses.map(({ kind, vMinPu, vMaxPu }, bus) => {
      const vm = estimate.vmPu[bus]!;
      return kind === "slack" || kind === "isolated" || vm === 0 ? 0 : voltageRisk(vm, vMinPu, vMaxPu);
    });
    const branchRisk = loading.map((share) => loadingRisk(share));
    const losses = lossesOf(grid, result);
    const supplied = estimate.vmPu.filter((v) => v > 0);
    const cutOff = grid.buses
      .filter(({ kind }, bus) => kind !== "isolated" && estimate.vmPu[bus] === 0)
      .map(({ id }) => id);
    const mw = (values: Float64Array): number[] => Array.from(values, (value) => rounded(value, 5));
    const { transmission, distribution } = losses;
    const believed: Believed = {
      ...{ time: scan.time, simulated: state.simulated, stale: false, status: estimate.status, cutOff },
      totals: {
        ...{ inputMw: rounded(losses.inputMw, 6), deliveredMw: rounded(losses.deliveredMw, 6) },
        efficiency: rounded(Math.min(Math.max(losses.efficiency, 0), 1), 6),
        losses: {
          transmissionLinesMw: rounded(transmission.linesMw, 6),
          transmissionTransformersMw: rounded(transmission.transformersMw, 6),
          distributionLinesMw: rounded(distribution.linesMw, 6),
          distributionTransformersMw: rounded(distribution.transformersMw, 6),
          shuntsMw: rounded(losses.shuntsMw, 6),
          technicalMw: rounded(losses.technicalMw, 6),
        },
        lackingMw: rounded(
          cutOff.reduce((sum, id) => sum + this.#snapshot.loadMw[grid.indexOf.get(id)!]!, 0),
          5,
        ),
        risk: rounded(
          [...busRisk, ...branchRisk].reduce((sum, risk) => sum + risk, 0),
          4,
        ),
        leastVoltagePu: rounded(Math.min(...supplied), 5),
        mostVoltagePu: rounded(Math.max(...supplied), 5),
        mostLoadingPercent: rounded(100 * Math.max(0, ...loading), 2),
        hottestC: Math.max(settings.ambientC, ...temperatureC),
      },
      buses: {
        vmPu: Array.from(estimate.vmPu, (value) => rounded(value, 5)),
        vaDeg: Array.from(estimate.vaRad, (value) => rounded((value * 180) / Math.PI, 3)),
        loadMw: grid.buses.map(({ loadMw }) => rounded(loadMw, 5)),
        loadMvar: grid.buses.map(({ loadMvar }) => rounded(loadMvar, 5)),
        generationMw: mw(this.#snapshot.generationMw),
        risk: busRisk.map((risk) => rounded(risk, 3)),
      },
      branches: {
        closed: grid.branches.map(({ closed }) => Number(closed)),
        ...{ fromMw: mw(state.fromMw), fromMvar: mw(state.fromMvar), toMw: mw(state.toMw) },
        currentA: grid.branches.map((branch, i) => rounded(ampere(grid, branch.from, state.currentPu[i]!), 3)),
        loadingPercent: loading.map((share) => rounded(100 * share, 2)),
        temperatureC,
        risk: branchRisk.map((risk) => rounded(risk, 3)),
      },
      faulted: [...this.#snapshot.faulted],
      bad: [...state.bad, ...state.contradictedBreakers.map((id) => `breaker:${id}`)].slice(0, 200),
    };
    return { grid, result, believed };
  }

  /** What each bus takes and gives: the branches say what it does on balance, its sensors what is load of it. */
  #injections(state: TrustedState, scan: Scan, released: readonly FeederLoad[]): { grid: Grid; result: FlowResult } {
    const { grid, estimate, fromMw, fromMvar, toMw, toMvar } = state;
    const { indexOf } = grid;
    const [p, q] = [new Float64Array(grid.buses.length), new Float64Array(grid.buses.length)];
    for (const [i, { from, to }] of grid.branches.entries()) {
      p[indexOf.get(from)!]! += fromMw[i]!;
      p[indexOf.get(to)!]! += toMw[i]!;
      q[indexOf.get(from)!]! += fromMvar[i]!;
      q[indexOf.get(to)!]! += toMvar[i]!;
    }
    const demands = new Map(
      scan.samples
        .filter(({ kind }) => kind === "demand" || kind === "reactive_demand")
        .map((one) => [`${one.kind}:${one.element}`, one.value]),
    );
    const generates = new Set(grid.generators.filter(({ inService }) => inService).map(({ bus }) => bus));
    const before = this.#snapshot;
    const [loadMw, loadMvar] = [before.loadMw.slice(), before.loadMvar.slice()];
    const generationMw = new Float64Array(grid.buses.length);
    const generationMvar = new Float64Array(grid.buses.length);
    const loads = new Map<number, BusLoad>();
    for (const [bus, { id, shuntMw, shuntMvar, loadMw: planned }] of grid.buses.entries()) {
      const vm = estimate.vmPu[bus]!;
      if (vm === 0) {
        loads.set(id, { mw: 0, mvar: 0 });
        continue;
      }
      this.#seen[bus] = 1;
      const [inMw, inMvar] = [p[bus]! + shuntMw * vm * vm, q[bus]! - shuntMvar * vm * vm];
      if (generates.has(id)) {
        // Its sensors tell the load of a bus that both takes and gives.
        if (planned !== 0) loadMw[bus] = demands.get(`demand:${id}`) ?? loadMw[bus]!;
        if (planned !== 0) loadMvar[bus] = demands.get(`reactive_demand:${id}`) ?? loadMvar[bus]!;
        generationMw[bus] = inMw + loadMw[bus]!;
        generationMvar[bus] = inMvar + loadMvar[bus]!;
      } else {
        loadMw[bus] = -inMw;
        loadMvar[bus] = -inMvar;
      }
      loads.set(id, { mw: loadMw[bus]!, mvar: loadMvar[bus]! });
    }
    fillDark({
      ...{ grid, loadMw, loadMvar, vmPu: estimate.vmPu, released: loadsOf(this.#plan, released) },
      ...{ goesOn: this.#plant !== undefined, seen: this.#seen },
    });
    this.#faulted = faultedAfter(this.#faulted, grid, before.closed, estimate.vmPu);
    this.#snapshot = {
      ...{ loadMw, loadMvar, generationMw, generationMvar },
      faulted: [...this.#faulted].map((i) => grid.branches[i]!.id),
      closed: Uint8Array.from(grid.branches, ({ closed }) => Number(closed)),
    };
    // All that a bus gives is booked on its first generator.
    const booked = new Set<number>();
    const generatorMw = Float64Array.from(grid.generators, ({ bus, inService }) => {
      if (!inService || booked.has(bus)) return 0;
      booked.add(bus);
      return generationMw[indexOf.get(bus)!]!;
    });
    const energised = Uint8Array.from(estimate.vmPu, (v) => Number(v > 0));
    const result = { vmPu: estimate.vmPu, energised, fromMw, fromMvar, toMw, toMvar, generatorMw } as FlowResult;
    return { grid: withLoads(grid, loads), result };
  }
}

function ampere({ baseMva, buses, indexOf }: Grid, bus: number, currentPu: number): number {
  const { baseKv } = buses[indexOf.get(bus)!]!;
  return baseKv === 0 ? currentPu : (currentPu * 1_000 * baseMva) / (SQRT3 * baseKv);
}

/** Without -0, which JSON would turn into 0. */
function rounded(value: number, digits: number): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale + 0;
}
