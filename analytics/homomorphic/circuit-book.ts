/** The circuits as the server needs to know them: which there are, what they take, what they cost, what they mean. */
import type { Job } from "../store/job.ts";
import type { HeResult } from "../store/result-store.ts";
import type { Plan } from "./evaluator.ts";

/** Opened numbers with their names, and unit and error bound by name. */
export type Reading = Pick<HeResult, "values" | "units" | "errorBounds">;

export type PlannedJob = Pick<Job, "circuit" | "parameters" | "series" | "slots">;

export type OpenedJob = PlannedJob & Pick<Job, "total" | "transcript">;

export interface CircuitBook {
  readonly names: readonly string[];
  /** The configured series that suit a circuit best, as many as it takes; undefined where there are none. */
  defaultSeries(circuit: string, parameters: Readonly<Record<string, unknown>>): readonly string[] | undefined;
  /** Reads a circuit's parameters. Throws RangeError that names what is wrong. */
  parse(circuit: string, parameters: unknown): Readonly<Record<string, unknown>>;
  /** Whether a job fits, and what to expect. Throws RangeError for a series that is not configured. */
  plan(job: PlannedJob, meters: number, epoch?: number): Plan;
  /**
   * Names the numbers that the utility opened, with the meters that have a value in each slot. Throws RangeError where
   * they do not fit the circuit.
   */
  read(job: OpenedJob, outputs: readonly Uint8Array[], metersBySlot: readonly number[]): Reading;
  /** Meters of a transcript's inputs, in its order. */
  inputMeters(transcript: Uint8Array): readonly string[];
  /** Names of a transcript's outputs by what aggregators open, in its order. */
  outputNames(transcript: Uint8Array): readonly string[];
}
