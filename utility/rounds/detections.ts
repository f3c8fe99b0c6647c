/** What rounds find out about aggregators that answer wrongly, with the answers that prove it. */
import { hasMember, members } from "../../protocol/bitmap.ts";
import { ELEMENT_BYTES } from "../../protocol/field.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import type { Correction, SumsAnswer } from "../collector/correct.ts";
import { sameBytes } from "./agree.ts";
import { billingOutputs, outputCount, outputUnits } from "./shape.ts";
import { metersWithCells } from "./tested.ts";

/**
 * `liar`: the aggregator, by its own signatures or because no few meters could cause it; `disputed`: the aggregator, or
 * meters that gave it shares off the polynomial of the others. Nobody is called a liar on a meter's word.
 */
export type Verdict = "liar" | "disputed";

export interface Detection {
  readonly aggregator: number;
  readonly code: "wrong-sums" | "equivocation" | "inconsistent-shares" | "wrong-proofs";
  readonly verdict: Verdict;
  /** For people: what was wrong, and where. Never a sum. */
  readonly detail: string;
  /** The aggregator's COSE_Sign1, one that is wrong or two that exclude each other. */
  readonly answers: readonly Uint8Array[];
}

const NAMED_METERS = 5;
const LEAST_MAJORITY = 3;

/**
 * Whether so many of all meters cannot be the cause of what an aggregator is accused of: that more than half of them
 * conspire against it is not assumed. Of one or two meters it is: a round may have no others.
 */
export function isMajority(meters: number, all: number): boolean {
  return 2 * meters > all && meters >= LEAST_MAJORITY;
}

/** Names of some of a set's meters, not too many. */
export function namesOf(meters: readonly string[], { meters: all }: SetContent): string {
  const more = meters.length > NAMED_METERS ? `, ... (${meters.length} of ${all.length} meters)` : "";
  return `${meters.slice(0, NAMED_METERS).join(", ")}${more}`;
}

/**
 * Sums that are off the polynomial of all others. `signed` is the answer that holds them; `isAcquitted` tells of meters
 * whether a test has shown that none of them can be the cause.
 */
export function wrongSums(
  content: SetContent,
  { aggregator, outputs }: Correction,
  signed: Uint8Array,
  isAcquitted: (meters: readonly number[]) => boolean,
): Detection {
  const base = { aggregator, code: "wrong-sums" as const, answers: [signed] };
  if (content.purpose !== "billing") {
    const detail = `sums of ${outputs.length} of ${outputCount(content)} ${content.purpose}s are off those of all others`;
    const units = outputs.flatMap((output) => outputUnits(content, output));
    const added = new Set(units.flatMap((unit) => [...members(content.units[unit]?.[0] ?? new Uint8Array(0))]));
    return { ...base, verdict: isAcquitted([...added]) ? "liar" : "disputed", detail };
  }
  const all = billingOutputs(content);
  const meters = [...new Set(outputs.map((output) => all[output]!.meter))];
  const isLiar = isMajority(meters.length, metersWithCells(content).size) || isAcquitted(meters);
  const verdict = isLiar ? "liar" : "disputed";
  const names = namesOf(
    meters.map((meter) => content.meters[meter]!),
    content,
  );
  return { ...base, verdict, detail: `sums of ${outputs.length} totals of ${names} are off those of all others` };
}

/** Answers to a share test that are off those of all others: the meters gave this aggregator other shares, or it lies. */
export function inconsistentShares(
  aggregator: number,
  verdict: Verdict,
  names: string,
  answers: readonly Uint8Array[],
): Detection {
  const detail = `the shares of ${names} do not belong together with those of all others`;
  return { aggregator, code: "inconsistent-shares", verdict, detail, answers };
}

/** Answers to a range proof that are off those of all others. */
export function wrongProofs(
  aggregator: number,
  verdict: Verdict,
  { meters }: SetContent,
  signed: Uint8Array,
): Detection {
  const detail = `checks of bits in a set of ${meters.length} meters are off those of all others`;
  return { aggregator, code: "wrong-proofs", verdict, detail, answers: [signed] };
}

/** Two answers to one question, both signed, that cannot both be true. */
export function equivocation(aggregator: number, what: string, answers: readonly Uint8Array[]): Detection {
  return { aggregator, code: "equivocation", verdict: "liar", detail: `two different ${what}`, answers };
}

/** Whether both answer the same output differently. One may answer more: a store recovers what it lacked. */
export function contradict(a: SumsAnswer, b: SumsAnswer): boolean {
  const sumsOf = ({ have, values }: SumsAnswer): Map<number, Uint8Array> =>
    new Map(
      [...members(have)].map((output, i) => [output, values.subarray(i * ELEMENT_BYTES, (i + 1) * ELEMENT_BYTES)]),
    );
  const sums = sumsOf(a);
  return [...sumsOf(b)].some(([output, sum]) => hasMember(a.have, output) && !sameBytes(sum, sums.get(output)!));
}
