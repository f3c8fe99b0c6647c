/** The way of a round from what the aggregators hold to a set whose shares were tested, or to what takes its place. */
import type { ProbedMessage, SetContent } from "../../protocol/messages/round.ts";
import type { Detection } from "./detections.ts";
import type { Inquiry } from "./inquiry.ts";
import type { Keeper } from "./keeper.ts";
import { failed, finished, fixed, reopened, type RoundRecord } from "./record.ts";
import type { Refusal } from "./refusals.ts";
import type { RoundPorts } from "./round-ports.ts";
import { encodeSet } from "./set-builder.ts";
import { type Proposal, Trial, type TrialOptions } from "./trial.ts";

export interface ProposalsOptions extends TrialOptions {
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
  readonly #trial: Trial;

  constructor(options: ProposalsOptions) {
    this.#options = options;
    this.#trial = new Trial(options);
  }

  get detections(): readonly Detection[] {
    return this.#trial.detections;
  }

  /** An answer to a test of shares, and the same as it was signed. Throws CollectError as the trial does. */
  take(answer: ProbedMessage, signed: Uint8Array): void {
    this.#trial.take(answer, signed);
  }

  /** Takes the refusal of a test, and counts it. False when the refusal is about something else. */
  refuse(aggregator: number, { setId, code, detail }: Refusal & { setId?: Uint8Array | undefined }): boolean {
    if (!this.#trial.refuse(aggregator, setId)) return false;
    const { ports, round } = this.#options;
    ports.refuse("untested-shares", `aggregator ${aggregator}, round ${round}: ${code}: ${detail}`);
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
    const { content, empty } = built;
    if (empty) return { record: finished(keeper.record, held), content: undefined };
    const proposal = { content, ...encodeSet(content), held, holders: state.agreed.holders };
    this.#trial.begin(proposal);
    step();
    return this.#judge(proposal);
  }

  #judge({ content, bytes, setId, held }: Proposal): Outcome | undefined {
    const { keeper, ports, round, most, step } = this.#options;
    const { record } = keeper;
    const verdict = this.#trial.advance();
    if (verdict.kind === "pending") return undefined;
    this.#trial.end();
    step();
    if (verdict.kind === "passed") return { record: fixed(record, bytes, setId, held, verdict.tested), content };
    const code = "inconsistent-shares";
    const { reason, evidence } = verdict;
    ports.refuse(code, `round ${round}: ${reason}`);
    const another = verdict.kind === "failing" && record.excluded.length < most;
    if (another) return { record: reopened(record, verdict.excluded, reason), content };
    return { record: failed(record, code, reason, { code, ...evidence }), content };
  }
}
