/** Samples to measurements: values in p.u. with their standard deviation, and switches that the samples contradict. */
import { type Grid, withSwitches } from "../model/grid.ts";
import { type PointKind, pointName, type Sample } from "../scada/scan.ts";
import { believedSwitches, type Deviation, type Reports, type ValueOf } from "./switches.ts";

/**
 * `v` voltage of a bus; `p`, `q` power into the grid at a bus; `pf`, `qf`, `i` power into a branch and its current at the
 * `from` end.
 */
export type Quantity = "v" | "p" | "q" | "pf" | "qf" | "i";

export interface Measurement {
  readonly quantity: Quantity;
  /** Position of the bus or branch in the grid. */
  readonly index: number;
  readonly value: number;
  /** Standard deviation. */
  readonly sigma: number;
  /** `sensor`: measured; `virtual`: a bus with nothing connected; `pseudo`: a guess in place of a lost sample. */
  readonly origin: "sensor" | "virtual" | "pseudo";
  /** The samples that it comes from, as `kind:element`. */
  readonly points: readonly string[];
}

/** What is known exactly is weighed so much more than the best sensor, and no more: the equations must stay solvable. */
const VIRTUAL_SHARE = 0.01;
export interface Reading {
  /** With the switches as they are taken to be. */
  readonly grid: Grid;
  readonly measurements: readonly Measurement[];
  /** Branches whose breaker's report was not believed, as `believedSwitches` has it. */
  readonly contradicted: readonly number[];
  /** Points that the grid has and the scan has not. */
  readonly missing: readonly string[];
}

/** With what was said before, against which changed breakers are held. */
export interface ReadOptions extends Reports {
  /** Standard deviation of a sensor in the unit of its kind (`deviations` of the planned grid). */
  readonly deviation: Deviation;
  /** What to take for a demand or output that is not in the scan, in MW or Mvar, with its standard deviation. */
  readonly guess?: (kind: PointKind, element: number) => { readonly value: number; readonly sigma: number } | undefined;
}

/** `grid` has the switches as they were last known; the samples' breakers go first. */
export function readScan(
  grid: Grid,
  samples: readonly Sample[],
  { deviation, guess, ...reports }: ReadOptions,
): Reading {
  const byName = new Map(samples.map((sample) => [pointName(sample), sample.value]));
  const valueOf = (kind: PointKind, element: number): number | undefined => byName.get(pointName({ kind, element }));
  const { closed, contradicted } = believedSwitches(grid, valueOf, deviation, reports);
  const switched = withSwitches(grid, closed);
  const missing: string[] = [];
  const measurements = [
    ...injections(switched, valueOf, { deviation, ...(guess === undefined ? {} : { guess }) }, missing),
    ...direct(switched, valueOf, deviation, missing),
  ];
  return { grid: switched, measurements, contradicted, missing };
}

function injections(grid: Grid, valueOf: ValueOf, options: ReadOptions, missing: string[]): Measurement[] {
  const generates = new Set(grid.generators.filter(({ inService }) => inService).map(({ bus }) => bus));
  const sensors: Measurement[] = [];
  const virtual: Omit<Measurement, "sigma">[] = [];
  for (const [index, { id, loadMw, loadMvar }] of grid.buses.entries()) {
    for (const quantity of ["p", "q"] as const) {
      const kinds: { kind: PointKind; sign: number }[] = [];
      if (loadMw !== 0 || loadMvar !== 0)
        kinds.push({ kind: quantity === "p" ? "demand" : "reactive_demand", sign: -1 });
      if (generates.has(id)) kinds.push({ kind: quantity === "p" ? "generation" : "reactive_generation", sign: 1 });
      if (kinds.length === 0) {
        virtual.push({ quantity, index, value: 0, origin: "virtual", points: [] });
        continue;
      }
      let [value, square, guessed, known] = [0, 0, false, true];
      for (const { kind, sign } of kinds) {
        const measured = valueOf(kind, id);
        if (measured === undefined) missing.push(pointName({ kind, element: id }));
        const taken = measured === undefined ? options.guess?.(kind, id) : undefined;
        if (measured === undefined && taken === undefined) known = false;
        value += sign * (measured ?? taken?.value ?? 0);
        square += (taken?.sigma ?? options.deviation(kind, id)) ** 2;
        guessed ||= taken !== undefined;
      }
      if (!known) continue;
      const points = kinds.map(({ kind }) => pointName({ kind, element: id }));
      const origin = guessed ? "pseudo" : "sensor";
      sensors.push({
        ...{ quantity, index, origin, points },
        ...{ value: value / grid.baseMva, sigma: Math.sqrt(square) / grid.baseMva },
      });
    }
  }
  const best = sensors.reduce((least, { sigma }) => Math.min(least, sigma), 0.01);
  return [...sensors, ...virtual.map((one) => ({ ...one, sigma: VIRTUAL_SHARE * best }))];
}

function direct(grid: Grid, valueOf: ValueOf, deviation: Deviation, missing: string[]): Measurement[] {
  const take = (quantity: Quantity, kind: PointKind, element: number, index: number, base: number): Measurement[] => {
    const value = valueOf(kind, element);
    if (value === undefined) return [];
    const points = [pointName({ kind, element })];
    return [{ quantity, index, value: value / base, sigma: deviation(kind, element) / base, origin: "sensor", points }];
  };
  const voltages = grid.buses.flatMap(({ id }, index) => {
    if (valueOf("voltage", id) === undefined) missing.push(pointName({ kind: "voltage", element: id }));
    return take("v", "voltage", id, index, 1);
  });
  const branches = grid.branches.flatMap(({ id, closed }, index) =>
    closed
      ? [
          ...take("pf", "flow", id, index, grid.baseMva),
          ...take("qf", "reactive_flow", id, index, grid.baseMva),
          ...take("i", "current", id, index, 1),
        ]
      : [],
  );
  return [...voltages, ...branches];
}
