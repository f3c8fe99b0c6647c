/**
 * The messages of a round, from the utility's question to the aggregators' sums (docs/protocol.md, "A round").
 * Bitmaps and digests only: no share and no reading crosses this border, except that `sums` holds sums of shares.
 */
import { z } from "zod";
import { byteString, bytesOfLength } from "../bytes.ts";
import { MAX_BITS } from "../range/bit-entries.ts";
import { aggregatorIndex, feederId, meterId, roundId } from "../names.ts";
import { MAX_SLOT } from "../slots.ts";
import { LAST_KIND } from "../units.ts";

/** Groups of meters in one question of a range proof. */
export const MAX_GROUPS = 4_096;

const slot = z.int().min(0).max(MAX_SLOT);
const index = z.int().min(0).max(0xff_ffff);
/** SHA-256, or empty where the unit has no cell. */
const digest = byteString.refine(
  (value) => value.length === 0 || value.length === 32,
  "a digest has 32 bytes, or none",
);
const hash = bytesOfLength(32, "a hash");
const signature = byteString.refine((value) => value.length <= 4096, "a signed item has at most 4096 bytes");

export const purpose = z.enum(["billing", "load", "balance", "vector"]);
export type Purpose = z.infer<typeof purpose>;

const segment = z.tuple([slot, slot]).refine(([from, to]) => from < to, "a segment ends after it starts");
const kind = z.int().min(1).max(LAST_KIND);
const unit = z.tuple([byteString, digest]);
/** [bitmap, digest] of one unit; the axis of the bitmap depends on the purpose. */
export type Unit = z.infer<typeof unit>;

const question = {
  purpose,
  /** Of a vector, which is of no feeder: the announced round, as hex. */
  feeder: feederId,
  meters: z.array(meterId).min(1).max(65_535),
  /** Of a vector: its elements, from 0. */
  segments: z.array(segment).min(1).max(64),
  /** Of a vector: none. */
  kinds: z.array(kind).max(4),
};

export const openMessage = z.strictObject({ type: z.literal("open"), round: roundId, ...question });
export type OpenMessage = z.infer<typeof openMessage>;
/** What a round asks about; the shape that fixes the order of its units. */
export type Question = Omit<OpenMessage, "type" | "round">;

export const detailMessage = z.strictObject({
  type: z.literal("detail"),
  round: roundId,
  units: z.array(index).min(1),
});
export type DetailMessage = z.infer<typeof detailMessage>;

export const wantMessage = z.strictObject({
  type: z.literal("want"),
  round: roundId,
  units: z.array(z.tuple([index, byteString])).min(1),
});
export type WantMessage = z.infer<typeof wantMessage>;

const band = z.strictObject({ name: z.string().min(1).max(64), kind, masks: z.array(byteString).min(1).max(64) });
const scheme = z.strictObject({ bands: z.array(band).min(1).max(64) });
export type Scheme = z.infer<typeof scheme>;

/** The content of a set: its id is the SHA-256 of these bytes as the utility encoded them. */
export const setContent = z.strictObject({
  ...question,
  schemes: z.array(scheme).max(256),
  assignment: z.array(index),
  units: z.array(unit),
  /**
   * For each kind by how many bits its readings are shared, 0 for as a whole; left out where none is by bits. Of a vector
   * with a bound: the bits of a coordinate.
   */
  bits: z.array(z.int().min(0).max(MAX_BITS)).max(4).optional(),
});
export type SetContent = z.infer<typeof setContent>;

export const setMessage = z.strictObject({ type: z.literal("set"), round: roundId, content: byteString });
export type SetMessage = z.infer<typeof setMessage>;

/** Tests the shares of a proposed set before it is endorsed. */
export const probeMessage = z.strictObject({
  type: z.literal("probe"),
  round: roundId,
  content: byteString,
  /** Drawn when the shares could no longer be chosen. */
  salt: hash,
});
export type ProbeMessage = z.infer<typeof probeMessage>;

const sealed = z
  .array(z.tuple([aggregatorIndex, hash]))
  .min(1)
  .max(7);
/** What names one test of a set. */
const trial = { setId: hash, salt: hash };

/** All commitments are here, and the shares are fixed: asks for the seeds. */
export const revealMessage = z.strictObject({
  type: z.literal("reveal"),
  round: roundId,
  ...trial,
  /** Rising by aggregator. */
  commitments: sealed,
});
export type RevealMessage = z.infer<typeof revealMessage>;

/** The seeds make the challenge. Asks for tests of the degree of all meters, or for checks of the bits of groups. */
export const rangeMessage = z.strictObject({
  type: z.literal("range"),
  round: roundId,
  ...trial,
  seeds: sealed,
  /** Echoed, so that answers are told apart. */
  step: z.int().min(0).max(1000),
  /** Bitmaps over the set's meters; none asks for the degrees. */
  groups: z.array(byteString).max(MAX_GROUPS),
});
export type RangeMessage = z.infer<typeof rangeMessage>;

export const endorsedMessage = z.strictObject({
  type: z.literal("endorsed"),
  round: roundId,
  setId: hash,
  endorsements: z.array(signature).min(1).max(7),
});
export type EndorsedMessage = z.infer<typeof endorsedMessage>;

const answer = { round: roundId, aggregator: aggregatorIndex };

export const manifestMessage = z.strictObject({
  type: z.literal("manifest"),
  ...answer,
  units: z.array(unit),
  root: hash,
});
export type ManifestMessage = z.infer<typeof manifestMessage>;

export const tagsMessage = z.strictObject({
  type: z.literal("tags"),
  ...answer,
  units: z.array(z.tuple([index, byteString])),
});
export type TagsMessage = z.infer<typeof tagsMessage>;

export const endorseMessage = z.strictObject({
  type: z.literal("endorse"),
  ...answer,
  setId: hash,
  endorsement: signature,
});
export type EndorseMessage = z.infer<typeof endorseMessage>;

/** What an endorsement says, signed by the aggregator under the context `wv/1 endorse`. */
export const endorsementContent = z.strictObject({ setId: hash, aggregator: aggregatorIndex });
export type EndorsementContent = z.infer<typeof endorsementContent>;

/** Why an aggregator will not endorse or answer. */
export const REFUSAL_CODES = [
  "malformed-set",
  "unknown-round",
  "unknown-member",
  "too-few-meters",
  "too-few-slots",
  "already-released",
  "other-set-endorsed",
  "period-mismatch",
  "difference-too-small",
  "masks-overlap",
  "not-endorsed",
  "too-few-shares",
  "no-subset-keys",
  "inconsistent-shares",
  "incomplete-balance",
  "unknown-set",
  "other-commitments",
  "out-of-range",
  "unknown-announcement",
  "not-closed",
  "history-lost",
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

export const refuseMessage = z.strictObject({
  type: z.literal("refuse"),
  ...answer,
  setId: hash.optional(),
  code: z.enum(REFUSAL_CODES),
  /** Which rule, meter, slot or band, in words; never a value. */
  detail: z.string().max(1000),
  /** Indices of the units or outputs that break the rule, so that the utility can leave them out. */
  where: z.array(index).max(100_000),
});
export type RefuseMessage = z.infer<typeof refuseMessage>;

/**
 * What aggregators add to the balance of a slot, in watt-hours: meters err, so head less meters may be below 0, and a
 * total is never negative.
 */
export const BALANCE_OFFSET = 2n ** 40n;

export const sumsMessage = z.strictObject({
  type: z.literal("sums"),
  ...answer,
  setId: hash,
  have: byteString,
  values: byteString,
});
export type SumsMessage = z.infer<typeof sumsMessage>;

export const probedMessage = z.strictObject({
  type: z.literal("probed"),
  ...answer,
  setId: hash,
  salt: hash,
  /** Of the keys that the masks were made with: only answers of one dealing belong together. */
  dealing: bytesOfLength(16, "the id of a dealing"),
  /** Which meters are answered, over the set's meters. */
  have: byteString,
  /** For each of them the masked, weighted sum of its shares. */
  values: byteString,
  /** Of a set with bits: to a seed for this set and salt. */
  commitment: hash.optional(),
});
export type ProbedMessage = z.infer<typeof probedMessage>;

export const revealedMessage = z.strictObject({ type: z.literal("revealed"), ...answer, ...trial, seed: hash });
export type RevealedMessage = z.infer<typeof revealedMessage>;

export const rangedMessage = z.strictObject({
  type: z.literal("ranged"),
  ...answer,
  ...trial,
  step: z.int().min(0).max(1000),
  /** Which are answered: over the set's meters, or over the groups. */
  have: byteString,
  /** For each of them a masked element. */
  values: byteString,
});
export type RangedMessage = z.infer<typeof rangedMessage>;

/** Everything the utility sends to an aggregator in a round. */
export const roundRequest = z.discriminatedUnion("type", [
  openMessage,
  detailMessage,
  wantMessage,
  probeMessage,
  revealMessage,
  rangeMessage,
  setMessage,
  endorsedMessage,
]);
export type RoundRequest = z.infer<typeof roundRequest>;

/** Everything an aggregator answers in a round. */
export const roundAnswer = z.discriminatedUnion("type", [
  manifestMessage,
  tagsMessage,
  probedMessage,
  revealedMessage,
  rangedMessage,
  endorseMessage,
  refuseMessage,
  sumsMessage,
]);
export type RoundAnswer = z.infer<typeof roundAnswer>;
