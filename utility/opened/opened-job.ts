/**
 * What a job's transcript says to the utility: which numbers will come out, under which parameters, how wrong they may
 * be. Everything that another party wrote is checked here against the circuits, the dealt keys and the configuration.
 */
import { seriesShape, type SeriesShape } from "../../config/ckks-series.ts";
import type { Config } from "../../config/index.ts";
import type { CircuitValues, JobShape } from "../../protocol/ckks/circuits/circuit.ts";
import { freshSigma, slotError } from "../../protocol/ckks/circuits/noise.ts";
import { toldErrors } from "../../protocol/ckks/circuits/told.ts";
import { bindCircuit, type BoundCircuit } from "../../protocol/ckks/circuits/registry.ts";
import { CkksError } from "../../protocol/ckks/errors.ts";
import { halfDigest } from "../../protocol/ckks/half.ts";
import { decodeTranscript, jobIdOf, type Transcript } from "../../protocol/ckks/job.ts";
import { periodOf, strideOf } from "../../protocol/ckks/packed.ts";
import { dataLevels, parametersId } from "../../protocol/ckks/parameters.ts";
import { packedBytes, SIGMA_BITS } from "../../protocol/ckks/ring/index.ts";
import { sigmaBitsFor } from "../../protocol/ckks/threshold/flooding.ts";
import type { CkksEpoch, CkksManifest, CkksSet } from "../../protocol/keys/index.ts";

export interface OpeningRules {
  readonly manifest: CkksManifest;
  readonly homomorphic: Config["homomorphic"];
}

/** One output as it will be opened. */
export interface ExpectedOutput {
  readonly level: number;
  readonly scale: number;
  /** Bytes of its first half and of each part. */
  readonly bytes: number;
  /** What noise, flooding included, can make of a slot. */
  readonly slotError: number;
  /** The largest value that the circuit can give, noise included. */
  readonly largest: number;
}

export interface OpenedJob {
  readonly job: string;
  readonly transcript: Transcript;
  readonly epoch: CkksEpoch;
  readonly set: CkksSet;
  readonly bound: BoundCircuit;
  readonly shape: JobShape;
  readonly series: SeriesShape;
  /** Slots of time in the window; a ciphertext may hold several numbers for each. */
  readonly timeSlots: number;
  readonly stride: number;
  /** Slots of a period, of which those beyond the window must come out as zero where the circuit says so. */
  readonly period: number;
  readonly outputs: readonly ExpectedOutput[];
  /** By name, as the circuit gives them and as they are told. */
  readonly errors: Readonly<Record<string, number>>;
}

/** Throws CkksError where the transcript is not of this system, or nothing that a circuit here computes. */
export function readJob(bytes: Uint8Array, { manifest, homomorphic }: OpeningRules): OpenedJob {
  const transcript = decodeTranscript(bytes);
  const { slots, inputs } = transcript;
  const epoch = manifest.epochs.find((one) => one.epoch === transcript.epoch);
  if (epoch === undefined) {
    const detail = `there are no keys of epoch ${transcript.epoch}`;
    throw transcript.epoch > manifest.current.epoch
      ? new CkksError("unknown-epoch", `transcript: ${detail}`)
      : wrong(detail);
  }
  const set = [...epoch.sets.values()].find(
    ({ parameters }) => Buffer.compare(parametersId(parameters), transcript.parametersId) === 0,
  );
  if (set === undefined) throw wrong(`no keys of epoch ${epoch.epoch} were dealt for its parameter set`);
  const series = transcript.series.map((name) => shapeOf(homomorphic, name));
  const first = series[0]!;
  const perSlot = first.numbers(1);
  if (slots > set.parameters.degree / 2 || slots % perSlot !== 0) {
    throw wrong(`${slots} numbers do not fit the parameter set ${set.parameters.name} or the series`);
  }
  const bound = bindCircuit(transcript.circuit, transcript.parameters, slots);
  const { circuit, parameters } = bound;
  if (circuit.needs(parameters, slots).series !== series.length) {
    throw wrong(`${circuit.name} does not take ${series.length} series`);
  }
  const maxValue = Math.max(...series.map(({ largest }) => largest));
  const shape = { slots, meters: inputs.length / series.length, maxValue };
  const stride = strideOf(slots, set.parameters.degree);
  const outputs = expectedOutputs(transcript, epoch, set, bound, shape, stride, homomorphic);
  const errors = toldErrors(
    circuit,
    parameters,
    shape,
    outputs.map((output) => output.slotError),
  );
  return {
    ...{ job: jobIdOf(bytes), transcript, epoch, set, bound, shape, stride, outputs, errors },
    ...{ series: first, timeSlots: slots / perSlot, period: periodOf(slots) },
  };
}

/**
 * The same job with what aggregators say of its meters: how many have a value, for each slot. Throws CkksError where that
 * cannot be.
 */
export function withMeters(job: OpenedJob, counts: readonly number[]): OpenedJob {
  const { shape, timeSlots, bound, outputs } = job;
  if (counts.length !== timeSlots) throw wrong(`${counts.length} numbers of meters for ${timeSlots} slots`);
  if (counts.some((count) => count > shape.meters)) throw wrong(`more than its ${shape.meters} meters have a value`);
  const counted = { ...shape, counts };
  const slotErrors = outputs.map(({ slotError: error }) => error);
  return { ...job, shape: counted, errors: toldErrors(bound.circuit, bound.parameters, counted, slotErrors) };
}

/** Names what was opened. Throws RangeError where the numbers are none that the circuit gives. */
export function nameValues({ bound, shape }: OpenedJob, slots: readonly ArrayLike<number>[]): CircuitValues {
  return bound.circuit.open(bound.parameters, shape, slots);
}

/** Throws CkksError unless exactly t known aggregators open. */
export function assertOpeners({ epoch }: OpenedJob, active: readonly number[]): void {
  if (active.length === epoch.t && active.every((index) => index <= epoch.n)) return;
  throw wrong(`${active.join(", ")} are not ${epoch.t} of ${epoch.n} aggregators`);
}

/** Throws CkksError `wrong-size` unless there is one half or part of the right length for each output. */
export function assertSizes({ outputs }: OpenedJob, given: readonly Uint8Array[], what: string): void {
  if (given.length !== outputs.length) {
    throw new CkksError("wrong-size", `${what}: expected ${outputs.length} outputs, got ${given.length}`);
  }
  for (const [at, { bytes }] of outputs.entries()) {
    const { length } = given[at]!;
    if (length !== bytes)
      throw new CkksError("wrong-size", `${what}, output ${at}: expected ${bytes} bytes, got ${length}`);
  }
}

/** Throws CkksError `wrong-digest` unless these are the first halves that aggregators recomputed. */
export function assertHalves({ transcript }: OpenedJob, c0: readonly Uint8Array[]): void {
  for (const [at, { c0Digest }] of transcript.outputs.entries()) {
    if (Buffer.compare(halfDigest(c0[at]!), c0Digest) === 0) continue;
    throw new CkksError("wrong-digest", `output ${at}: the first half is not the one of the transcript`);
  }
}

function expectedOutputs(
  transcript: Transcript,
  { t }: CkksEpoch,
  { parameters: set }: CkksSet,
  { circuit, parameters }: BoundCircuit,
  shape: JobShape,
  stride: number,
  { statisticalBits, openings }: Config["homomorphic"],
): ExpectedOutput[] {
  const levels = transcript.outputs.map(({ level }) => level);
  if (levels.some((level) => level > dataLevels(set))) throw wrong("an output has more primes than its parameter set");
  const width = set.degree / stride;
  const counts = circuit.noise(set, levels[0]!, parameters, shape).length;
  if (counts !== levels.length) throw wrong(`${circuit.name} gives ${counts} outputs, not ${levels.length}`);
  return transcript.outputs.map(({ level, scale }, at) => {
    const noise = circuit.noise(set, level, parameters, shape)[at]!;
    // The scale is what the numbers are divided by: another one would make other numbers of the same ciphertext.
    if (Math.abs(Math.log2(scale / noise.scale)) > SCALE_TOLERANCE) throw wrong(`output ${at} has another scale`);
    // As aggregators reckon it: the encryption of zero that is added before opening is one fresh ciphertext more.
    const variance = noise.sigma ** 2 + freshSigma(set, level) ** 2;
    const sigmaBits = Math.max(SIGMA_BITS.least, sigmaBitsFor(variance, statisticalBits, openings, width));
    const error = slotError(noise, shape.slots, 2 ** sigmaBits, t);
    const packed = set.primeBits.slice(0, level).reduce((sum, bits) => sum + packedBytes(width, bits), 0);
    return { level, scale, bytes: packed, slotError: error, largest: noise.magnitude + error };
  });
}

/** Rescaling divides by a prime, which lies a little off its power of two. */
const SCALE_TOLERANCE = 0.01;

function shapeOf(homomorphic: Config["homomorphic"], name: string): SeriesShape {
  try {
    return seriesShape(homomorphic, name);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new CkksError("wrong-parameters", `transcript: ${cause.message}`, { cause });
  }
}

function wrong(detail: string): CkksError {
  return new CkksError("wrong-parameters", `transcript: ${detail}`);
}
