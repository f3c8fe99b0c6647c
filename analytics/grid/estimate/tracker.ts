/**
 * Scan by scan from samples to a trusted state: remembers switches, demands and voltages, so that lost samples and bad
 * ones do not leave a hole.
 */
import { branchFlows } from "../flow/result.ts";
import { type Grid, withSwitches } from "../model/grid.ts";
import { perUnit } from "../model/per-unit.ts";
import { ACCURACY, type Accuracy, deviations } from "../scada/accuracy.ts";
import { type PointKind, pointName, POINTS, type Sample, type Scan } from "../scada/scan.ts";
import { type Estimate, estimate, type EstimateOptions } from "./bad-data.ts";
import { readScan } from "./measurement.ts";
import { SUPPLIED, type ValueOf } from "./switches.ts";

export interface TrustedState {
  readonly time: number;
  readonly source: string;
  /** Any sample of the scan was simulated. */
  readonly simulated: boolean;
  /** With the switches as they are taken to be. */
  readonly grid: Grid;
  readonly estimate: Estimate;
  /** Into each branch at either end, and the current at the larger, as the estimate has it. */
  readonly fromMw: Float64Array;
  readonly fromMvar: Float64Array;
  readonly toMw: Float64Array;
  readonly toMvar: Float64Array;
  readonly currentPu: Float64Array;
  /** Points whose samples were taken out as bad, were lost, or contradict the rest (breakers). */
  readonly bad: readonly string[];
  /** Of these, sensors that show 0 where there is supply, with what they showed before. */
  readonly dead: readonly { readonly point: string; readonly before: number }[];
  readonly missing: readonly string[];
  /** Points whose sample is one of an earlier scan. */
  readonly held: ReadonlySet<string>;
  readonly contradictedBreakers: readonly number[];
}

export interface TrackerOptions extends Pick<EstimateOptions, "falseAlarm"> {
  readonly accuracy?: Accuracy;
}

/** A value of the scan before, in place of a lost one, is worth so many standard deviations of its sensor. */
const STALE = 10;
/** In standard deviations: who had less may well come to 0. */
const DEAD = 6;

export class StateTracker {
  readonly #options: TrackerOptions;
  readonly #deviation: (kind: PointKind, element: number) => number;
  readonly #last = new Map<string, number>();
  /** By branch, what its breaker says, and the time of the scan in which it first said so. */
  readonly #reports = new Map<number, { readonly value: number; readonly since: number }>();
  #grid: Grid;
  #before: Estimate | undefined;

  /** `grid` is the case as it is planned. Throws RangeError when it has no power flow. */
  constructor(grid: Grid, options: TrackerOptions = {}) {
    this.#grid = grid;
    this.#options = options;
    this.#deviation = deviations(grid, options.accuracy ?? ACCURACY);
  }

  update(scan: Scan): TrustedState {
    const before: ValueOf = (kind, element) => this.#last.get(pointName({ kind, element }));
    const repeated = this.#repeated(scan);
    const dead = this.#deadSensors(scan.samples, before);
    const reading = readScan(
      this.#grid,
      scan.samples.filter((sample) => !dead.has(pointName(sample))),
      {
        ...(this.#last.size === 0 ? {} : { before }),
        isRepeated: (branch) => repeated.has(branch),
        deviation: this.#deviation,
        guess: (kind, element) => {
          const value = before(kind, element);
          return value === undefined ? undefined : { value, sigma: STALE * this.#deviation(kind, element) };
        },
      },
    );
    const { grid } = reading;
    const { falseAlarm } = this.#options;
    const found = estimate(grid, reading.measurements, {
      ...(falseAlarm === undefined ? {} : { falseAlarm }),
      ...(this.#before === undefined ? {} : { start: this.#before }),
    });
    const bad = [...dead, ...found.removed.flatMap(({ measurement }) => measurement.points)];
    const isBad = new Set(bad);
    for (const sample of scan.samples) {
      const name = pointName(sample);
      if (!isBad.has(name)) this.#last.set(name, sample.value);
    }
    this.#grid = withSwitches(
      this.#grid,
      grid.branches.map(({ closed }) => closed),
    );
    const usable = found.status === "trusted" || found.status === "suspect";
    this.#before = usable ? found : undefined;
    const flows = branchFlows(perUnit(grid), found.vmPu, found.vaRad);
    const mega = (values: Float64Array): Float64Array => values.map((value) => value * grid.baseMva);
    return {
      ...{
        time: scan.time,
        source: scan.source,
        grid,
        estimate: found,
        bad,
        dead: [...dead].map((point) => ({ point, before: this.#last.get(point)! })),
        missing: reading.missing.filter((name) => !dead.has(name)),
        held: new Set(scan.samples.flatMap((one) => (one.heldSince === undefined ? [] : [pointName(one)]))),
      },
      simulated: scan.samples.some(({ simulated }) => simulated),
      ...{ fromMw: mega(flows.fromP), fromMvar: mega(flows.fromQ), toMw: mega(flows.toP), toMvar: mega(flows.toQ) },
      currentPu: flows.current,
      contradictedBreakers: reading.contradicted,
    };
  }

  /** Branches whose breaker says what it said in another interval: one report does not repeat itself, however often it is looked at. */
  #repeated({ time, samples }: Scan): Set<number> {
    const repeated = new Set<number>();
    for (const { kind, element, value, heldSince = time } of samples) {
      if (kind !== "breaker") continue;
      const before = this.#reports.get(element);
      if (before?.value !== value) this.#reports.set(element, { value, since: heldSince });
      else if (before.since !== heldSince) repeated.add(element);
    }
    return repeated;
  }

  /** A bus that took or gave something in the scan before does not come to exactly 0 while it has supply: noise never does. */
  #deadSensors(samples: readonly Sample[], before: ValueOf): Set<string> {
    const voltages = new Map(
      samples.filter(({ kind }) => kind === "voltage").map(({ element, value }) => [element, value]),
    );
    const dead = samples.filter(({ kind, element, value }) => {
      if (value !== 0 || kind === "voltage" || POINTS[kind].at !== "bus") return false;
      const supplied = (voltages.get(element) ?? 0) > SUPPLIED;
      return supplied && Math.abs(before(kind, element) ?? 0) > DEAD * this.#deviation(kind, element);
    });
    return new Set(dead.map(pointName));
  }
}
