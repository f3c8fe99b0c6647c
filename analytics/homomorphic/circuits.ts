/** The circuits of the protocol as the server asks for them: faults of a request are its user's, hence RangeError. */
import type { BoundCircuit } from "../../protocol/ckks/circuits/index.ts";
import { bindCircuit } from "../../protocol/ckks/circuits/index.ts";
import { CkksError } from "../../protocol/ckks/errors.ts";

/** Throws RangeError for an unknown name, or parameters that are not the circuit's or do not fit so many slots. */
export function circuitFor(name: string, parameters: unknown, slots: number): BoundCircuit {
  try {
    return bindCircuit(name, parameters, slots);
  } catch (error) {
    if (error instanceof CkksError) throw new RangeError(error.message, { cause: error });
    throw error;
  }
}
