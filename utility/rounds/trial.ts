/**
 * Tests the shares of a proposed set before anyone is asked to endorse it (docs/decisions/007-share-tests.md). A meter
 * whose shares do not belong together is left out of the next proposal; an aggregator that contradicts the others about
 * more than half of the meters is a liar, and not heard. Keeps nothing durable: after a restart all is asked anew.
 */
import { randomBytes } from "node:crypto";
import { addMember, bitmapOf, emptyBitmap, hasMember, members } from "../../protocol/bitmap.ts";
import { ELEMENT_BYTES } from "../../protocol/field.ts";
import type { ProbedMessage, SetContent } from "../../protocol/messages/round.ts";
import { assertSums } from "../collector/collect.ts";
import { type ShareFault, testedShares } from "../collector/share-test.ts";
import { sameBytes } from "./agree.ts";
import { contradict, type Detection, equivocation, inconsistentShares, namesOf } from "./detections.ts";
import type { Outstanding } from "./outstanding.ts";
import type { Patience } from "./patience.ts";
import type { Excluded, HeldCells } from "./record.ts";
import { billingPlace } from "./shape.ts";
import { metersWithCells, type Tested, testedOf } from "./tested.ts";

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
  | { readonly kind: "failing"; readonly excluded: Excluded; readonly reason: string; readonly evidence: Evidence }
  /** So many contradict each other that it cannot be the meters. */
  | { readonly kind: "hopeless"; readonly reason: string; readonly evidence: Evidence };

export interface TrialOptions {
  readonly round: string;
  readonly aggregators: readonly number[];
  readonly threshold: number;
  readonly outstanding: Outstanding;
  readonly patience: Patience;
}

type Answer = ProbedMessage & { readonly signed: Uint8Array };

export class Trial {
  readonly #options: TrialOptions;
  #open: { readonly proposal: Proposal; readonly salt: Uint8Array } | undefined;
  readonly #answers = new Map<number, Answer>();
  readonly #refused = new Set<number>();
  readonly #liars = new Set<number>();
  readonly #detections = new Map<number, Detection>();
  /** Over all proposals of the round: who was tested, and about whom each aggregator contradicts all others. */
  readonly #seen = new Set<number>();
  readonly #off = new Map<number, Set<number>>();

  constructor(options: TrialOptions) {
    this.#options = options;
  }

  /** The proposal under test. */
  get proposal(): Proposal | undefined {
    return this.#open?.proposal;
  }

  get detections(): readonly Detection[] {
    return [...this.#detections.values()];
  }

  begin(proposal: Proposal): void {
    this.#open = { proposal, salt: Uint8Array.from(randomBytes(32)) };
    this.#answers.clear();
    this.#refused.clear();
    for (const meter of metersWithCells(proposal.content)) this.#seen.add(meter);
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
      this.#liars.add(aggregator);
      this.#detections.set(aggregator, equivocation(aggregator, "answers to one share test", [earlier.signed, signed]));
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
    const { threshold } = this.#options;
    const answers = this.#counting(content, holders);
    const { passed, faults } = testedShares(answers, content.meters.length, threshold);
    for (const { meter, off } of faults) {
      for (const one of off) this.#off.set(one, (this.#off.get(one) ?? new Set()).add(meter));
    }
    for (const [aggregator, meters] of this.#off) {
      // That more than half of a feeder's meters conspire against an aggregator is not assumed.
      if (2 * meters.size > this.#seen.size) this.#liars.add(aggregator);
    }
    const { proven, open } = this.#sort(faults);
    this.#accuse(content);
    const aggregators = [...this.#answers.keys()];
    const unclear = open.filter(({ off }) => off.length === 0);
    if (2 * unclear.length > this.#seen.size) {
      const meters = namesIn(content, unclear);
      const reason =
        `the aggregators contradict each other about the shares of ${namesOf(meters, content)}: ` +
        "more of them answer wrongly than can be told apart";
      return { kind: "hopeless", reason, evidence: { aggregators, meters } };
    }
    if (open.length === 0) return { kind: "passed", tested: testedOf(content, [...passed, ...proven]) };
    const excluded = excludedOf(content, open);
    const evidence = { aggregators, meters: namesIn(content, open) };
    return { kind: "failing", excluded, reason: excluded.detail, evidence };
  }

  /** Faults that liars explain, as meters that passed with everyone else, and the others. */
  #sort(faults: readonly ShareFault[]) {
    const byLiars = ({ off }: ShareFault): boolean => off.length > 0 && off.every((one) => this.#liars.has(one));
    const proven = faults.filter(byLiars).map(({ meter, off, holders }) => ({
      aggregators: holders.filter((one) => !off.includes(one)),
      meters: [meter],
    }));
    return { proven, open: faults.filter((fault) => !byLiars(fault)) };
  }

  #accuse(content: SetContent): void {
    for (const [aggregator, meters] of this.#off) {
      const answer = this.#answers.get(aggregator);
      if (answer === undefined || this.#detections.get(aggregator)?.verdict === "liar") continue;
      const names = [...meters].sort((a, b) => a - b).map((meter) => content.meters[meter]!);
      const verdict = this.#liars.has(aggregator) ? "liar" : "disputed";
      this.#detections.set(
        aggregator,
        inconsistentShares(aggregator, verdict, namesOf(names, content), [answer.signed]),
      );
    }
  }

  /**
   * The answers that count: of the one dealing of keys that most have, about cells that were held before the salt was
   * drawn. Whoever knows the salt could give an aggregator shares that pass.
   */
  #counting(content: SetContent, holders: Proposal["holders"]): Answer[] {
    const all = [...this.#answers.values()].filter(({ aggregator }) => !this.#liars.has(aggregator));
    const dealings = all.map(({ dealing }) => all.filter((other) => sameBytes(other.dealing, dealing)));
    const most = dealings.sort((a, b) => b.length - a.length)[0] ?? [];
    const late = lateMeters(content, holders, this.#options.aggregators);
    return most.map((answer) => without(answer, late.get(answer.aggregator)));
  }
}

function namesIn(content: SetContent, faults: readonly ShareFault[]): string[] {
  return faults.map(({ meter }) => content.meters[meter]!).sort();
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

function without(answer: Answer, meters: ReadonlySet<number> | undefined): Answer {
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
function excludedOf(content: SetContent, faults: readonly ShareFault[]): Excluded {
  const failing = new Set(faults.map(({ meter }) => meter));
  const detail = `the shares of ${namesOf(namesIn(content, faults), content)} do not belong together`;
  const base = { code: "inconsistent-shares" as const, detail };
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
