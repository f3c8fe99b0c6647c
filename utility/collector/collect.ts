/**
 * The collector: the only place where totals appear. Sums of shares from t or more aggregators come in, one total per
 * output goes out; what a surplus answer contradicts is named and nothing of the set is used.
 */
import { addMember, assertBitmap, countMembers, emptyBitmap, hasMember, members } from "../../protocol/bitmap.ts";
import type { SumsMessage } from "../../protocol/messages/round.ts";
import { interpolateBatch } from "../../protocol/shamir/interpolate.ts";

/** Bytes of one sum. */
const SUM_BYTES = 8;

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
  /** For each output, answers beyond t: how many wrong ones the check would have found. */
  readonly spare: Uint8Array;
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

export type SumsAnswer = Pick<SumsMessage, "aggregator" | "have" | "values">;

/** Checks the shape of one aggregator's answer. Throws CollectError `malformed-sums`. */
export function assertSums(answer: SumsAnswer, outputs: number): void {
  try {
    assertBitmap("have", answer.have, outputs);
  } catch (error) {
    throw malformed(answer.aggregator, error instanceof Error ? error.message : "have");
  }
  const expected = countMembers(answer.have) * SUM_BYTES;
  if (answer.values.length !== expected) {
    throw malformed(answer.aggregator, `expected ${expected} bytes of sums, got ${answer.values.length}`);
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
 * Interpolates every output that at least t answers hold, at once for all outputs with the same answers.
 * Throws CollectError `inconsistent-sums` when a surplus answer is off the polynomial of the others,
 * `implausible-total` when a total is negative or beyond any load, `malformed-sums` on a value outside the field.
 */
export function collect(answers: readonly SumsAnswer[], outputs: number, t: number): Collected {
  const inOrder = [...answers].sort((a, b) => a.aggregator - b.aggregator);
  const values = new BigUint64Array(outputs);
  const have = emptyBitmap(outputs);
  const spare = new Uint8Array(outputs);
  for (const { mask, members: group } of groupsOf(inOrder, outputs)) {
    const holders = inOrder.filter((_, i) => (mask & (1 << i)) !== 0);
    if (holders.length < t) continue;
    const result = batch(holders, group, t);
    if (result.inconsistent > 0) {
      const wrong = group.filter((_, i) => (result.disagreeing[i] ?? 0) > 0);
      throw new CollectError(
        "inconsistent-sums",
        `the sums of aggregators ${holders.map(({ aggregator }) => aggregator).join(", ")} contradict each other ` +
          `in ${wrong.length} of ${group.length} totals: at least one of them answers wrongly`,
        {
          aggregators: holders.map(({ aggregator }) => aggregator),
          outputs: wrong.slice(0, 1000),
          spare: result.spare,
        },
      );
    }
    group.forEach((output, i) => {
      const value = result.values[i] ?? 0n;
      if (value > MAX_TOTAL) {
        throw new CollectError(
          "implausible-total",
          `total ${output} is negative or beyond any load: the shares do not belong together`,
          {
            aggregators: holders.map(({ aggregator }) => aggregator),
            outputs: [output],
          },
        );
      }
      values[output] = value;
      spare[output] = result.spare;
      addMember(have, output);
    });
  }
  return { values, have, spare };
}

/** Outputs by who answered them: usually one group with all aggregators. */
function groupsOf(answers: readonly SumsAnswer[], outputs: number): { mask: number; members: number[] }[] {
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

function batch(holders: readonly SumsAnswer[], group: readonly number[], t: number) {
  const sums = holders.map((answer) => pick(answer, group));
  try {
    return interpolateBatch(
      holders.map(({ aggregator }) => aggregator),
      sums,
      t,
    );
  } catch (error) {
    const aggregators = holders.map(({ aggregator }) => aggregator);
    throw new CollectError("malformed-sums", "a sum is no element of the field", { aggregators, cause: nameOf(error) });
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown";
}

/** The sums of some outputs, in their order. `values` holds one sum per set bit of `have`. */
function pick(answer: SumsAnswer, group: readonly number[]): Uint8Array {
  const picked = new Uint8Array(group.length * SUM_BYTES);
  let position = 0;
  let next = 0;
  for (const output of members(answer.have)) {
    if (output === group[next]) {
      picked.set(answer.values.subarray(position, position + SUM_BYTES), next * SUM_BYTES);
      next++;
    }
    position += SUM_BYTES;
  }
  return picked;
}
