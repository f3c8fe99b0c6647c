/** The way of a round from what the aggregators hold to a set whose shares were tested, or to what takes its place. */
import type { ProbedMessage, RangedMessage, RevealedMessage, SetContent } from "../../protocol/messages/round.ts";
import { type BitsByKind, bitsOfKind } from "../../protocol/range/bit-entries.ts";
import type { Detection } from "./detections.ts";
import type { Inquiry } from "./inquiry.ts";
import { Jury } from "./jury.ts";
import type { Keeper } from "./keeper.ts";
import { failed, finished, fixed, reopened, type RoundRecord } from "./record.ts";
import type { Refusal } from "./refusals.ts";
import type { RoundPorts } from "./round-ports.ts";
import { encodeSet, type SetPlan } from "./set-builder.ts";
import { RangeTrial } from "./range-trial.ts";
import { proofOf, type Tested } from "./tested.ts";
import { type Proposal, Trial, type TrialOptions, type Verdict } from "./trial.ts";

export interface ProposalsOptions extends Omit<TrialOptions, "jury"> {
  /** Kinds whose readings are shared by bits, and so can be proved to be in range. */
  readonly bits: BitsByKind;
  readonly keeper: Keeper;
  readonly inquiry: Inquiry;
  readonly ports: Pick<RoundPorts, "plan" | "refuse">;
  /** Meters are left out at most so many times. */
  readonly most: number;
  /** A step begins: waiting starts anew, and what was asked no longer matters. */
  readonly step: () => void;
}

/** What a round comes to, before it is saved: its set is fixed, or built anew, or it has ended with `content`. */
export interface Outcome {
  readonly record: RoundRecord;
  readonly content: SetContent | undefined;
}

export class Proposals {
  readonly #options: ProposalsOptions;
  readonly #jury = new Jury();
  readonly #trial: Trial;
  readonly #range: RangeTrial;
  /** What the test of shares has shown, while the bits are proved. */
  #tested: Tested | undefined;

  constructor(options: ProposalsOptions) {
    this.#options = options;
    const trial = { ...options, jury: this.#jury };
    this.#trial = new Trial(trial);
    this.#range = new RangeTrial(trial);
  }

  get detections(): readonly Detection[] {
    return this.#jury.detections;
  }

  /**
   * An answer to a test of shares or to a range proof, and the same as it was signed. Throws CollectError and AnswerError
   * as the trials do.
   */
  take(answer: ProbedMessage | RevealedMessage | RangedMessage, signed: Uint8Array): void {
    if (answer.type === "probed") this.#trial.take(answer, signed);
    else if (answer.type === "revealed") this.#range.takeSeed(answer);
    else this.#range.take(answer, signed);
  }

  /** Takes the refusal of a test, and counts it. False when the refusal is about something else. */
  refuse(aggregator: number, { setId, code, detail }: Refusal & { setId?: Uint8Array | undefined }): boolean {
    const isProof = this.#range.refuse(aggregator, setId);
    if (!isProof && !this.#trial.refuse(aggregator, setId)) return false;
    const { ports, round } = this.#options;
    ports.refuse(
      isProof ? "unproved-range" : "untested-shares",
      `aggregator ${aggregator}, round ${round}: ${code}: ${detail}`,
    );
    return true;
  }

  /** Asks what is to be asked; undefined while answers are awaited. */
  async advance(): Promise<Outcome | undefined> {
    const { keeper, inquiry, ports, step } = this.#options;
    if (this.#trial.proposal !== undefined) return this.#judge(this.#trial.proposal);
    const state = inquiry.advance();
    if (state.kind === "short") await keeper.waitFor("manifests", state.got, state.needed);
    if (state.kind !== "agreed") return undefined;
    const { held, ...plan } = await ports.plan(keeper.record, state.agreed);
    const built = inquiry.build(state.agreed, { ...plan, held });
    if (built === undefined) return undefined;
    if (built.empty) return { record: finished(keeper.record, held), content: undefined };
    const content = this.#withBits(built.content, plan.bits);
    const proposal = { content, ...encodeSet(content), held, holders: state.agreed.holders };
    this.#trial.begin(proposal);
    step();
    return this.#judge(proposal);
  }

  /** The set says by how many bits its kinds are shared, where any is, or what its plan says of a vector. */
  #withBits(content: SetContent, planned: SetPlan["bits"]): SetContent {
    const bits = planned ?? content.kinds.map((kind) => bitsOfKind(this.#options.bits, kind));
    return bits.some((one) => one > 0) ? { ...content, bits: [...bits] } : content;
  }

  #judge(proposal: Proposal): Outcome | undefined {
    const { keeper, round, ports, step } = this.#options;
    const { content, bytes, setId, held } = proposal;
    const verdict = this.#range.isOpen ? this.#prove(proposal) : this.#test(proposal);
    if (verdict.kind === "pending") return undefined;
    this.#trial.end();
    this.#range.end();
    step();
    const { record } = keeper;
    if (verdict.kind === "passed") return { record: fixed(record, bytes, setId, held, verdict.tested), content };
    const { evidence } = verdict;
    const code = verdict.kind === "failing" ? verdict.excluded.code : "inconsistent-shares";
    const reason = verdict.kind === "failing" ? verdict.excluded.detail : verdict.reason;
    ports.refuse(code, `round ${round}: ${reason}`);
    const another = verdict.kind === "failing" && record.excluded.length < this.#options.most;
    if (another) return { record: reopened(record, verdict.excluded, reason), content };
    return { record: failed(record, code, reason, { code, ...evidence }), content };
  }

  /** The test of shares; where it is passed, and there are bits, their proof begins. */
  #test(proposal: Proposal): Verdict {
    const verdict = this.#trial.advance();
    if (verdict.kind !== "passed" || proposal.content.bits === undefined) return verdict;
    if (!this.#range.begin(this.#trial.ground)) {
      return { kind: "passed", tested: { ...verdict.tested, proof: proofOf(proposal.content) } };
    }
    this.#tested = verdict.tested;
    this.#options.step();
    return this.#prove(proposal);
  }

  #prove(proposal: Proposal): Verdict {
    const { ports, round, step } = this.#options;
    const outcome = this.#range.advance();
    if (outcome.kind === "again") {
      this.#range.end();
      this.#trial.begin(proposal);
      step();
      return this.#trial.advance();
    }
    if (outcome.kind !== "judged") return outcome;
    if (outcome.isContradicted) {
      ports.refuse("unproved-range", `round ${round}: the aggregators contradict each other about checks of bits`);
    }
    return { kind: "passed", tested: { ...this.#tested!, proof: outcome.proof } };
  }
}
