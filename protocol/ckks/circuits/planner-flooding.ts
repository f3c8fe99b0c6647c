/** How much flooding an output affords: errors and room as functions of the bits that are asked for. */
import { periodOf } from "../packed.ts";
import type { CkksParameters } from "../parameters.ts";
import { SIGMA_BITS } from "../ring/gaussian.ts";
import { sigmaBitsFor } from "../threshold/flooding.ts";
import type { JobShape, OutputNoise } from "./circuit.ts";
import { toldErrors } from "./told.ts";
import { freshSigma, roomBits, slotError } from "./noise.ts";
import type { BoundCircuit } from "./registry.ts";

/** Keys that were dealt for a set. */
export interface AvailableKeys {
  readonly relin: boolean;
  readonly galoisSteps: readonly number[];
}

export interface PlanRequest {
  readonly circuit: string;
  readonly parameters: unknown;
  readonly set: CkksParameters;
  /** Primes of fresh ciphertexts of the series; all data primes unless given. */
  readonly level?: number;
  /** Whether meters send all of c0, or cut it to what sums need. */
  readonly wholeInputs: boolean;
  readonly keys: AvailableKeys;
  /** Series that the request names. */
  readonly series: number;
  /** `meters` are those of the group; `slots` the window's numbers. */
  readonly shape: JobShape;
  /** Numbers of the series for each slot of the window: buckets; 1 unless given. */
  readonly perSlot?: number;
  /** Fewest meters per opened number (k). */
  readonly minMeters: number;
  readonly threshold: number;
  readonly statisticalBits: number;
  readonly openings: number;
  /** Largest error that is of use, in the results' unit. */
  readonly errorLimit?: number;
  readonly maxInputs?: number;
  readonly maxMemoryBytes?: number;
}

/** A circuit's outputs on a set. */
export interface Assessment {
  readonly bound: BoundCircuit;
  readonly noises: readonly OutputNoise[];
  readonly levels: readonly number[];
}

/** Deviation of each partial's noise, as aggregators choose it. */
export function sigmasFor(
  { set, shape, openings }: PlanRequest,
  { noises, levels }: Assessment,
  bits: number,
): number[] {
  const opened = 2 * periodOf(shape.slots);
  return noises.map(({ sigma }, at) => {
    // The encryption of zero that is added before opening is a fresh one more.
    const variance = sigma ** 2 + freshSigma(set, levels[at]!) ** 2;
    return 2 ** Math.max(SIGMA_BITS.least, sigmaBitsFor(variance, bits, openings, opened));
  });
}

export function errorsWith(
  { shape, threshold }: PlanRequest,
  { bound, noises }: Assessment,
  sigmas: readonly number[],
) {
  const slotErrors = noises.map((noise, at) => slotError(noise, shape.slots, sigmas[at]!, threshold));
  return toldErrors(bound.circuit, bound.parameters, shape, slotErrors);
}

/** Counts are exact or of no use; a load is right to one unit; what else may be limited is the request's to say. */
export function largestError({ circuit, errorLimit }: PlanRequest): number {
  if (errorLimit !== undefined) return errorLimit;
  if (EXACT.has(circuit)) return 0;
  return UNIT.has(circuit) ? 1 : Number.POSITIVE_INFINITY;
}

const EXACT: ReadonlySet<string> = new Set(["compare", "buckets"]);
const UNIT: ReadonlySet<string> = new Set(["sum", "mean", "mean-over-time"]);

export function isAccurate(request: PlanRequest, errors: Readonly<Record<string, number>>): boolean {
  return Object.values(errors).every((error) => error <= largestError(request));
}

export function leastRoomOf(
  { set, threshold }: PlanRequest,
  { noises, levels }: Assessment,
  sigmas: readonly number[],
): number {
  return Math.min(...noises.map((noise, at) => roomBits(set, levels[at]!, noise, sigmas[at]! * Math.sqrt(threshold))));
}

/** The most bits for which results are still accurate and fit the modulus; at most 256. */
export function mostFlooding(request: PlanRequest, assessed: Assessment): number {
  const holds = (bits: number): boolean => {
    const sigmas = sigmasFor(request, assessed, bits);
    return (
      sigmas.every((sigma) => Math.log2(sigma) <= SIGMA_BITS.most) &&
      leastRoomOf(request, assessed, sigmas) >= 0 &&
      isAccurate(request, errorsWith(request, assessed, sigmas))
    );
  };
  let [low, high] = [-64, 256];
  if (!holds(low)) return Number.NEGATIVE_INFINITY;
  while (high - low > 0.1) {
    const middle = (low + high) / 2;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return Math.floor(low * 10) / 10;
}
