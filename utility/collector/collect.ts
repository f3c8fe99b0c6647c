/**
 * The collector: the only place where totals appear. Sums of shares from t or more aggregators come in, one total per
 * output goes out. Of a answers floor((a - t) / 2) aggregators may be wrong: they are found, and the totals are those of
 * the others. Where more contradict each other nothing of the set is used.
 */
import { addMember, assertBitmap, countMembers, emptyBitmap, hasMember, members } from "../../protocol/bitmap.ts";
import { ELEMENT_BYTES, readElement } from "../../protocol/field.ts";
import { correctable } from "../../protocol/shamir/decode.ts";
import { type Correction, decode, namesOf, type SumsAnswer } from "./correct.ts";

export type { SumsAnswer };

/**
 * The largest total that is believed: what a database row holds exactly, far beyond what meters can use. Without a
 * surplus answer a wrong sum gives any element of the field, and almost all of them are larger or negative.
 */
const MAX_TOTAL = 2n ** 53n - 1n;

export interface Collected {
  /** One total per output; meaningful where `have` has it. */
  readonly values: BigUint64Array;
  /** Outputs that at least t aggregators answered. */
  readonly have: Uint8Array;
  /** For each output, answers beyond t that confirm it. */
  readonly spare: Uint8Array;
  /** Outputs with a total that cannot be: negative, or beyond any load. Not in `have`. */
  readonly implausible: readonly number[];
  /** Aggregators whose sums are off the polynomial of all others, in rising order, and where. */
  readonly corrected: readonly Correction[];
}

/** Why totals are not believed. The evidence names aggregators and outputs, never a sum. */
export class CollectError extends Error {
  readonly code: "inconsistent-sums" | "implausible-total" | "malformed-sums";
  readonly evidence: Readonly<Record<string, unknown>>;

  constructor(
    code: "inconsistent-sums" | "implausible-total" | "malformed-sums",
    message: string,
    evidence: Readonly<Record<string, unknown>>,
  ) {
    super(message);
    this.name = "CollectError";
    this.code = code;
    this.evidence = evidence;
  }
}

/** Checks the shape of one aggregator's answer, and that its sums are elements of the field. Throws CollectError `malformed-sums`. */
export function assertSums(answer: SumsAnswer, outputs: number): void {
  try {
    assertBitmap("have", answer.have, outputs);
  } catch (error) {
    throw malformed(answer.aggregator, error instanceof Error ? error.message : "have");
  }
  const expected = countMembers(answer.have) * ELEMENT_BYTES;
  if (answer.values.length !== expected) {
    throw malformed(answer.aggregator, `expected ${expected} bytes of sums, got ${answer.values.length}`);
  }
  try {
    for (let at = 0; at < expected; at += ELEMENT_BYTES) readElement(answer.values, at);
  } catch {
    throw malformed(answer.aggregator, "a sum is no element of the field");
  }
}

function malformed(aggregator: number, message: string): CollectError {
  return new CollectError("malformed-sums", `aggregator ${aggregator}: ${message}`, { aggregators: [aggregator] });
}

/** Outputs that fewer than t of these answers hold. `wanted` are the outputs that have cells. */
export function unanswered(answers: readonly SumsAnswer[], wanted: Uint8Array, t: number): number[] {
  return [...members(wanted)].filter((output) => answers.filter(({ have }) => hasMember(have, output)).length < t);
}

/**
 * Interpolates every output that at least t answers hold, at once for all outputs with the same answers, and leaves out
 * the aggregators whose answers are off the polynomial of the others. Answers are those that `assertSums` has passed.
 * Throws CollectError `inconsistent-sums` when more answers contradict each other than can be told apart,
 * `implausible-total` when most totals are negative or beyond any load (above `most`); single ones are a meter's doing,
 * and left out.
 */
export function collect(
  answers: readonly SumsAnswer[],
  outputs: number,
  t: number,
  most: bigint = MAX_TOTAL,
): Collected {
  const inOrder = [...answers].sort((a, b) => a.aggregator - b.aggregator);
  const values = new BigUint64Array(outputs);
  const have = emptyBitmap(outputs);
  const spare = new Uint8Array(outputs);
  const corrections = new Map<number, number[]>();
  const implausible: number[] = [];
  for (const { mask, members: group } of groupsOf(inOrder, outputs)) {
    const holders = inOrder.filter((_, i) => (mask & (1 << i)) !== 0);
    if (holders.length < t) continue;
    const decoded = decode(holders, group, t);
    if (decoded.kind === "inconsistent") throw inconsistent(namesOf(holders), decoded.outputs, decoded.spare);
    const { result, wrong } = decoded;
    for (const { aggregator, outputs: where } of wrong) {
      corrections.set(aggregator, [...(corrections.get(aggregator) ?? []), ...where]);
    }
    group.forEach((output, i) => {
      const value = result.values[i] ?? 0n;
      if (value > most) {
        implausible.push(output);
        return;
      }
      values[output] = value;
      spare[output] = result.spare;
      addMember(have, output);
    });
  }
  if (corrections.size > correctable(answers.length, t)) {
    // Each group alone can be told apart, but so many cannot all be wrong by the assumption that tells them apart.
    const outputs = [...new Set([...corrections.values()].flat())];
    throw inconsistent(namesOf(inOrder), outputs, answers.length - t);
  }
  if (implausible.length > countMembers(have)) {
    throw new CollectError(
      "implausible-total",
      `${implausible.length} totals are negative or beyond any load: the shares do not belong together`,
      { aggregators: namesOf(inOrder), outputs: implausible.slice(0, 1000) },
    );
  }
  const corrected = [...corrections]
    .map(([aggregator, where]): Correction => ({ aggregator, outputs: where.sort((a, b) => a - b) }))
    .sort((a, b) => a.aggregator - b.aggregator);
  return { values, have, spare, implausible, corrected };
}

function inconsistent(aggregators: readonly number[], outputs: readonly number[], spare: number): CollectError {
  return new CollectError(
    "inconsistent-sums",
    `the sums of aggregators ${aggregators.join(", ")} contradict each other in ${outputs.length} totals: ` +
      "more of them answer wrongly than can be told apart",
    { aggregators, outputs: [...outputs].sort((a, b) => a - b).slice(0, 1000), spare },
  );
}

/** Outputs by who answered them: usually one group with all aggregators. */
export function groupsOf(answers: readonly SumsAnswer[], outputs: number): { mask: number; members: number[] }[] {
  const groups = new Map<number, number[]>();
  for (let output = 0; output < outputs; output++) {
    let mask = 0;
    answers.forEach(({ have }, i) => {
      if (((have[output >>> 3] ?? 0) & (1 << (output & 7))) !== 0) mask |= 1 << i;
    });
    if (mask === 0) continue;
    const group = groups.get(mask);
    if (group === undefined) groups.set(mask, [output]);
    else group.push(output);
  }
  return [...groups].map(([mask, group]) => ({ mask, members: group }));
}
