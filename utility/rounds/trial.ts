/**
 * Tests the shares of a proposed set before anyone is asked to endorse it (docs/decisions/007-share-tests.md). A meter
 * whose shares do not belong together is left out of the next proposal; an aggregator that contradicts the others about
 * more than half of the meters is a liar, and not heard. Keeps nothing durable: after a restart all is asked anew.
 */
import { randomBytes } from "node:crypto";
import { addMember, bitmapOf, emptyBitmap, hasMember, members } from "../../protocol/bitmap.ts";
import { ELEMENT_BYTES } from "../../protocol/field.ts";
import type { ProbedMessage, SetContent } from "../../protocol/messages/round.ts";
import type { Sealed } from "../../protocol/range/challenge.ts";
import { assertSums } from "../collector/collect.ts";
import { testedShares } from "../collector/share-test.ts";
import { sameBytes } from "./agree.ts";
import { contradict, namesOf } from "./detections.ts";
import { type Heard, type Jury, namesIn } from "./jury.ts";
import type { Outstanding } from "./outstanding.ts";
import type { Patience } from "./patience.ts";
import type { Excluded, HeldCells } from "./record.ts";
import { billingPlace } from "./shape.ts";
import { type Tested, testedOf } from "./tested.ts";

/** A set before it is fixed. */
export interface Proposal {
  readonly content: SetContent;
  readonly bytes: Uint8Array;
  readonly setId: Uint8Array;
  readonly held: readonly HeldCells[];
  /** For each unit the aggregators that said, before the salt was drawn, that they hold its cells. */
  readonly holders: readonly (readonly number[])[];
}

interface Evidence {
  readonly aggregators: readonly number[];
  readonly meters: readonly string[];
}

export type Verdict =
  | { readonly kind: "pending" }
  | { readonly kind: "passed"; readonly tested: Tested }
  | { readonly kind: "failing"; readonly excluded: Excluded; readonly evidence: Evidence }
  /** So many contradict each other that it cannot be the meters. */
  | { readonly kind: "hopeless"; readonly reason: string; readonly evidence: Evidence };

export interface TrialOptions {
  readonly round: string;
  readonly aggregators: readonly number[];
  readonly threshold: number;
  readonly outstanding: Outstanding;
  readonly patience: Patience;
  readonly jury: Jury;
}

export interface Ground {
  readonly proposal: Proposal;
  readonly salt: Uint8Array;
  /** Rising by aggregator. */
  readonly commitments: readonly Sealed[];
  /** For each aggregator the meters of which it did not hold every cell when it was asked what it holds. */
  readonly late: ReadonlyMap<number, ReadonlySet<number>>;
}

type Answer = ProbedMessage & { readonly signed: Uint8Array };

export class Trial {
  readonly #options: TrialOptions;
  #open: { readonly proposal: Proposal; readonly salt: Uint8Array } | undefined;
  readonly #answers = new Map<number, Answer>();
  readonly #refused = new Set<number>();

  constructor(options: TrialOptions) {
    this.#options = options;
  }

  /** The proposal under test. */
  get proposal(): Proposal | undefined {
    return this.#open?.proposal;
  }

  begin(proposal: Proposal): void {
    this.#open = { proposal, salt: Uint8Array.from(randomBytes(32)) };
    this.#answers.clear();
    this.#refused.clear();
    this.#options.jury.see(proposal.content);
  }

  end(): void {
    this.#open = undefined;
  }

  /** Takes an answer, and the same as it was signed. Throws CollectError when it does not have the shape of the set. */
  take(answer: ProbedMessage, signed: Uint8Array): void {
    const { aggregator, setId, salt, dealing } = answer;
    if (this.#open === undefined || !sameBytes(setId, this.#open.proposal.setId)) return;
    if (!sameBytes(salt, this.#open.salt)) return;
    assertSums(answer, this.#open.proposal.content.meters.length);
    const earlier = this.#answers.get(aggregator);
    if (earlier !== undefined && sameBytes(earlier.dealing, dealing) && contradict(earlier, answer)) {
      this.#options.jury.contradicted(aggregator, "answers to one share test", [earlier.signed, signed]);
    }
    this.#answers.set(aggregator, { ...answer, signed });
    this.#options.outstanding.done(aggregator, "probe");
  }

  /** An aggregator that cannot test has nothing to say. False when the refusal is about something else. */
  refuse(aggregator: number, setId: Uint8Array | undefined): boolean {
    if (this.#open === undefined || setId === undefined || !sameBytes(setId, this.#open.proposal.setId)) return false;
    this.#refused.add(aggregator);
    this.#options.outstanding.done(aggregator, "probe");
    return true;
  }

  /** Asks whom it has not heard, and judges when nobody is left to be waited for. */
  advance(): Verdict {
    const { round, aggregators, outstanding, patience } = this.#options;
    if (this.#open === undefined) throw new Error(`round ${round} has no proposal to test`);
    const { proposal, salt } = this.#open;
    const heard = (one: number): boolean => this.#answers.has(one) || this.#refused.has(one);
    const content = proposal.bytes as Uint8Array<ArrayBuffer>;
    for (const one of aggregators) {
      if (!heard(one)) outstanding.add(one, "probe", { type: "probe", round, content, salt: Uint8Array.from(salt) });
    }
    return patience.enough(heard) ? this.#judge(proposal) : { kind: "pending" };
  }

  #judge({ content, holders }: Proposal): Verdict {
    const { threshold, jury } = this.#options;
    const { passed, faults } = testedShares(this.#counting(content, holders), content.meters.length, threshold);
    const heard = jury.hear(content, faults, this.#answers);
    return (
      failureOf(content, heard, [...this.#answers.keys()]) ?? {
        kind: "passed",
        tested: testedOf(content, [...passed, ...heard.proven]),
      }
    );
  }

  /** What a proof of the proposal's bits begins with: the commitments of those whose answers counted. */
  get ground(): Ground {
    if (this.#open === undefined) throw new Error("there is no proposal under test");
    const { proposal, salt } = this.#open;
    const { content, holders } = proposal;
    const commitments = this.#counting(content, holders).flatMap(({ aggregator, commitment }): Sealed[] =>
      commitment === undefined ? [] : [{ aggregator, bytes: commitment }],
    );
    const late = lateMeters(content, holders, this.#options.aggregators);
    return { proposal, salt, late, commitments: commitments.sort((a, b) => a.aggregator - b.aggregator) };
  }

  /**
   * The answers that count: of the one dealing of keys that most have, about cells that were held before the salt was
   * drawn. Whoever knows the salt could give an aggregator shares that pass.
   */
  #counting(content: SetContent, holders: Proposal["holders"]): Answer[] {
    const all = [...this.#answers.values()].filter(({ aggregator }) => !this.#options.jury.isLiar(aggregator));
    const dealings = all.map(({ dealing }) => all.filter((other) => sameBytes(other.dealing, dealing)));
    const most = dealings.sort((a, b) => b.length - a.length)[0] ?? [];
    const late = lateMeters(content, holders, this.#options.aggregators);
    return most.map((answer) => without(answer, late.get(answer.aggregator)));
  }
}

/** What follows of faults that no liar explains, if there are any. */
export function failureOf(content: SetContent, { open, hopeless }: Heard, aggregators: readonly number[]) {
  if (hopeless.length > 0) {
    const reason =
      `the aggregators contradict each other about the shares of ${namesOf(hopeless, content)}: ` +
      "more of them answer wrongly than can be told apart";
    return { kind: "hopeless", reason, evidence: { aggregators, meters: hopeless } } as const;
  }
  if (open.length === 0) return undefined;
  const detail = `the shares of ${namesOf(namesIn(content, open), content)} do not belong together`;
  const excluded = excludedOf(content, open, "inconsistent-shares", detail);
  return { kind: "failing", excluded, evidence: { aggregators, meters: namesIn(content, open) } } as const;
}

/** For each aggregator the meters of which it did not hold every cell when it was asked what it holds. */
function lateMeters(
  content: SetContent,
  holders: Proposal["holders"],
  aggregators: readonly number[],
): Map<number, Set<number>> {
  const late = new Map<number, Set<number>>();
  content.units.forEach(([bitmap], unit) => {
    if (bitmap.length === 0 || holders[unit]?.length === aggregators.length) return;
    const meters = content.purpose !== "billing" ? [...members(bitmap)] : [billingPlace(content, unit).meter];
    for (const one of aggregators) {
      if (holders[unit]?.includes(one) === true) continue;
      const own = late.get(one) ?? new Set();
      late.set(one, own);
      for (const meter of meters) own.add(meter);
    }
  });
  return late;
}

/** An answer without what it says about some meters. */
export function without<T extends Pick<ProbedMessage, "have" | "values">>(
  answer: T,
  meters: ReadonlySet<number> | undefined,
): T {
  if (meters === undefined) return answer;
  const have = emptyBitmap(8 * answer.have.length);
  const values: Uint8Array[] = [];
  let at = 0;
  for (const meter of members(answer.have)) {
    if (!meters.has(meter)) {
      addMember(have, meter);
      values.push(answer.values.subarray(at, at + ELEMENT_BYTES));
    }
    at += ELEMENT_BYTES;
  }
  return { ...answer, have: Uint8Array.from(have), values: Uint8Array.from(Buffer.concat(values)) };
}

/**
 * What the next proposal does without. A bill's late cells go first: they may be what a meter spoilt long ago, and its
 * own period is good.
 */
export function excludedOf(
  content: SetContent,
  faults: readonly { readonly meter: number }[],
  code: Excluded["code"],
  detail: string,
): Excluded {
  const failing = new Set(faults.map(({ meter }) => meter));
  const base = { code, detail };
  const withCells = [...content.units.keys()].filter((unit) => content.units[unit]![0].some((byte) => byte !== 0));
  if (content.purpose !== "billing") {
    const mask = Buffer.from(bitmapOf(content.meters.length, [...failing])).toString("base64");
    const touched = withCells.filter((unit) => [...failing].some((meter) => hasMember(content.units[unit]![0], meter)));
    return { ...base, units: [], parts: touched.map((unit) => [unit, mask]) };
  }
  const own = withCells
    .map((unit) => ({ unit, ...billingPlace(content, unit) }))
    .filter(({ meter }) => failing.has(meter));
  const late = new Set(own.filter(({ segment }) => segment > 0).map(({ meter }) => meter));
  const units = own.filter(({ meter, segment }) => segment > 0 || !late.has(meter)).map(({ unit }) => unit);
  return { ...base, units, parts: [] };
}
