/**
 * What a circuit is: it takes one ciphertext per meter and series, gives a few ciphertexts, and says in clear what the
 * numbers in them mean once they are opened. Analytics evaluates, aggregators evaluate again and compare bytes: a circuit
 * therefore depends on its inputs, their order and public parameters alone. The order is the transcript's (sorted by
 * meter), for all who evaluate: sums come out the same in any order, comparisons take their places in it, so that their
 * bytes depend on it although what is opened does not.
 */
import type { z } from "zod";
import type { PackedWindow } from "../packed.ts";
import type { CkksParameters } from "../parameters.ts";
import type { CkksEngine } from "../seal/engine.ts";
import type { RawCiphertext } from "../seal/layout.ts";

/** What is public about a job's inputs. */
export interface JobShape {
  /** Slots of the window. */
  readonly slots: number;
  /** All that have a ciphertext among the inputs. */
  readonly meters: number;
  /** Of these, how many have a value in each slot of time; left out before it is known: then all in every slot. */
  readonly counts?: readonly number[] | undefined;
  /** The largest absolute value that a meter may encrypt, in the series' unit. */
  readonly maxValue: number;
}

/** Meters with a value in a slot of time. */
export function metersIn({ meters, counts }: JobShape, slot: number): number {
  return counts === undefined ? meters : (counts[slot] ?? 0);
}

/** The fewest meters that a slot with any value has: what means and variances are least exact with. */
export function fewestMeters({ meters, counts = [] }: JobShape): number {
  return Math.min(meters, ...counts.filter((count) => count > 0));
}

/** What a number of a slot has to be divided by; a slot without values keeps its zero. */
export function divisorIn(shape: JobShape, slot: number): number {
  return Math.max(1, metersIn(shape, slot));
}

export interface CircuitNeeds {
  readonly series: number;
  /** Products of ciphertexts in sequence. */
  readonly depth: number;
  readonly relin: boolean;
  readonly galoisSteps: readonly number[];
  /** Products mix the coefficients, so their inputs must be sent with all of c0. */
  readonly wholeInputs: boolean;
}

/** What an opening tells, for the rule that counts it. */
export interface CircuitOpens {
  /** Numbers per slot of the window; for a circuit that opens numbers per window, the same divided by the slots. */
  readonly numbersPerSlot: number;
  /** Linear in the group's sums per slot: then it tells nothing beyond the released loads. */
  readonly linear: boolean;
}

/** One output as it will be opened. */
export interface OutputNoise {
  /** Bound on the standard deviation of a coefficient's noise, before flooding. */
  readonly sigma: number;
  /** What values are multiplied with. */
  readonly scale: number;
  /** Largest absolute value in a slot. */
  readonly magnitude: number;
  /** Primes of the output, where they are fewer than the inputs'. */
  readonly level?: number;
}

export type CircuitValues = Readonly<Record<string, number | readonly number[]>>;

/** One evaluation. Keeps sums, never an input. */
export interface Evaluation {
  /** One meter's ciphertexts, one per series; meters in the transcript's order. */
  fold(inputs: readonly PackedWindow[]): void;
  /** The outputs. Call once, after at least one input. */
  finish(): RawCiphertext[];
  /** Frees what the evaluation holds, finished or not. */
  delete(): void;
}

export interface Circuit<P = unknown> {
  readonly name: string;
  readonly parameters: z.ZodType<P>;
  /** Throws RangeError where parameters do not fit the window. */
  needs(parameters: P, slots: number): CircuitNeeds;
  opens(parameters: P, slots: number): CircuitOpens;
  /** Throws RangeError, or CkksError, where the parameters or the set do not suit the circuit: before any input. */
  start(engine: CkksEngine, parameters: P, slots: number): Evaluation;
  /** Noise and size of every output when inputs are fresh at `level`. */
  noise(set: CkksParameters, level: number, parameters: P, shape: JobShape): OutputNoise[];
  /** Opened numbers are multiples of it, were it not for noise; left out where they may be any. */
  readonly step?: number | undefined;
  /** Whether slots between the window and its period come out as zero, which the utility then checks. */
  readonly zeroPadding: boolean;
  /** Opened outputs (the slots of one period each) to named results, in clear. */
  open(parameters: P, shape: JobShape, outputs: readonly ArrayLike<number>[]): CircuitValues;
  /** Error of every named result, given a bound on the error of a slot of every output. */
  errors(parameters: P, shape: JobShape, slotErrors: readonly number[]): Readonly<Record<string, number>>;
}
