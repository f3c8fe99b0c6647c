/** From a transcript to what the machine is to compute, with every check that needs no ciphertext. */
import { createHash } from "node:crypto";
import { StorageError } from "../../config/runtime/database.ts";
import { encodeCbor } from "../../protocol/cbor.ts";
import { authorshipBytes } from "../../protocol/ckks/authorship/authorship.ts";
import { bindCircuit } from "../../protocol/ckks/circuits/registry.ts";
import { CkksError } from "../../protocol/ckks/errors.ts";
import { decodeTranscript, type Transcript } from "../../protocol/ckks/job.ts";
import { strideOf } from "../../protocol/ckks/packed.ts";
import { readyOf } from "../../protocol/envelope/index.ts";
import type { Directory } from "../../protocol/keys/index.ts";
import { type FeedLimits, MAX_NEEDED } from "./input-feed.ts";
import { JobError } from "./job-error.ts";
import { assertJob, type CircuitOpening, type JobRules, type SeriesBook, windowOf } from "./job-rules.ts";
import type { KeyBook, KnownKey } from "./key-book.ts";
import { type MachineJob, MachineLost } from "./machine.ts";
import type { NumberClaim } from "./number-budget.ts";

export interface CheckedJob {
  readonly machineJob: MachineJob;
  readonly claims: readonly NumberClaim[];
  /** With a value, for each slot of the window. */
  readonly meters: readonly number[];
  /** What is computed of whom, whatever the inputs are. */
  readonly statistic: Uint8Array;
  readonly transcript: Transcript;
  readonly key: KnownKey;
}

/** CBOR around the residues. */
const FRAME_BYTES = 512;

/** Throws JobError, or CkksError `malformed` for what is no transcript. */
export async function checkJob(bytes: Uint8Array, keys: KeyBook, rules: JobRules): Promise<CheckedJob> {
  const transcript = decodeTranscript(bytes);
  const { epoch, parametersId, circuit, parameters, series, firstSlot, slots, feeders, inputs, outputs } = transcript;
  const key = keys.find(epoch, parametersId);
  const window = windowOf(transcript, rules.series, key.parameters.name);
  const { claims, meters } = await assertJob(transcript, window, opening(transcript, key, rules.series), rules);
  const statistic = digestOf([epoch, circuit, parameters, series, firstSlot, slots, feeders]);
  const kinds = series.map((name) => rules.series.get(name)!);
  const machineJob = {
    ...{ epoch, set: key.parameters.name, circuit, parameters, series, firstSlot, slots, outputs },
    meters: inputs.length / series.length,
    maxValue: Math.max(...kinds.map(({ maxValue }) => maxValue)),
    levels: kinds.map(({ level }) => level(key.parameters)),
    sumsOnly: kinds.map(({ sumsOnly }) => sumsOnly),
  };
  return { machineJob, claims, meters, statistic, transcript, key };
}

/** What the circuit tells. Throws JobError `unknown-circuit`, or `malformed-job` for parameters that are not its own. */
function opening(
  { circuit: name, parameters, series, slots }: Transcript,
  key: KnownKey,
  book: SeriesBook,
): CircuitOpening {
  if (slots > key.parameters.degree / 2) throw new JobError("malformed-job", `${slots} slots fit no ciphertext`);
  try {
    const { circuit, parameters: parsed } = bindCircuit(name, parameters, slots);
    const needs = circuit.needs(parsed, slots);
    if (needs.series !== series.length) {
      throw new JobError("malformed-job", `${name} takes ${needs.series} series, got ${series.length}`);
    }
    if (needs.wholeInputs && series.some((one) => book.get(one)!.sumsOnly)) {
      throw new JobError("malformed-job", `${name} needs whole ciphertexts, ${series.join(" and ")} is for sums`);
    }
    return circuit.opens(parsed, slots);
  } catch (error) {
    if (!(error instanceof CkksError)) throw error;
    throw new JobError(error.code === "unknown-circuit" ? error.code : "malformed-job", error.message);
  }
}

/** So many inputs at once as the memory holds, and how long one may be. */
export function feedLimits(
  { levels, sumsOnly, slots }: MachineJob,
  { parameters: { degree, primeBits } }: KnownKey,
  memoryBytes: number,
): FeedLimits {
  const sizes = levels.map((level, i) => {
    const bits = primeBits.slice(0, level).reduce((sum, one) => sum + one, 0);
    const first = sumsOnly[i] === true ? degree / strideOf(slots, degree) : degree;
    return ((degree + first) * bits) / 8 + authorshipBytes(degree) + FRAME_BYTES;
  });
  const inputBytes = Math.ceil(Math.max(...sizes));
  return { batch: Math.max(1, Math.min(MAX_NEEDED, Math.floor(memoryBytes / inputBytes))), inputBytes };
}

/** Throws JobError `wrong-active-set` unless t aggregators are named, this one among them. */
export function assertActive(active: readonly number[], index: number, { n, t }: KnownKey): void {
  const within = active.every((one, i) => one >= 1 && one <= n && (i === 0 || one > active[i - 1]!));
  if (within && active.length === t && active.includes(index)) return;
  throw new JobError(
    "wrong-active-set",
    `${t} of ${n} aggregators open, this one among them, not ${active.join(", ")}`,
  );
}

/**
 * Throws JobError `not-endorsed` unless q aggregators have signed that they are ready. Any two openings then have one in
 * common that has charged both: analytics cannot spend the numbers of each set of aggregators by itself.
 */
export function assertEndorsed(
  ready: readonly Uint8Array[],
  transcript: Uint8Array,
  { servers, q }: Pick<Directory, "servers" | "q">,
): void {
  const found = readyOf(ready, transcript, { servers }, q).size;
  if (found >= q) return;
  throw new JobError("not-endorsed", `${found} aggregators have signed that they are ready, ${q} must`);
}

/** What is said to analytics of an error; undefined where the process must end: its database cannot be used. */
export function refusalOf(error: unknown): JobError | undefined {
  if (error instanceof JobError) return error;
  if (error instanceof MachineLost) return new JobError("too-busy", `the computation broke: ${error.message}`);
  // The transcript is the only thing read here that another party made.
  if (error instanceof CkksError) return new JobError("malformed-job", error.message);
  if (error instanceof StorageError || isOfSqlite(error)) return undefined;
  // One job must not stop all others. What it was is for this machine's log alone.
  return new JobError("too-busy", "an unexpected error here; see the aggregator's log", [], { cause: error });
}

function isOfSqlite(error: unknown): boolean {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" && (code.startsWith("SQLITE_") || /^E[A-Z]+$/.test(code));
}

/** Names the key whose openings are counted. */
export function keyName({ epoch, parameters }: KnownKey): string {
  return `${epoch}/${parameters.name}`;
}

function digestOf(parts: readonly unknown[]): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(encodeCbor(parts)).digest());
}
