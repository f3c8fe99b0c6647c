/** The circuits that this server offers, by name. All are evaluated the same way by aggregators. */
import type { Circuit } from "../../protocol/ckks/circuits/circuit.ts";
import * as linear from "../../protocol/ckks/circuits/linear.ts";

const ALL: readonly Circuit[] = [
  linear.sum,
  linear.mean,
  linear.affine,
  linear.affineVector,
  linear.total,
  linear.meanOverTime,
  linear.weightedSum,
  linear.trend,
  linear.movingAverage,
] as readonly Circuit[];

const BY_NAME = new Map(ALL.map((circuit) => [circuit.name, circuit]));

export const CIRCUIT_NAMES: readonly string[] = [...BY_NAME.keys()];

/** Throws RangeError for an unknown name. */
export function circuitOf(name: string): Circuit {
  const circuit = BY_NAME.get(name);
  if (circuit === undefined) throw new RangeError(`circuit: expected one of ${CIRCUIT_NAMES.join(", ")}, got ${name}`);
  return circuit;
}
