/**
 * Proves that the readings of a tested set are in range, before anyone is asked to endorse it
 * (docs/decisions/009-range-proofs.md): seeds, tests of the degree over bits, then checks that find whose bits are none.
 * Keeps nothing durable: after a restart all is asked anew.
 */
import { bitmapOf, hasMember, members } from "../../protocol/bitmap.ts";
import { ELEMENT_BYTES, type FieldElement, readElement } from "../../protocol/field.ts";
import {
  MAX_GROUPS,
  type RangedMessage,
  type RangeMessage,
  type RevealedMessage,
} from "../../protocol/messages/round.ts";
import { commitSeed, type Sealed } from "../../protocol/range/challenge.ts";
import { assertSums } from "../collector/collect.ts";
import { type Group, judgeRange, neededAnswers, OffenderSearch } from "../collector/range-proof.ts";
import { testedShares } from "../collector/share-test.ts";
import { sameBytes } from "./agree.ts";
import { contradict, namesOf } from "./detections.ts";
import { namesIn } from "./jury.ts";
import { AnswerError } from "./manifests.ts";
import { isAcquitted, metersByBits, type Proof, proofOf, testedOf } from "./tested.ts";
import { excludedOf, failureOf, type Ground, type TrialOptions, type Verdict, without } from "./trial.ts";

export type RangeOutcome =
  | Exclude<Verdict, { kind: "passed" }>
  /** One that had committed does not reveal: the test begins again without its seed. */
  | { readonly kind: "again" }
  | { readonly kind: "judged"; readonly proof: Proof; readonly isContradicted: boolean };

type Answer = RangedMessage & { readonly signed: Uint8Array };

/** What is asked, and who has answered it. */
interface Step {
  readonly number: number;
  readonly groups: readonly Group[];
  readonly answers: Map<number, Answer>;
}

interface Open extends Ground {
  readonly seeds: Map<number, Uint8Array>;
  readonly refused: Set<number>;
  /** Signed answers that were off, the first of each aggregator. */
  readonly wrong: Map<number, Uint8Array>;
  step: Step | undefined;
  search: OffenderSearch | undefined;
  /** Who answers for each meter, from the tests of the degree. */
  readonly holders: Map<number, readonly number[]>;
  passed: ReturnType<typeof testedOf> | undefined;
}

export class RangeTrial {
  readonly #options: TrialOptions;
  /** Did not reveal in this round: what they commit to counts no more. */
  readonly #silent = new Set<number>();
  #open: Open | undefined;

  constructor(options: TrialOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Begins with a set whose shares were tested. False where too few have committed to prove anything. */
  begin(ground: Ground): boolean {
    const { threshold, jury } = this.#options;
    const commitments = ground.commitments.filter(
      ({ aggregator }) => !this.#silent.has(aggregator) && !jury.isLiar(aggregator),
    );
    if (commitments.length < neededAnswers(threshold)) return false;
    const nothing = { step: undefined, search: undefined, passed: undefined, holders: new Map() };
    this.#open = { ...ground, commitments, seeds: new Map(), refused: new Set(), wrong: new Map(), ...nothing };
    return true;
  }

  end(): void {
    this.#open = undefined;
  }

  /** Throws AnswerError `wrong-seed` for a seed that was not committed to. */
  takeSeed({ aggregator, setId, salt, seed }: RevealedMessage): void {
    const open = this.#of({ setId, salt });
    const commitment = open?.commitments.find((one) => one.aggregator === aggregator);
    if (open === undefined || commitment === undefined) return;
    if (!commitSeed(setId, { aggregator, bytes: seed }).equals(commitment.bytes)) {
      throw new AnswerError("wrong-seed", "the seed is not the one that was committed to");
    }
    open.seeds.set(aggregator, seed);
    this.#options.outstanding.done(aggregator, "reveal");
  }

  /** Takes an answer, and the same as it was signed. Throws CollectError when it does not have the shape of the question. */
  take(answer: RangedMessage, signed: Uint8Array): void {
    const open = this.#of(answer);
    const { aggregator, step } = answer;
    if (open?.step?.number !== step || !open.seeds.has(aggregator)) return;
    const { groups, answers } = open.step;
    assertSums(answer, groups.length === 0 ? open.proposal.content.meters.length : groups.length);
    const earlier = answers.get(aggregator);
    if (earlier !== undefined && contradict(earlier, answer)) {
      this.#options.jury.contradicted(aggregator, "answers to one range proof", [earlier.signed, signed]);
    }
    answers.set(aggregator, { ...answer, signed });
    this.#options.outstanding.done(aggregator, "range");
  }

  /** False when the refusal is about something else. */
  refuse(aggregator: number, setId: Uint8Array | undefined): boolean {
    const open = this.#open;
    if (open === undefined || setId === undefined || !sameBytes(setId, open.proposal.setId)) return false;
    open.refused.add(aggregator);
    for (const name of ["reveal", "range"] as const) this.#options.outstanding.done(aggregator, name);
    return true;
  }

  #of({ setId, salt }: Pick<RangedMessage, "setId" | "salt">): Open | undefined {
    const open = this.#open;
    return open !== undefined && sameBytes(setId, open.proposal.setId) && sameBytes(salt, open.salt) ? open : undefined;
  }

  /** Asks whom it has not heard, and goes on when nobody is left to be waited for. */
  advance(): RangeOutcome {
    const open = this.#open;
    if (open === undefined) throw new Error(`round ${this.#options.round} has no set to prove`);
    if (open.step === undefined) {
      const revealed = this.#reveal(open);
      if (revealed !== undefined) return revealed;
      this.#begin(open, []);
    }
    for (;;) {
      if (!this.#ask(open)) return { kind: "pending" };
      const outcome = open.search === undefined ? this.#judgeDegrees(open) : this.#judgeChecks(open, open.search);
      if (outcome !== undefined) return outcome;
    }
  }

  #reveal(open: Open): RangeOutcome | undefined {
    const { round, outstanding, patience } = this.#options;
    const { proposal, salt, commitments, seeds, refused } = open;
    for (const { aggregator } of commitments) {
      if (seeds.has(aggregator) || refused.has(aggregator)) continue;
      const request = { type: "reveal", round, setId: proposal.setId, salt, commitments: pairs(commitments) };
      outstanding.add(aggregator, "reveal", request as never);
    }
    const isMissing = (one: number): boolean =>
      commitments.some(({ aggregator }) => aggregator === one) && !seeds.has(one) && !refused.has(one);
    if (!patience.enough((one) => !isMissing(one))) return { kind: "pending" };
    const missing = commitments.filter(({ aggregator }) => !seeds.has(aggregator));
    for (const { aggregator } of missing) this.#silent.add(aggregator);
    return missing.length === 0 ? undefined : { kind: "again" };
  }

  #begin(open: Open, groups: readonly Group[]): void {
    open.step = { number: (open.step?.number ?? -1) + 1, groups, answers: new Map() };
    this.#options.outstanding.clear();
    this.#options.patience.restart();
  }

  /** Whether the answers are here, or nobody is left who may give one. */
  #ask({ proposal, salt, seeds, step, refused }: Open): boolean {
    const { round, outstanding, patience } = this.#options;
    const { number, groups, answers } = step!;
    const size = proposal.content.meters.length;
    const sealed = [...seeds].sort(([a], [b]) => a - b);
    const request = {
      ...{ type: "range", round, setId: proposal.setId, salt, seeds: sealed, step: number },
      groups: groups.map(({ meters }) => Uint8Array.from(bitmapOf(size, meters))),
    } as RangeMessage;
    const isMissing = (one: number): boolean => seeds.has(one) && !answers.has(one) && !refused.has(one);
    for (const one of seeds.keys()) if (isMissing(one)) outstanding.add(one, "range", request);
    return patience.enough((one) => !isMissing(one));
  }

  #counting({ step }: Open): Answer[] {
    return [...step!.answers.values()].filter(({ aggregator }) => !this.#options.jury.isLiar(aggregator));
  }

  #judgeDegrees(open: Open): RangeOutcome | undefined {
    const { threshold, jury } = this.#options;
    const { content } = open.proposal;
    const answers = this.#counting(open).map((answer) => without(answer, open.late.get(answer.aggregator)));
    const { passed, faults } = testedShares(answers, content.meters.length, threshold);
    const heard = jury.hear(content, faults, open.step!.answers);
    const failure = failureOf(content, heard, [...open.step!.answers.keys()]);
    if (failure !== undefined) return failure;
    const groups: number[][] = [];
    const byBits = metersByBits(content);
    for (const { aggregators, meters } of [...passed, ...heard.proven]) {
      const some = meters.filter((meter) => byBits.has(meter));
      for (const meter of some) open.holders.set(meter, aggregators);
      if (aggregators.length >= neededAnswers(threshold)) groups.push(some);
    }
    open.passed = testedOf(content, [...passed, ...heard.proven]);
    open.search = new OffenderSearch(groups);
    return this.#next(open, open.search);
  }

  #judgeChecks(open: Open, search: OffenderSearch): RangeOutcome | undefined {
    const answers = this.#counting(open);
    const { threshold } = this.#options;
    search.take(
      open.step!.groups.map(({ meters }, group) => {
        const holders = open.holders.get(meters[0]!) ?? [];
        const points = answers.flatMap((answer) => {
          const y = holders.includes(answer.aggregator) ? valueAt(answer, group) : undefined;
          return y === undefined ? [] : [{ x: answer.aggregator, y }];
        });
        const verdict = judgeRange(points, threshold);
        for (const one of "off" in verdict ? verdict.off : []) {
          const signed = open.step!.answers.get(one)!.signed;
          if (!open.wrong.has(one)) open.wrong.set(one, signed);
        }
        return verdict;
      }),
    );
    return this.#next(open, search);
  }

  /** Asks the next level, or says what the search has come to. */
  #next(open: Open, search: OffenderSearch): RangeOutcome | undefined {
    // So many groups come only of thousands of offenders in one set.
    if (search.level.length > MAX_GROUPS) search.take(search.level.map(() => ({ kind: "unproved" })));
    if (search.level.length > 0) {
      this.#begin(open, search.level);
      return undefined;
    }
    const { content } = open.proposal;
    const { offenders, unproved, off, isContradicted, spare } = search.found;
    for (const [aggregator, meters] of off) this.#accuse(open, aggregator, meters);
    if (offenders.length > 0) {
      const faults = offenders.map((meter) => ({ meter }));
      const names = namesIn(content, faults);
      const who = namesOf(names, content);
      const detail =
        content.purpose === "vector"
          ? `the updates of ${who} are beyond the bound of the round`
          : `the readings of ${who} are no sums of bits`;
      const excluded = excludedOf(content, faults, "out-of-range", detail);
      return { kind: "failing", excluded, evidence: { aggregators: [...open.seeds.keys()], meters: names } };
    }
    const out = new Set(unproved);
    const proved = [...open.holders]
      .filter(([meter, holders]) => !out.has(meter) && holders.length >= neededAnswers(this.#options.threshold))
      .map(([meter]) => meter);
    return { kind: "judged", proof: proofOf(content, proved, spare), isContradicted };
  }

  #accuse(open: Open, aggregator: number, meters: readonly number[]): void {
    const { aggregators: all, threshold, jury } = this.#options;
    const signed = open.wrong.get(aggregator);
    if (signed === undefined || open.passed === undefined) return;
    const isClear = isAcquitted(open.passed, aggregator, meters, { aggregators: all.length, threshold });
    jury.offInProof(aggregator, open.proposal.content, signed, isClear);
  }
}

function pairs(sealed: readonly Sealed[]): [number, Uint8Array][] {
  return sealed.map(({ aggregator, bytes }) => [aggregator, bytes]);
}

function valueAt({ have, values }: Pick<RangedMessage, "have" | "values">, index: number): FieldElement | undefined {
  if (!hasMember(have, index)) return undefined;
  let before = 0;
  for (const member of members(have)) if (member < index) before++;
  return readElement(values, before * ELEMENT_BYTES);
}
