/** All circuits by name. Each keeps its own type of parameters inside; outside they are read by its schema. */
import { z } from "zod";
import { CkksError } from "../errors.ts";
import type { CkksParameters } from "../parameters.ts";
import { buckets, profile } from "./buckets.ts";
import type { Circuit, JobShape } from "./circuit.ts";
import { compare } from "./compare.ts";
import { maxOfTwo } from "./compare-max.ts";
import { affine, affineVector, mean, meanOverTime, movingAverage, sum, total, trend, weightedSum } from "./linear.ts";
import { covariance, variance, varianceOfSquares, varianceOverTime } from "./moments.ts";
import { roomBits, slotError } from "./noise.ts";

const all = new Map<string, Circuit<never>>();

/** Adds a circuit. Throws RangeError for a name that is taken. */
function registerCircuit<P>(circuit: Circuit<P>): void {
  if (all.has(circuit.name)) throw new RangeError(`circuit: the name ${circuit.name} is taken`);
  all.set(circuit.name, circuit as Circuit<never>);
}

for (const circuit of [sum, mean, total, meanOverTime, trend, profile, variance, covariance, varianceOverTime]) {
  registerCircuit(circuit);
}
registerCircuit(varianceOfSquares);
registerCircuit(affine);
registerCircuit(affineVector);
registerCircuit(weightedSum);
registerCircuit(movingAverage);
registerCircuit(buckets);
registerCircuit(compare);
registerCircuit(maxOfTwo);

/** Names of all circuits, sorted. */
export function circuitNames(): string[] {
  return [...all.keys()].sort();
}

/** Names of a circuit's parameters, those that may be left out with a question mark. */
export function circuitParameters(name: string): string[] {
  const schema = all.get(name)?.parameters;
  if (!(schema instanceof z.ZodObject)) return [];
  const shape = schema.shape as Readonly<Record<string, z.ZodType>>;
  return Object.entries(shape).map(([key, one]) => (one.safeParse(undefined).success ? `${key}?` : key));
}

/** A circuit with parameters that were read by its schema. */
export interface BoundCircuit {
  readonly circuit: Circuit;
  readonly parameters: unknown;
}

/** Throws CkksError `unknown-circuit`, or `malformed` for parameters that are not the circuit's. */
export function bindCircuit(name: string, parameters: unknown, slots: number): BoundCircuit {
  const circuit = all.get(name) as Circuit | undefined;
  if (circuit === undefined) {
    throw new CkksError("unknown-circuit", `circuit: expected one of ${circuitNames().join(", ")}, got ${name}`);
  }
  const parsed = circuit.parameters.safeParse(parameters);
  if (!parsed.success) throw new CkksError("malformed", `parameters of ${name}: ${faultsOf(parsed.error)}`);
  try {
    circuit.needs(parsed.data, slots);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new CkksError("malformed", `parameters of ${name}: ${cause.message}`, { cause });
  }
  return { circuit, parameters: parsed.data };
}

/** In one line, each with its parameter's name. */
function faultsOf({ issues }: z.ZodError): string {
  const faults = issues.map(({ path, message }) => `${path.length === 0 ? "" : `${path.join(".")}: `}${message}`);
  return faults.join("; ");
}

/** Flooding as it is chosen per output: deviation of each partial's noise, and how many partials there are. */
export interface Flooding {
  readonly sigma: (output: number) => number;
  readonly openers: number;
}

/** Bounds on the error of every named result. */
export function errorBound(
  { circuit, parameters }: BoundCircuit,
  set: CkksParameters,
  level: number,
  shape: JobShape,
  flooding: Flooding,
): Readonly<Record<string, number>> {
  const noises = circuit.noise(set, level, parameters, shape);
  const errors = noises.map((noise, index) => slotError(noise, shape.slots, flooding.sigma(index), flooding.openers));
  return circuit.errors(parameters, shape, errors);
}

/** The least room in bits that any output has below the modulus; negative when the job does not fit. */
export function leastRoom(
  { circuit, parameters }: BoundCircuit,
  set: CkksParameters,
  level: number,
  shape: JobShape,
  flooding: Flooding,
): number {
  const noises = circuit.noise(set, level, parameters, shape);
  const deviation = Math.sqrt(flooding.openers);
  return Math.min(
    ...noises.map((noise, index) => roomBits(set, noise.level ?? level, noise, flooding.sigma(index) * deviation)),
  );
}
