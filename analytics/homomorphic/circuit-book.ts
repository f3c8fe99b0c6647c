/** The circuits as the server needs to know them: which there are, what they take, what they cost, what they mean. */
import type { Job } from "../store/job.ts";
import type { HeResult } from "../store/result-store.ts";
import type { Plan } from "./evaluator.ts";

export interface CircuitBook {
  readonly names: readonly string[];
  /** The configured series that suits a circuit best, if any does. */
  defaultSeries(circuit: string, parameters: Readonly<Record<string, unknown>>): string | undefined;
  /** Reads a circuit's parameters. Throws RangeError that names what is wrong. */
  parse(circuit: string, parameters: unknown): Readonly<Record<string, unknown>>;
  /** Whether a job fits, and what to expect. Throws RangeError for an unknown circuit or wrong parameters. */
  plan(job: Pick<Job, "circuit" | "parameters" | "series" | "slots">, inputs: number): Plan;
  /** Names the numbers that the utility opened. Throws RangeError where they do not fit the circuit. */
  read(job: Job, outputs: readonly Uint8Array[]): Pick<HeResult, "values" | "unit" | "errorBound">;
  /** Meters of a transcript's inputs, in its order. */
  inputMeters(transcript: Uint8Array): readonly string[];
}
