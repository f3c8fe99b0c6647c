/**
 * The messages of a job on ciphertexts, from the transcript to the opened numbers (docs/protocol.md, "A job"). Inputs
 * and outputs are ciphertexts; what is opened appears in `result` alone.
 */
import { z } from "zod";
import { byteString, bytesOfLength } from "../bytes.ts";
import { aggregatorIndex, jobId, meterId, seriesName } from "../names.ts";

const MIB = 2 ** 20;
const MAX_TRANSCRIPT_BYTES = 16 * MIB;
const MAX_INPUTS = 1_000_000;
/** Inputs of one message: it is in memory as a whole, so analytics sends many. */
const MAX_ITEMS = 4_096;
const MAX_ITEM_BYTES = 8 * MIB;
const MAX_OUTPUTS = 64;
const MAX_AGGREGATORS = 7;

const bytesUpTo = (most: number, what: string) =>
  byteString.refine(({ length }) => length > 0 && length <= most, `${what} has 1 to ${most} bytes`);

const transcript = bytesUpTo(MAX_TRANSCRIPT_BYTES, "a transcript");
const ciphertext = bytesUpTo(MAX_ITEM_BYTES, "a ciphertext");
/** The indices of the aggregators that open, rising. */
const active = z
  .array(aggregatorIndex)
  .min(1)
  .max(MAX_AGGREGATORS)
  .refine((indices) => indices.every((index, i) => i === 0 || index > indices[i - 1]!), "indices rise");

/** Analytics to an aggregator: what was computed, from what; the id of the job is a digest of the transcript. */
const jobMessage = z.strictObject({ type: z.literal("job"), transcript });
export type JobMessage = z.infer<typeof jobMessage>;

/** Ciphertexts that the aggregator asked for, byte for byte as their meters' digests say. */
export const inputsMessage = z.strictObject({
  type: z.literal("inputs"),
  items: z
    .array(z.tuple([meterId, seriesName, ciphertext]))
    .min(1)
    .max(MAX_ITEMS),
});
export type InputsMessage = z.infer<typeof inputsMessage>;

const endorsement = bytesUpTo(4_096, "a signed item");

/** The active set, once q aggregators are ready, and their words for it. */
const openJobMessage = z.strictObject({
  type: z.literal("open"),
  job: jobId,
  active,
  ready: z.array(endorsement).min(1).max(MAX_AGGREGATORS),
});
export type OpenJobMessage = z.infer<typeof openJobMessage>;

/** Everything analytics sends to an aggregator. */
export const jobRequest = z.discriminatedUnion("type", [jobMessage, inputsMessage, openJobMessage]);
export type JobRequest = z.infer<typeof jobRequest>;

/** The inputs that the aggregator lacks. */
const needMessage = z.strictObject({
  type: z.literal("need"),
  job: jobId,
  inputs: z
    .array(z.tuple([meterId, seriesName]))
    .min(1)
    .max(MAX_ITEMS),
});
export type NeedMessage = z.infer<typeof needMessage>;

/** It has recomputed the outputs, found them equal, and would open them: signed, for others to see. */
const readyMessage = z.strictObject({ type: z.literal("ready"), job: jobId, endorsement });
export type ReadyMessage = z.infer<typeof readyMessage>;

/** What `ready` says, signed by the aggregator under the context `wv/1 ready`; the SHA-256 of the transcript. */
export const readyContent = z.strictObject({
  transcript: bytesOfLength(32, "the hash of a transcript"),
  aggregator: aggregatorIndex,
});

/** Why an aggregator does not open. */
export const JOB_REFUSAL_CODES = [
  "malformed-job",
  "unknown-job",
  "no-keys",
  "unknown-circuit",
  "wrong-parameters",
  "wrong-epoch",
  "unknown-epoch",
  "not-a-feeder",
  "unknown-member",
  "duplicate-input",
  "unknown-digest",
  "wrong-digest",
  "not-its-own",
  "not-released",
  "other-meters",
  "too-few-inputs",
  "too-many-numbers",
  "history-lost",
  "malformed-input",
  "other-output",
  "not-endorsed",
  "wrong-active-set",
  "other-active-set",
  "too-busy",
] as const;
export type JobRefusalCode = (typeof JOB_REFUSAL_CODES)[number];

/** Refusals that may pass: digests, loads and keys of a redealing still come, and a restarted aggregator is told the job again. */
export const PASSING_JOB_REFUSALS: ReadonlySet<JobRefusalCode> = new Set([
  "unknown-job",
  "unknown-epoch",
  "unknown-digest",
  "unknown-member",
  "not-released",
  "not-endorsed",
  "too-busy",
]);

export const jobRefuseMessage = z.strictObject({
  type: z.literal("refuse"),
  job: jobId,
  code: z.enum(JOB_REFUSAL_CODES),
  /** Which rule, meter or slot, in words; never a value. */
  detail: z.string().max(1000),
  /** Indices of the inputs that break the rule; empty where the job as a whole does. */
  where: z.array(z.int().min(0).max(MAX_INPUTS)).max(MAX_ITEMS),
});
export type JobRefuseMessage = z.infer<typeof jobRefuseMessage>;

/** Everything an aggregator answers to analytics. */
export const jobAnswer = z.discriminatedUnion("type", [needMessage, readyMessage, jobRefuseMessage]);
export type JobAnswer = z.infer<typeof jobAnswer>;

const MAX_SLOTS = 16_384;
/** Meters with a value, for each slot of time of the window. */
const metersBySlot = z.array(z.int().min(0).max(MAX_INPUTS)).min(1).max(MAX_SLOTS);

/**
 * Aggregator to utility: its part of opening each output; `transcript` is the SHA-256 of the one that it recomputed. The
 * meters are those whose digests say that they have a value in the slot: the same in all loads that it has endorsed.
 */
export const partialMessage = z.strictObject({
  type: z.literal("partial"),
  job: jobId,
  index: aggregatorIndex,
  transcript: bytesOfLength(32, "the hash of a transcript"),
  active,
  meters: metersBySlot,
  outputs: z.array(ciphertext).min(1).max(MAX_OUTPUTS),
});
export type PartialMessage = z.infer<typeof partialMessage>;

/** Analytics to utility: what the partials are combined with; `c0` of each output, whose digest the transcript has. */
export const outputMessage = z.strictObject({
  type: z.literal("output"),
  transcript,
  active,
  c0: z.array(ciphertext).min(1).max(MAX_OUTPUTS),
});
export type OutputMessage = z.infer<typeof outputMessage>;

const NUMBER_BYTES = 8;
/** The numbers of one output; `packNumbers` makes them. */
const numbers = byteString.refine(
  ({ length }) => length > 0 && length % NUMBER_BYTES === 0 && length <= MAX_SLOTS * NUMBER_BYTES,
  `numbers are 1 to ${MAX_SLOTS} times ${NUMBER_BYTES} bytes`,
);

/** Utility to analytics: the slots of each output, decoded. */
const resultMessage = z.strictObject({
  type: z.literal("result"),
  job: jobId,
  active,
  meters: metersBySlot,
  outputs: z.array(numbers).min(1).max(MAX_OUTPUTS),
  /** The largest magnitude in slots that must come out as zero: how much noise the opening had. */
  residue: z.number().min(0),
});
export type ResultMessage = z.infer<typeof resultMessage>;

/** Why a job did not open although partials came. */
export const JOB_FAILURE_CODES = ["malformed-output", "malformed-partial", "beyond-noise"] as const;
export type JobFailureCode = (typeof JOB_FAILURE_CODES)[number];

const failedMessage = z.strictObject({
  type: z.literal("failed"),
  job: jobId,
  code: z.enum(JOB_FAILURE_CODES),
  detail: z.string().max(1000),
});
export type FailedMessage = z.infer<typeof failedMessage>;

/** Aggregators that open a job have not given their parts yet; it goes on waiting, since no others may. */
const waitingMessage = z.strictObject({
  type: z.literal("waiting"),
  job: jobId,
  missing: z.array(aggregatorIndex).min(1).max(MAX_AGGREGATORS),
});

/** Everything the utility tells analytics of a job. */
export const jobOutcome = z.discriminatedUnion("type", [resultMessage, failedMessage, waitingMessage]);
export type JobOutcome = z.infer<typeof jobOutcome>;

/** Authority to aggregator, in `ckks-share.bin`: its shares of the secret key of one epoch, one for each set. */
export const ckksShareMessage = z.strictObject({
  type: z.literal("ckks-share"),
  epoch: z.int().min(1).max(0xffff),
  /** The dealing that it belongs to, as in the manifest. */
  dealing: bytesOfLength(16, "the id of a dealing"),
  shares: z
    .array(z.tuple([z.string().min(1).max(32), bytesUpTo(32 * MIB, "a key share")]))
    .min(1)
    .max(8),
});
export type CkksShareMessage = z.infer<typeof ckksShareMessage>;

/** Numbers as they travel: IEEE 754 doubles, big-endian. */
export function packNumbers(values: ArrayLike<number>): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * NUMBER_BYTES));
  for (let i = 0; i < values.length; i++) view.setFloat64(i * NUMBER_BYTES, values[i]!);
  return new Uint8Array(view.buffer);
}

/** Reads what `packNumbers` wrote; the schema has checked the length. */
export function unpackNumbers(bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: bytes.length / NUMBER_BYTES }, (_, i) => view.getFloat64(i * NUMBER_BYTES));
}
