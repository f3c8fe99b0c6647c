/**
 * Telling right sums from wrong ones: of a answers to the same outputs floor((a - t) / 2) aggregators may be wrong. They
 * are located once for all outputs, so the cost is that of a second interpolation.
 */
import { randomBytes } from "node:crypto";
import { members } from "../../protocol/bitmap.ts";
import { add, ELEMENT_BYTES, type FieldElement, multiply, readElement, reduce } from "../../protocol/field.ts";
import type { SumsMessage } from "../../protocol/messages/round.ts";
import { locateErrors } from "../../protocol/shamir/decode.ts";
import { type BatchInterpolation, interpolateBatch } from "../../protocol/shamir/interpolate.ts";

export type SumsAnswer = Pick<SumsMessage, "aggregator" | "have" | "values">;

export interface Correction {
  readonly aggregator: number;
  /** Outputs that it answered wrongly, rising. */
  readonly outputs: readonly number[];
}

/** Coefficients of a random combination: nobody who answers knows them. */
export type RandomElements = (count: number) => FieldElement[];

export type Decoded =
  | { readonly kind: "right"; readonly result: BatchInterpolation; readonly wrong: readonly Correction[] }
  /** More contradict each other than can be told apart: in these outputs. */
  | { readonly kind: "inconsistent"; readonly outputs: readonly number[]; readonly spare: number };

/** The totals of the outputs `group`, which all `holders` answered, t or more of them; and whose answers were wrong. */
export function decode(
  holders: readonly SumsAnswer[],
  group: readonly number[],
  t: number,
  random: RandomElements = randomElements,
): Decoded {
  const sums = holders.map((answer) => pick(answer, group));
  const result = interpolateBatch(namesOf(holders), sums, t);
  if (result.inconsistent === 0) return { kind: "right", result, wrong: [] };
  const suspect = group.flatMap((_, i) => ((result.disagreeing[i] ?? 0) > 0 ? [i] : []));
  // One combination stands for all outputs: whoever is wrong anywhere is wrong in it, but for one chance in 2^61.
  const weights = random(suspect.length);
  const points = holders.map(({ aggregator }, i) => ({ x: aggregator, y: combination(sums[i]!, suspect, weights) }));
  const liars = locateErrors(points, t) ?? [];
  const isHonest = ({ aggregator }: SumsAnswer): boolean => !liars.includes(aggregator);
  const honest = holders.filter(isHonest);
  const honestSums = sums.filter((_, i) => isHonest(holders[i]!));
  const right = interpolateBatch(namesOf(honest), honestSums, t);
  if (liars.length === 0 || right.inconsistent > 0) {
    return { kind: "inconsistent", outputs: suspect.map((position) => group[position]!), spare: result.spare };
  }
  const wrong = holders.flatMap((answer, i): Correction[] => {
    if (isHonest(answer)) return [];
    // Beside t honest answers only its own can disagree.
    const xs = [...namesOf(honest).slice(0, t), answer.aggregator];
    const beside = interpolateBatch(xs, [...honestSums.slice(0, t), sums[i]!], t);
    const where = suspect.filter((position) => beside.disagreeing[position] !== 0);
    return [{ aggregator: answer.aggregator, outputs: where.map((position) => group[position]!) }];
  });
  return { kind: "right", result: right, wrong };
}

export function namesOf(answers: readonly SumsAnswer[]): number[] {
  return answers.map(({ aggregator }) => aggregator);
}

/** The sum of weight times value over the given positions. */
function combination(sums: Uint8Array, positions: readonly number[], weights: readonly FieldElement[]): FieldElement {
  return positions.reduce(
    (sum, position, i) => add(sum, multiply(weights[i]!, readElement(sums, position * ELEMENT_BYTES))),
    0n,
  );
}

/** Uniform up to 2^-67: 128 bits are reduced to 61. */
function randomElements(count: number): FieldElement[] {
  const bytes = randomBytes(16 * count);
  return Array.from({ length: count }, (_, i) =>
    reduce((bytes.readBigUInt64BE(16 * i) << 64n) | bytes.readBigUInt64BE(16 * i + 8)),
  );
}

/** The sums of some outputs, in their order. `values` holds one sum per set bit of `have`. */
export function pick(answer: SumsAnswer, group: readonly number[]): Uint8Array {
  const picked = new Uint8Array(group.length * ELEMENT_BYTES);
  let position = 0;
  let next = 0;
  for (const output of members(answer.have)) {
    if (output === group[next]) {
      picked.set(answer.values.subarray(position, position + ELEMENT_BYTES), next * ELEMENT_BYTES);
      next++;
    }
    position += ELEMENT_BYTES;
  }
  return picked;
}
