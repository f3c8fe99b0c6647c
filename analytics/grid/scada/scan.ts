/**
 * What a control room is told: samples of points, scan by scan. A simulation, a file and MQTT all deliver the same, and
 * every sample says whether it was simulated.
 */
import { type Grid, GridError } from "../model/grid.ts";

/** What is measured, at what, and in which unit it is kept here. */
export const POINTS = {
  /** Line to line. */
  voltage: { at: "bus", unit: "pu" },
  /** What loads take, and what generators give. */
  demand: { at: "bus", unit: "MW" },
  reactive_demand: { at: "bus", unit: "Mvar" },
  generation: { at: "bus", unit: "MW" },
  reactive_generation: { at: "bus", unit: "Mvar" },
  /** Into a branch at its `from` end. */
  flow: { at: "branch", unit: "MW" },
  reactive_flow: { at: "branch", unit: "Mvar" },
  current: { at: "branch", unit: "pu" },
  temperature: { at: "branch", unit: "degC" },
  /** 1 closed, 0 open. */
  breaker: { at: "branch", unit: "state" },
} as const;

export type PointKind = keyof typeof POINTS;
const POINT_KINDS = Object.keys(POINTS) as PointKind[];

export interface Sample {
  readonly kind: PointKind;
  /** Id of the bus or branch. */
  readonly element: number;
  /** In the unit of its kind. */
  readonly value: number;
  readonly simulated: boolean;
  /** Unix seconds of the earlier scan that it came with, where it only stands for a sensor that has said nothing since. */
  readonly heldSince?: number;
}

export interface Scan {
  /** Unix seconds. */
  readonly time: number;
  /** Where it came from: `simulation`, a file, a topic. */
  readonly source: string;
  readonly samples: readonly Sample[];
}

/** A stream of scans in order of time. */
export interface ScadaSource {
  scans(): AsyncIterable<Scan>;
}

export function pointName({ kind, element }: Pick<Sample, "kind" | "element">): string {
  return `${kind}:${element}`;
}

/** Units that a source may use, each by the factor to the unit kept; `base` stands for the element's own base. */
const UNITS: Readonly<Record<PointKind, Readonly<Record<string, number | "base">>>> = {
  voltage: { pu: 1, kV: "base" },
  demand: { MW: 1, kW: 1e-3 },
  reactive_demand: { Mvar: 1, kvar: 1e-3 },
  generation: { MW: 1, kW: 1e-3 },
  reactive_generation: { Mvar: 1, kvar: 1e-3 },
  flow: { MW: 1, kW: 1e-3 },
  reactive_flow: { Mvar: 1, kvar: 1e-3 },
  current: { pu: 1, A: "base" },
  temperature: { degC: 1 },
  breaker: { state: 1 },
};

/** In degrees Celsius: no conductor and no oil is colder, or hotter and still there. */
const TEMPERATURES = { least: -100, most: 1_000 };

export class SampleError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "SampleError";
  }
}

/** Checks a sample against the grid and brings it to the unit that is kept. Throws SampleError naming the field. */
export function sampleOf(
  grid: Grid,
  raw: Readonly<Record<"kind" | "element" | "value" | "unit", unknown>>,
): Omit<Sample, "simulated"> {
  const { kind, element, value, unit } = raw;
  if (typeof kind !== "string" || !Object.hasOwn(POINTS, kind)) {
    throw new SampleError(`kind: expected one of ${POINT_KINDS.join(", ")}, got ${String(kind)}`);
  }
  const point = kind as PointKind;
  const { at } = POINTS[point];
  // One point has one name: 2 is none of 2.0, +2 and 0x2.
  const id = typeof element === "number" || /^[1-9]\d{0,14}$/.test(String(element)) ? Number(element) : Number.NaN;
  const there = at === "bus" ? grid.indexOf.has(id) : grid.branches[id - 1]?.id === id;
  if (!there) throw new SampleError(`element: there is no ${at} ${String(element)} in ${grid.name}`);
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number)) {
    throw new SampleError(`value: expected a number, got ${JSON.stringify(value)}`);
  }
  if (point === "breaker" && number !== 0 && number !== 1) {
    throw new SampleError(`value: expected 1 (closed) or 0 (open), got ${number}`);
  }
  if (point === "temperature" && (number < TEMPERATURES.least || number > TEMPERATURES.most)) {
    throw new SampleError(`value: expected ${TEMPERATURES.least} to ${TEMPERATURES.most} degC, got ${number}`);
  }
  const units = UNITS[point];
  if (typeof unit !== "string" || !Object.hasOwn(units, unit)) {
    throw new SampleError(`unit: expected ${Object.keys(units).join(" or ")} for ${kind}, got ${String(unit)}`);
  }
  const factor = units[unit]!;
  if (factor !== "base") return { kind: point, element: id, value: number * factor };
  return { kind: point, element: id, value: number / baseOf(grid, point, id) };
}

/** kV of a bus, or ampere at the `from` end of a branch, that are 1 p.u. Throws GridError where the case does not say. */
function baseOf(grid: Grid, kind: PointKind, element: number): number {
  const id = POINTS[kind].at === "bus" ? element : grid.branches[element - 1]!.from;
  const { baseKv } = grid.buses[grid.indexOf.get(id)!]!;
  if (baseKv === 0) throw new GridError(`${grid.name}: bus ${id} has no base voltage; give ${kind} in pu`);
  return kind === "voltage" ? baseKv : (1_000 * grid.baseMva) / (Math.sqrt(3) * baseKv);
}

/** In kV and A where the case names a base voltage; else as it is kept. */
export function inPhysicalUnits(grid: Grid, { kind, element, value }: Sample): { value: number; unit: string } {
  const { unit } = POINTS[kind];
  if (kind !== "voltage" && kind !== "current") return { value, unit };
  try {
    return { value: value * baseOf(grid, kind, element), unit: kind === "voltage" ? "kV" : "A" };
  } catch (error) {
    if (error instanceof GridError) return { value, unit };
    throw error;
  }
}
