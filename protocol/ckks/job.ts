/**
 * The transcript of a job: what was computed, with which circuit, from whose ciphertexts, and what came out. Canonical
 * CBOR, so that its hash names the job, seeds the randomisation of its outputs and stands in the log. Aggregators
 * recompute the outputs from it before they open anything.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { bytesOfLength } from "../bytes.ts";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import { feederId, jobId, meterId, seriesName } from "../names.ts";
import { MAX_SLOT } from "../slots.ts";
import { CkksError } from "./errors.ts";
import { halfDigest, packHalf } from "./half.ts";
import type { Ring } from "./ring/index.ts";
import type { RawCiphertext } from "./seal/layout.ts";
import { coefficientsAt } from "./threshold/stride.ts";

const VERSION = 1;
/** A job with more inputs than this would not fit a message; larger groups are several jobs. */
const MAX_INPUTS = 65_535;
const MAX_TRANSCRIPT_BYTES = 8 * 1024 * 1024;

const slot = z.int().min(0).max(MAX_SLOT);
const digest = bytesOfLength(32, "a digest");
type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
const json: z.ZodType<Json> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(json), z.record(z.string(), json)]),
);

const input = z.tuple([meterId, seriesName, digest]);
/** Digests of the whole output, of its c1, of the first half that is opened; number of primes, scale. */
const output = z.tuple([digest, digest, digest, z.int().min(1).max(63), z.number().positive()]);

const transcriptArray = z.tuple([
  z.literal(VERSION),
  z.int().min(0).max(0xffff_ffff),
  bytesOfLength(8, "a parameter set's id"),
  z.string().regex(/^[a-z][a-z0-9-]{0,31}$/),
  z.record(z.string(), json),
  z.array(seriesName).min(1).max(4),
  slot,
  z.int().min(1),
  z.array(feederId).min(1).max(4096),
  z.array(input).min(1).max(MAX_INPUTS),
  z.array(output).min(1).max(64),
]);

export interface JobInput {
  readonly meter: string;
  readonly series: string;
  /** SHA-256 of the packed ciphertext, as the meter told every aggregator. */
  readonly digest: Uint8Array;
}

export interface JobOutput {
  /** Of the output's residues, c0 and c1. */
  readonly digest: Uint8Array;
  /** Of c1 alone: what may be opened once. */
  readonly c1Digest: Uint8Array;
  /** Of c0's coefficients at multiples of the stride, as they travel to the utility (half.ts), not yet randomised. */
  readonly c0Digest: Uint8Array;
  readonly level: number;
  readonly scale: number;
}

export interface Transcript {
  /** Of the keys. */
  readonly epoch: number;
  readonly parametersId: Uint8Array;
  readonly circuit: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** In the circuit's order. */
  readonly series: readonly string[];
  readonly firstSlot: number;
  readonly slots: number;
  /** Whole feeders, sorted. */
  readonly feeders: readonly string[];
  /** Sorted by meter, then by the place of the series. */
  readonly inputs: readonly JobInput[];
  readonly outputs: readonly JobOutput[];
}

/** Canonical bytes. Throws RangeError for a transcript that decodeTranscript would refuse. */
export function encodeTranscript(transcript: Transcript): Uint8Array {
  const bytes = encodeCbor(arrayOf(transcript));
  try {
    decodeTranscript(bytes);
  } catch (cause) {
    throw new RangeError(`transcript: ${cause instanceof Error ? cause.message : "cannot be read"}`, { cause });
  }
  return bytes;
}

/** Lists within lists within lists use up the stack of whoever follows them. */
function parseTranscript(value: unknown) {
  try {
    return transcriptArray.safeParse(value);
  } catch (cause) {
    throw malformed("expected parameters that are not nested without end", cause);
  }
}

/** Throws CkksError `malformed` for anything but a canonical transcript with sorted, unique inputs. */
export function decodeTranscript(bytes: Uint8Array): Transcript {
  if (bytes.length > MAX_TRANSCRIPT_BYTES) throw malformed(`expected at most ${MAX_TRANSCRIPT_BYTES} bytes`);
  let value: unknown;
  try {
    value = decodeCbor(bytes);
  } catch (cause) {
    throw malformed("expected one CBOR item", cause);
  }
  const parsed = parseTranscript(value);
  if (!parsed.success) throw malformed(z.prettifyError(parsed.error));
  const [, epoch, parametersId, circuit, parameters, series, firstSlot, slots, feeders, inputs, outputs] = parsed.data;
  const transcript: Transcript = {
    epoch,
    parametersId,
    circuit,
    parameters,
    series,
    firstSlot,
    slots,
    feeders,
    inputs: inputs.map(([meter, name, ofInput]) => ({ meter, series: name, digest: ofInput })),
    outputs: outputs.map(([whole, c1Digest, c0Digest, level, scale]) => ({
      ...{ digest: whole, c1Digest, c0Digest, level, scale },
    })),
  };
  if (firstSlot + slots - 1 > MAX_SLOT) throw malformed("its slots go past the last slot number");
  if (new Set(series).size !== series.length) throw malformed("a series is named twice");
  assertSorted("feeders", feeders);
  assertInputs(transcript);
  if (Buffer.compare(encodeCbor(arrayOf(transcript)), bytes) !== 0) throw malformed("it is not in its canonical form");
  return transcript;
}

/** SHA-256 of a transcript's bytes. */
export function transcriptHash(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(bytes).digest());
}

/** The job's name: the first 16 bytes of the transcript's hash, in hex. */
export function jobIdOf(bytes: Uint8Array): string {
  return jobId.parse(Buffer.from(transcriptHash(bytes).subarray(0, 16)).toString("hex"));
}

/**
 * What stands in a transcript about an output of which the coefficients at multiples of `stride` are opened. The first
 * two digests are over residues as little-endian words.
 */
export function describeOutput(ring: Ring, raw: RawCiphertext, stride: number): JobOutput {
  const whole = createHash("sha256");
  for (const poly of raw.polys) whole.update(poly);
  const [c0, c1] = raw.polys;
  if (raw.polys.length !== 2 || c0 === undefined || c1 === undefined) {
    throw new RangeError(`output: expected two polynomials, got ${raw.polys.length}; relinearise first`);
  }
  const c1Digest = createHash("sha256").update(c1).digest();
  return {
    digest: Uint8Array.from(whole.digest()),
    c1Digest: Uint8Array.from(c1Digest),
    c0Digest: halfDigest(packHalf(ring, coefficientsAt(ring, c0, stride), raw.level)),
    level: raw.level,
    scale: raw.scale,
  };
}

/** The hash that seeds the encryptions of zero: of the transcript and the aggregators that open it, in ascending order. */
export function randomisationSeed(transcript: Uint8Array, active: readonly number[]): Uint8Array {
  const set = active.toSorted((a, b) => a - b);
  const hash = createHash("sha256").update("wv/1 ckks randomise").update(transcriptHash(transcript));
  return Uint8Array.from(hash.update(encodeCbor(set)).digest());
}

/**
 * The seed of one output's encryption of zero: the job's seed for the first, hashed with the position for the others, so
 * that no two outputs share their randomness. The utility takes it for c0, each aggregator for c1.
 */
export function outputSeed(seed: Uint8Array, index: number): Uint8Array {
  if (!Number.isInteger(index) || index < 0 || index > 255) {
    throw new RangeError(`index: expected the position of an output, 0 to 255, got ${index}`);
  }
  if (index === 0) return seed;
  return Uint8Array.from(createHash("sha256").update(seed).update(Uint8Array.of(index)).digest());
}

function arrayOf(transcript: Transcript): unknown[] {
  const { epoch, parametersId, circuit, parameters, series, firstSlot, slots, feeders, inputs, outputs } = transcript;
  return [
    VERSION,
    epoch,
    parametersId,
    circuit,
    canonical(parameters),
    [...series],
    firstSlot,
    slots,
    [...feeders],
    inputs.map((item) => [item.meter, item.series, item.digest]),
    outputs.map((item) => [item.digest, item.c1Digest, item.c0Digest, item.level, item.scale]),
  ];
}

/** Maps with their keys in order; undefined values are left out. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, canonical(item)]));
}

function assertSorted(what: string, names: readonly string[]): void {
  for (let index = 1; index < names.length; index++) {
    if (names[index - 1]! >= names[index]!) throw malformed(`its ${what} are not sorted, or one is there twice`);
  }
}

/** Every meter has one input of every series, in the order of the transcript. */
function assertInputs({ series, inputs }: Transcript): void {
  const width = series.length;
  if (inputs.length % width !== 0) throw malformed(`${inputs.length} inputs do not give every meter ${width} series`);
  const meters: string[] = [];
  for (const [index, { meter, series: name }] of inputs.entries()) {
    if (index % width === 0) meters.push(meter);
    if (meter !== meters.at(-1) || name !== series[index % width]) {
      throw malformed(`input ${index} is not series ${series[index % width]!} of ${meters.at(-1)!}`);
    }
  }
  assertSorted("inputs", meters);
}

function malformed(detail: string, cause?: unknown): CkksError {
  return new CkksError("malformed", `transcript: ${detail}`, { cause });
}
