/**
 * The entries of the log: typed, versioned, CBOR. The log is public, so an entry names no customer and no amount: what is
 * personal is committed to, and only who has the salt can tell what it was. Without the salt the commitment is noise, and
 * the entry still proves that nothing was added, changed or taken away.
 */
import { createHmac } from "node:crypto";
import { z } from "zod";
import { bytesOfLength } from "../bytes.ts";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import { ProtocolError } from "../errors.ts";
import { purpose } from "../messages/round.ts";
import { feederId, jobId, roundId } from "../names.ts";
import { LogError } from "./errors.ts";
import { sameBytes } from "./proofs.ts";
import { MAX_ENTRY_BYTES } from "./tiles.ts";

export const SALT_BYTES = 32;
const COMMITMENT_BYTES = 32;

const seconds = z.int().min(0);
const hash = bytesOfLength(32, "a SHA-256");
/** HMAC-SHA256 of the content under its salt. */
const commitment = bytesOfLength(COMMITMENT_BYTES, "a commitment");
const slot = z.int().min(0);
const segments = z
  .array(z.tuple([slot, slot]))
  .min(1)
  .max(64);
const code = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, "a code is 1 to 64 of a-z, 0-9 and '-'");
/** Servers only: a meter stands for a customer. */
const server = z.string().regex(/^(a-[1-7]|utility|analytics|authority)$/, "a server");

/** [slot start in Unix seconds, import Wh, export Wh or null, meters]: as published. */
const load = z.tuple([seconds, z.int().nullable(), z.int().nullable(), z.int().min(0)]);

const entries = {
  /** The set that a round asks for is fixed. */
  set: z.strictObject({ type: z.literal("set"), round: roundId, purpose, feeder: feederId, segments, setId: hash }),
  /** Loads of a feeder, which anyone may know. */
  loads: z.strictObject({
    type: z.literal("loads"),
    round: roundId,
    feeder: feederId,
    setId: hash,
    loads: z.array(load).min(1).max(1_000),
  }),
  /** Sums of single meters, opened for their bills. */
  totals: z.strictObject({
    type: z.literal("totals"),
    round: roundId,
    feeder: feederId,
    setId: hash,
    count: z.int().min(0),
    commitment,
  }),
  /** What a feeder's head measured beyond its meters, slot by slot. */
  balances: z.strictObject({
    type: z.literal("balances"),
    round: roundId,
    feeder: feederId,
    setId: hash,
    count: z.int().min(0),
    commitment,
  }),
  /** A bill in one of its versions; a correction is a further bill. */
  bill: z.strictObject({ type: z.literal("bill"), commitment }),
  /** What bills said of periods that ended by a local date was forgotten; which entries' contents is in the committed part. */
  erase: z.strictObject({ type: z.literal("erase"), before: z.iso.date(), count: z.int().min(1), commitment }),
  /** What was opened of ciphertexts: SHA-256 of the transcript and of the numbers. */
  job: z.strictObject({
    type: z.literal("job"),
    job: jobId,
    circuit: code,
    status: code,
    transcript: hash,
    result: hash,
  }),
  /** Public keys that count from now on. */
  key: z.strictObject({ type: z.literal("key"), id: z.string().min(1).max(255), use: code, fingerprint: hash }),
  /** A round that came to nothing. */
  failure: z.strictObject({ type: z.literal("failure"), round: roundId, code, commitment }),
  /** Servers caught lying; meters and evidence are in the committed part. */
  lie: z.strictObject({ type: z.literal("lie"), round: roundId, code, servers: z.array(server).max(16), commitment }),
  /** A sum of households' updates was opened. */
  model: z.strictObject({
    type: z.literal("model"),
    /** The id of the announced round. */
    round: roundId,
    campaign: roundId,
    step: z.int().min(0),
    /** SHA-256 of the model that homes began with, or of the task. */
    model: hash,
    setId: hash,
    meters: z.int().min(1),
    /** SHA-256 of the sum's coordinates, int64, little endian. */
    sum: hash,
    /** What it costs a home that took part, whether it is in the set or not. */
    cost: z.strictObject({
      mechanism: code,
      /** Of a coordinate of the sum over minMeters - colluders homes, in integers squared. */
      variance: z.number().min(0),
      colluders: z.int().min(0),
      minMeters: z.int().min(1),
      /** Greatest Euclidean norm of a home's integers before noise. */
      norm: z.number().min(0),
      /** Thousandths, rounded up, at delta 10^-deltaExponent; null without noise, which no budget covers. */
      epsilonMilli: z.int().min(0).nullable(),
      deltaExponent: z.int().min(1).max(100),
    }),
    /** Where homes had to prove one: of their squares' sum, and how many of the meters are proved to keep it. */
    bound: z.strictObject({ squares: z.int().min(1), proved: z.int().min(0) }).optional(),
  }),
  /** Privacy budget spent, in thousandths of epsilon at delta 10^-deltaExponent. */
  budget: z.strictObject({
    type: z.literal("budget"),
    account: code,
    epsilonMilli: z.int().min(0),
    deltaExponent: z.int().min(1).max(100),
  }),
} as const;

const content = z.discriminatedUnion("type", [
  entries.set,
  entries.loads,
  entries.totals,
  entries.balances,
  entries.bill,
  entries.erase,
  entries.job,
  entries.key,
  entries.failure,
  entries.lie,
  entries.model,
  entries.budget,
]);
export const ENTRY_TYPES: readonly string[] = Object.keys(entries);
export type EntryContent = z.infer<typeof content>;
export type EntryType = EntryContent["type"];

/** An entry with the version of its form and the time at which it was made, in Unix seconds. */
export interface Entry {
  readonly version: 1;
  readonly time: number;
  readonly content: EntryContent;
}

const VERSION = 1;
const envelope = z.tuple([z.literal(VERSION), seconds, content]);

/** The bytes of an entry: `[version, time, content]`. Throws RangeError (naming the field) for what is no entry. */
export function encodeEntry(time: number, entry: EntryContent): Uint8Array {
  const checked = envelope.safeParse([VERSION, time, entry]);
  if (!checked.success) throw new RangeError(`entry: ${z.prettifyError(checked.error)}`);
  const bytes = encodeCbor(checked.data);
  if (bytes.length > MAX_ENTRY_BYTES) {
    throw new RangeError(`entry: expected at most ${MAX_ENTRY_BYTES} bytes, got ${bytes.length}`);
  }
  return bytes;
}

/** Reads an entry. Throws LogError `malformed`. */
export function decodeEntry(bytes: Uint8Array): Entry {
  let value: unknown;
  try {
    value = decodeCbor(bytes);
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause;
    throw new LogError("malformed", `an entry: ${cause.message}`, { cause });
  }
  const parsed = envelope.safeParse(value);
  if (!parsed.success) throw new LogError("malformed", `an entry: ${z.prettifyError(parsed.error)}`);
  const [version, time, entry] = parsed.data;
  return { version, time, content: entry };
}

/**
 * Commits to `content` under a salt of 32 random bytes that is used once. Hiding while the salt is unknown (HMAC is a
 * pseudo-random function), binding because SHA-256 has no known collisions.
 */
export function commit(salt: Uint8Array, content: Uint8Array): Uint8Array {
  if (salt.length !== SALT_BYTES) throw new RangeError(`salt: expected ${SALT_BYTES} bytes, got ${salt.length}`);
  return Uint8Array.from(createHmac("sha256", salt).update(content).digest());
}

/** Throws LogError `bad-commitment` unless `content` under `salt` is what was committed to. */
export function assertCommitted(committed: Uint8Array, salt: Uint8Array, content: Uint8Array): void {
  if (salt.length === SALT_BYTES && sameBytes(commit(salt, content), committed)) return;
  throw new LogError("bad-commitment", "the log has committed to something else");
}
