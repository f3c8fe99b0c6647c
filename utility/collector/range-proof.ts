/**
 * Judges range proofs: of masked checks it opens whether they are 0, for a whole set at first, and where they are not
 * for ever smaller parts of it, until the meters are found whose readings are no sums of bits.
 */
import { correctable, locateErrors } from "../../protocol/shamir/decode.ts";
import { interpolate, type Point } from "../../protocol/shamir/interpolate.ts";

export type RangeVerdict =
  /** Fewer than 2t - 1 answers. */
  | { readonly kind: "unproved" }
  /** `off` answered wrongly; the others agree. `spare` answers more than needed confirm it. */
  | { readonly kind: "right" | "broken"; readonly off: readonly number[]; readonly spare: number }
  /** More answers are wrong than can be told apart. */
  | { readonly kind: "contradicted" };

/**
 * Judges one check by the points that aggregators answered. They lie on a polynomial of degree 2t - 2: of a answers
 * a - (2t - 1) wrong ones are detected, half of those located. Throws RangeError as `interpolate`.
 */
export function judgeRange(points: readonly Point[], t: number): RangeVerdict {
  const needed = 2 * t - 1;
  if (points.length < needed) return { kind: "unproved" };
  const off = interpolate(points, needed).disagreeing === 0 ? [] : locateErrors(points, needed);
  if (off === undefined || off.length > correctable(points.length, needed)) return { kind: "contradicted" };
  const honest = points.filter(({ x }) => !off.includes(x));
  const { value, spare } = interpolate(honest, needed);
  return { kind: value === 0n ? "right" : "broken", off, spare };
}

export interface FoundOffenders {
  readonly kind: "judged";
  /** Positions of meters, rising. */
  readonly offenders: readonly number[];
  /** Aggregators that answered wrongly somewhere, rising. */
  readonly off: readonly number[];
  /** The fewest spare answers of any check. */
  readonly spare: number;
  /** How many checks were opened. */
  readonly opened: number;
}

/**
 * Finds the meters of a set whose checks are not 0. `open` asks for the check of meters from..to-1. With c offenders
 * among m meters at most about 2 c log2(m / c) + 2 c checks are opened; with none, one. Any other verdict than `right`
 * or `broken`, or parts that are right though their whole is not, ends the search.
 */
export async function findOffenders(
  meters: number,
  open: (from: number, to: number) => Promise<RangeVerdict>,
): Promise<FoundOffenders | { readonly kind: "unproved" | "contradicted" }> {
  const offenders: number[] = [];
  const off = new Set<number>();
  let opened = 0;
  let spare = Number.POSITIVE_INFINITY;
  const search = async (from: number, to: number): Promise<"right" | "broken" | "unproved" | "contradicted"> => {
    const verdict = await open(from, to);
    opened++;
    if (verdict.kind === "unproved" || verdict.kind === "contradicted") return verdict.kind;
    for (const one of verdict.off) off.add(one);
    spare = Math.min(spare, verdict.spare);
    if (verdict.kind === "right") return "right";
    if (to - from === 1) {
      offenders.push(from);
      return "broken";
    }
    const middle = (from + to) >>> 1;
    const [first, second] = [await search(from, middle), await search(middle, to)];
    for (const part of [first, second]) if (part === "unproved" || part === "contradicted") return part;
    return first === "right" && second === "right" ? "contradicted" : "broken";
  };
  const whole = meters === 0 ? "right" : await search(0, meters);
  if (whole === "unproved" || whole === "contradicted") return { kind: whole };
  const rising = (all: Iterable<number>): number[] => [...all].sort((a, b) => a - b);
  return { kind: "judged", offenders: rising(offenders), off: rising(off), spare: opened === 0 ? 0 : spare, opened };
}
