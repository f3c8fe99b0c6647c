/**
 * May this aggregator help to open a job (docs/decisions/004-ciphertexts.md)? Compares its inputs with what their meters
 * vouched for, with countersigned places, and with the loads this aggregator has endorsed. Sees which cells exist, never
 * what they hold. A job that breaks a rule is a JobError with the inputs at fault.
 */
import { countMembers, isEmptyBitmap } from "../../protocol/bitmap.ts";
import type { CkksParameters } from "../../protocol/ckks/parameters.ts";
import type { Transcript } from "../../protocol/ckks/job.ts";
import type { LostHistory } from "../release/lost-history.ts";
import { meterNumbers, type ReleaseStore } from "../release/release-store.ts";
import type { DigestStore } from "./digest-store.ts";
import { JobError } from "./job-error.ts";
import type { NumberClaim } from "./number-budget.ts";

/** What this system's meters encrypt under a series' name. */
export interface SeriesRule {
  /** 1 import, 2 export: the kind whose loads these readings are in. */
  readonly kind: number;
  /** The parameter set that it is encrypted under. */
  readonly set: string;
  /** A slot holds its reading; else a square, a peak or a bucket, whose sum is no function of the loads. */
  readonly isEnergy: boolean;
  /**
   * A number about the whole window, which stands in its first slot alone. In several slots with other meters the
   * difference would be one meter's number.
   */
  readonly firstSlotOnly: boolean;
  /** Numbers of the ciphertext for each slot of the window. */
  readonly width: number;
  /** Largest number that a meter encrypts. */
  readonly maxValue: number;
  /** Its ciphertexts are cut to what sums need. */
  readonly sumsOnly: boolean;
  /** Primes of its ciphertexts. */
  readonly level: (parameters: CkksParameters) => number;
}

export type SeriesBook = ReadonlyMap<string, SeriesRule>;

/** Who belongs where, by countersigned records. */
export interface JobMembers {
  numberOf(meter: string): number | undefined;
  nameOf(number: number): string | undefined;
  /** The feeder that holds the meter in all slots from `from` up to `to`. */
  feederOver(meter: string, from: number, to: number): string | undefined;
  /** Every feeder that some record names. */
  feeders(): readonly string[];
}

export interface JobRules {
  readonly loads: Pick<ReleaseStore, "provenLoads">;
  readonly lost: Pick<LostHistory, "before">;
  readonly digests: Pick<DigestStore, "find">;
  readonly members: JobMembers;
  readonly series: SeriesBook;
  /** k: fewest meters in what is opened. */
  readonly minMeters: number;
  /** Awaited now and then: shares come in meanwhile. */
  readonly pause: () => Promise<void>;
}

/** What a circuit tells, as its registry says. */
export interface CircuitOpening {
  readonly numbersPerSlot: number;
  /** A function of sums per slot. */
  readonly linear: boolean;
}

/** Meters with a value in each slot, by series and feeder. */
type SlotCounts = ReadonlyMap<string, ReadonlyMap<string, Uint32Array>>;

interface Vouched {
  readonly index: number;
  readonly number: number;
  readonly feeder: string;
  readonly presence: Uint8Array;
}

const PAUSE_EVERY = 256;
const MAX_NAMES = 5;

/** Slots of the window. Throws JobError for series that are unknown here or do not belong together. */
export function windowOf({ series, slots }: Transcript, book: SeriesBook, set: string): number {
  const rules = series.map((name) => {
    const rule = book.get(name);
    if (rule === undefined) throw new JobError("malformed-job", `the series ${name} is unknown here`);
    if (rule.set !== set) throw new JobError("wrong-parameters", `the series ${name} is encrypted under ${rule.set}`);
    return rule;
  });
  const { width } = rules[0]!;
  if (rules.some((rule) => rule.width !== width) || slots % width !== 0) {
    throw new JobError("malformed-job", `${slots} numbers are no window of ${series.join(" and ")}`);
  }
  return slots / width;
}

export interface AllowedJob {
  /** What it would open beyond the loads. */
  readonly claims: readonly NumberClaim[];
  /** For each slot, how many meters have a value of every series. */
  readonly meters: readonly number[];
}

/** Throws JobError unless the job may be recomputed. */
export async function assertJob(
  transcript: Transcript,
  window: number,
  opens: CircuitOpening,
  rules: JobRules,
): Promise<AllowedJob> {
  assertFeeders(transcript, rules.members);
  if (transcript.firstSlot < rules.lost.before) {
    const what = "this aggregator goes on from a copy, and may have opened other numbers";
    throw new JobError("history-lost", `${what} of slots before ${rules.lost.before}`);
  }
  const vouched = await assertInputs(transcript, window, rules);
  const counts = await assertSets(transcript, window, vouched, rules);
  const meters = new Set(
    [...vouched.values()].flat().flatMap(({ number, presence }) => (isEmptyBitmap(presence) ? [] : [number])),
  );
  if (meters.size < rules.minMeters) {
    throw new JobError("too-few-inputs", `at least ${rules.minMeters} meters are needed, ${meters.size} have values`);
  }
  const bySlot = [...counts.values()].map((byFeeder) => [...byFeeder.values()]);
  return {
    claims: claimsOf(transcript, opens, counts, rules.series),
    meters: Array.from({ length: window }, (_, slot) =>
      Math.min(...bySlot.map((feeders) => feeders.reduce((sum, count) => sum + count[slot]!, 0))),
    ),
  };
}

function assertFeeders({ feeders }: Transcript, members: JobMembers): void {
  const known = new Set(members.feeders());
  const strange = feeders.find((feeder) => !known.has(feeder));
  if (strange !== undefined) throw new JobError("not-a-feeder", `no countersigned record names the feeder ${strange}`);
}

/** Every input: its meter's place, and the digest its meter sent here. By series. */
async function assertInputs(
  { inputs, feeders, firstSlot }: Transcript,
  window: number,
  { members, digests, pause }: JobRules,
): Promise<Map<string, Vouched[]>> {
  const group = new Set(feeders);
  const faults = { "unknown-member": [] as number[], "wrong-digest": [] as number[], "unknown-digest": [] as number[] };
  const vouched = new Map<string, Vouched[]>();
  const seen = new Set<string>();
  for (const [index, { meter, series, digest }] of inputs.entries()) {
    if (index % PAUSE_EVERY === 0) await pause();
    const key = `${meter} ${series}`;
    if (seen.has(key)) throw new JobError("duplicate-input", `${series} of ${meter} is an input twice`, [index]);
    seen.add(key);
    const number = members.numberOf(meter);
    const feeder = members.feederOver(meter, firstSlot, firstSlot + window);
    if (number === undefined || feeder === undefined || !group.has(feeder)) {
      faults["unknown-member"].push(index);
      continue;
    }
    const known = digests.find(number, series, firstSlot);
    if (known === undefined) faults["unknown-digest"].push(index);
    else if (known.slots !== window || Buffer.compare(known.digest, digest) !== 0) faults["wrong-digest"].push(index);
    else {
      const list = vouched.get(series) ?? [];
      vouched.set(series, list);
      list.push({ index, number, feeder, presence: known.presence });
    }
  }
  const words = {
    "unknown-member": "meters without a countersigned place on the group's feeders for the whole window",
    "wrong-digest": "ciphertexts that are not what their meters vouched for here",
    "unknown-digest": "ciphertexts that their meters have not vouched for here yet",
  };
  // What never passes comes first.
  for (const code of ["unknown-member", "wrong-digest", "unknown-digest"] as const) {
    if (faults[code].length > 0) throw new JobError(code, words[code], faults[code]);
  }
  return vouched;
}

/**
 * Slot by slot the meters with a value must be those of the endorsed load: the difference of two sets would be somebody's
 * reading. Returns for each series and feeder how many meters have a value in each slot.
 */
async function assertSets(
  { series, feeders, firstSlot }: Transcript,
  window: number,
  vouched: ReadonlyMap<string, readonly Vouched[]>,
  { loads, members, series: book, pause }: JobRules,
): Promise<SlotCounts> {
  const counts = new Map<string, Map<string, Uint32Array>>();
  const differing = new Set<number>();
  const missing = new Map<string, Set<number>>();
  let unreleased: string | undefined;
  for (const name of series) {
    const ofSeries = new Map(feeders.map((feeder) => [feeder, new Uint32Array(window)]));
    counts.set(name, ofSeries);
    const byFeeder = new Map(feeders.map((feeder) => [feeder, new Map<number, Vouched>()]));
    for (const item of vouched.get(name) ?? []) byFeeder.get(item.feeder)!.set(item.number, item);
    const { kind, firstSlotOnly } = book.get(name)!;
    const used = firstSlotOnly ? 1 : window;
    for (const [feeder, items] of byFeeder) {
      const count = ofSeries.get(feeder)!;
      for (const { index, presence } of items.values()) {
        if (membersIn(presence, used, window) > 0) differing.add(index);
      }
      const open = new Uint8Array(window).fill(1);
      for (const { from, to, meters } of loads.provenLoads(feeder, kind, {
        from: firstSlot,
        to: firstSlot + used,
      })) {
        await pause();
        const roster = new Set(meterNumbers(meters));
        const [first, end] = [from - firstSlot, to - firstSlot];
        open.fill(0, first, end);
        for (const number of roster) {
          const item = items.get(number);
          if (item === undefined) missing.set(feeder, (missing.get(feeder) ?? new Set()).add(number));
          else if (membersIn(item.presence, first, end) < end - first) differing.add(item.index);
        }
        for (const { number, index, presence } of items.values()) {
          if (!roster.has(number) && membersIn(presence, first, end) > 0) differing.add(index);
        }
      }
      for (const { presence } of items.values()) {
        if (isEmptyBitmap(presence)) continue;
        for (let slot = 0; slot < window; slot++) {
          if ((presence[slot >>> 3]! & (1 << (slot & 7))) === 0) continue;
          count[slot]!++;
          if (open[slot] === 1) unreleased ??= `feeder ${feeder}, kind ${kind}, slot ${firstSlot + slot}`;
        }
      }
    }
  }
  if (differing.size > 0 || missing.size > 0) {
    const words =
      differing.size === 0 ? [] : [`${differing.size} inputs have values in other slots than the endorsed loads`];
    // A feeder whose load has a meter without a ciphertext can only be left out as a whole.
    for (const [feeder, numbers] of missing) {
      words.push(`${feeder} lacks ${namesOf(numbers, members)}, of endorsed loads`);
      for (const item of [...vouched.values()].flat()) if (item.feeder === feeder) differing.add(item.index);
    }
    throw new JobError(
      "other-meters",
      words.join("; "),
      [...differing].sort((a, b) => a - b),
    );
  }
  if (unreleased !== undefined) {
    throw new JobError("not-released", `this aggregator has endorsed no load yet: ${unreleased}`);
  }
  return counts;
}

/** A few of them are enough to look for the cause. */
function namesOf(numbers: ReadonlySet<number>, members: JobMembers): string {
  const names = [...numbers].slice(0, MAX_NAMES).map((number) => members.nameOf(number) ?? `meter ${number}`);
  return names.join(", ") + (numbers.size > MAX_NAMES ? ` and ${numbers.size - MAX_NAMES} more` : "");
}

function membersIn(bits: Uint8Array, from: number, to: number): number {
  if (from === 0 && Math.ceil(to / 8) === bits.length) return countMembers(bits);
  let count = 0;
  for (let slot = from; slot < to; slot++) if ((bits[slot >>> 3]! & (1 << (slot & 7))) !== 0) count++;
  return count;
}

function claimsOf(
  { series, feeders, firstSlot }: Transcript,
  { numbersPerSlot, linear }: CircuitOpening,
  counts: SlotCounts,
  book: SeriesBook,
): NumberClaim[] {
  if (linear && series.every((name) => book.get(name)!.isEnergy)) return [];
  const byKind = new Map<number, Map<string, Uint32Array>>();
  for (const name of series) {
    const { kind } = book.get(name)!;
    const claimed = byKind.get(kind) ?? new Map<string, Uint32Array>();
    byKind.set(kind, claimed);
    for (const feeder of feeders) {
      const count = counts.get(name)!.get(feeder)!;
      const before = claimed.get(feeder);
      claimed.set(feeder, before === undefined ? count : count.map((value, slot) => Math.min(value, before[slot]!)));
    }
  }
  // A number over many slots may be about one of them only: it counts in full for each.
  const numbers = Math.ceil(numbersPerSlot * book.get(series[0]!)!.width);
  return [...byKind].flatMap(([kind, claimed]) =>
    [...claimed]
      .filter(([, meters]) => meters.some((count) => count > 0))
      .map(([feeder, meters]) => ({ feeder, kind, firstSlot, numbers, meters })),
  );
}
