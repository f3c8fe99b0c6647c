/**
 * One round, from the question to the totals (docs/protocol.md, "A round"). Answers and time come in, requests go out;
 * every state is saved before what follows from it is sent, so that a kill at any moment resumes with the same set.
 * Requests are repeated until they are answered; what cannot go on waits and says why.
 */
import type { RoundAnswer, SetContent } from "../../protocol/messages/round.ts";
import { type Collected, CollectError, type SumsAnswer } from "../collector/collect.ts";
import { sameBytes } from "./agree.ts";
import { FixedSet } from "./fixed-set.ts";
import { Inquiry } from "./inquiry.ts";
import { Keeper } from "./keeper.ts";
import { AnswerError } from "./manifests.ts";
import { Outstanding } from "./outstanding.ts";
import { Patience } from "./patience.ts";
import { endorsed, failed, finished, isSettled, reopened, type RoundRecord } from "./record.ts";
import { Proposals } from "./proposals.ts";
import { excludedBy, type Refusal, verdictOf } from "./refusals.ts";
import type { RoundPorts, RoundSettings } from "./round-ports.ts";
import { Tally } from "./tally.ts";

/** A set is fixed anew only while refusals name something; this bounds a quarrel without end. */
const MAX_SETS = 12;

export class Round {
  readonly #keeper: Keeper;
  readonly #settings: RoundSettings;
  readonly #ports: RoundPorts;
  readonly #outstanding: Outstanding;
  #queue: Promise<void> = Promise.resolve();
  readonly #patience: Patience;
  readonly #inquiry: Inquiry;
  readonly #proposals: Proposals;
  readonly #endorsements = new Map<number, Uint8Array>();
  readonly #refusals = new Map<number, Refusal>();
  readonly #sums: Tally;
  readonly #set = new FixedSet();

  constructor(record: RoundRecord, settings: RoundSettings, ports: RoundPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#outstanding = new Outstanding(settings.retrySeconds);
    this.#sums = new Tally(settings.threshold, (...totals) => ports.judge(...totals));
    const options = {
      ...settings,
      now: () => ports.now(),
      mayAnswer: (one: number) => ports.mayAnswer(one),
    };
    this.#patience = new Patience(options);
    this.#keeper = new Keeper(record, settings.aggregators, ports, this.#patience, this.#refusals);
    this.#inquiry = new Inquiry({
      ...options,
      round: record.id,
      question: record.question,
      needed: Math.max(settings.threshold, settings.quorum),
      send: (aggregator, request) => {
        ports.send(aggregator, request);
      },
      outstanding: this.#outstanding,
      patience: this.#patience,
    });
    this.#proposals = new Proposals({
      ...{ ...settings, round: record.id, ports, most: MAX_SETS },
      ...{ outstanding: this.#outstanding, patience: this.#patience, keeper: this.#keeper, inquiry: this.#inquiry },
      step: () => {
        this.#step();
      },
    });
  }

  get record(): RoundRecord {
    return this.#keeper.record;
  }

  /** Resolves when all events so far are handled; rejects when storage failed. */
  idle(): Promise<void> {
    return this.#queue;
  }

  /** Begins, or goes on: time has passed, the process was restarted, or an aggregator's liveness changed. */
  tick(): Promise<void> {
    return this.#enqueue(() => {});
  }

  /** An aggregator came back: whatever it owes is asked at once. */
  returned(aggregator: number): Promise<void> {
    return this.#enqueue(() => {
      this.#outstanding.hurry(aggregator);
    });
  }

  /** An authentic, well-formed answer of that aggregator, and the same as it was signed. */
  handle(aggregator: number, answer: RoundAnswer, signed: Uint8Array): Promise<void> {
    return this.#enqueue(() => {
      this.#take(aggregator, answer, signed);
    });
  }

  #enqueue(event: () => void): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      if (isSettled(this.#keeper.record)) return;
      event();
      await this.#advance();
    });
    return this.#queue;
  }

  #take(aggregator: number, answer: RoundAnswer, signed: Uint8Array): void {
    try {
      switch (answer.type) {
        case "manifest":
          if (this.#keeper.record.state === "opened") this.#inquiry.takeManifest(aggregator, answer, signed);
          return;
        case "tags":
          if (this.#keeper.record.state === "opened") this.#inquiry.takeTags(aggregator, answer.units);
          return;
        case "probed":
        case "revealed":
        case "ranged":
          this.#proposals.take(answer, signed);
          return;
        case "endorse":
          this.#takeEndorsement(aggregator, answer.setId, answer.endorsement);
          return;
        case "refuse":
          this.#takeRefusal(aggregator, answer);
          return;
        case "sums":
          this.#takeSums(answer, signed);
          return;
      }
    } catch (error) {
      if (!(error instanceof AnswerError || error instanceof CollectError)) throw error;
      this.#inquiry.strike(aggregator);
      this.#ports.refuse(error.code, `aggregator ${aggregator}, round ${this.#keeper.record.id}: ${error.message}`);
    }
  }

  #takeEndorsement(aggregator: number, setId: Uint8Array, endorsement: Uint8Array): void {
    const own = this.#keeper.record.setId;
    if (own === undefined || !sameBytes(own, setId)) return;
    try {
      this.#ports.verifyEndorsement(endorsement, aggregator, own);
    } catch (error) {
      const message = error instanceof Error ? error.message : "not verified";
      this.#ports.refuse("bad-endorsement", `aggregator ${aggregator}, round ${this.#keeper.record.id}: ${message}`);
      return;
    }
    this.#endorsements.set(aggregator, endorsement);
    this.#refusals.delete(aggregator);
    this.#outstanding.done(aggregator, "set");
  }

  #takeRefusal(aggregator: number, refusal: Refusal & { setId?: Uint8Array | undefined }): void {
    if (this.#proposals.refuse(aggregator, refusal)) return;
    const { id, state, setId: own } = this.#keeper.record;
    if (refusal.setId !== undefined && (own === undefined || !sameBytes(own, refusal.setId))) return;
    this.#ports.refuse(`refused-${refusal.code}`, `aggregator ${aggregator}, round ${id}: ${refusal.detail}`);
    this.#refusals.set(aggregator, refusal);
    if (state === "opened" && refusal.code === "unknown-round") this.#inquiry.forget(aggregator);
    if (state === "endorsed") this.#endorsements.delete(aggregator);
    // Some refusals pass (a member that has not arrived there yet), so the question stays, at a slower pace.
    this.#outstanding.slow(aggregator, state === "endorsed" ? "endorsed" : "set");
  }

  #takeSums(answer: SumsAnswer & { setId: Uint8Array }, signed: Uint8Array): void {
    const { aggregator } = answer;
    const { state, setId } = this.#keeper.record;
    if (state !== "endorsed" || setId === undefined || !sameBytes(setId, answer.setId)) return;
    this.#sums.take(answer, this.#content(), signed);
    this.#refusals.delete(aggregator);
    this.#outstanding.done(aggregator, "endorsed");
    this.#outstanding.done(aggregator, "set");
  }

  #content(): SetContent {
    return this.#set.of(this.#keeper.record);
  }

  async #advance(): Promise<void> {
    // A step may complete the next one too (its answers may be here already); each call makes progress or stops.
    for (;;) {
      const before = this.#keeper.record.state;
      if (before === "opened") await this.#advanceOpened();
      else if (before === "fixed") await this.#advanceFixed();
      else if (before === "endorsed") await this.#advanceEndorsed();
      if (this.#keeper.record.state === before || isSettled(this.#keeper.record)) break;
    }
    if (isSettled(this.#keeper.record)) return;
    for (const { aggregator, requests } of this.#outstanding.due(this.#ports.now())) {
      for (const request of requests) this.#ports.send(aggregator, request);
    }
  }

  #step(): void {
    this.#patience.restart();
    this.#outstanding.clear();
    this.#refusals.clear();
  }

  async #advanceOpened(): Promise<void> {
    const outcome = await this.#proposals.advance();
    if (outcome === undefined) return;
    if (isSettled(outcome.record)) {
      await this.#finish(outcome.record, outcome.content, undefined);
      return;
    }
    await this.#keeper.save(outcome.record);
    if (outcome.record.state === "opened") await this.#advanceOpened();
    else {
      this.#inquiry.clear();
      this.#endorsements.clear();
    }
  }

  async #advanceFixed(): Promise<void> {
    const { aggregators, quorum } = this.#settings;
    const { id, content } = this.#keeper.record;
    for (const aggregator of aggregators) {
      if (content === undefined || this.#endorsements.has(aggregator)) continue;
      this.#outstanding.add(aggregator, "set", { type: "set", round: id, content });
    }
    if (this.#endorsements.size >= quorum) {
      if (!this.#patience.enough((one) => this.#endorsements.has(one) || this.#refusals.has(one))) return;
      await this.#keeper.save(endorsed(this.#keeper.record, [...this.#endorsements.values()]));
      this.#step();
      return;
    }
    const verdict = verdictOf(this.#refusals, aggregators.length, quorum, this.#patience.isOver);
    if (verdict === undefined) await this.#keeper.waitFor("endorsements", this.#endorsements.size, quorum);
    else await this.#fixAnew(verdict);
  }

  /** A quorum for this set has become impossible: what was named is left out, or the round ends with the reason. */
  async #fixAnew(refusal: Refusal): Promise<void> {
    const excluded = excludedBy(refusal, this.#content());
    const reason = `${refusal.code}: ${refusal.detail}`;
    if (excluded === undefined || this.#keeper.record.sets >= MAX_SETS) {
      const evidence = { refusedBy: [...this.#refusals.keys()], code: refusal.code };
      await this.#finish(failed(this.#keeper.record, refusal.code, reason, evidence), this.#content(), undefined);
      return;
    }
    await this.#keeper.save(reopened(this.#keeper.record, excluded, reason));
    this.#inquiry.clear();
    this.#endorsements.clear();
    this.#step();
  }

  async #advanceEndorsed(): Promise<void> {
    const { aggregators, threshold } = this.#settings;
    const { id, content, setId, endorsements } = this.#keeper.record;
    if (content === undefined || setId === undefined) throw new Error(`round ${id} is endorsed without a set`);
    for (const aggregator of aggregators) {
      if (this.#sums.has(aggregator)) continue;
      // Whoever missed the set, or lost it with a crash before it was durable there, needs it before it can add up.
      if (!this.#endorsements.has(aggregator)) {
        this.#outstanding.add(aggregator, "set", { type: "set", round: id, content });
      }
      const request = { type: "endorsed", round: id, setId, endorsements: [...endorsements] } as never;
      this.#outstanding.add(aggregator, "endorsed", request);
    }
    if (this.#sums.size < threshold) {
      await this.#keeper.waitFor("sums", this.#sums.size, threshold);
      return;
    }
    if (!this.#patience.enough((one) => this.#sums.has(one) || this.#refusals.has(one))) return;
    const lacking = this.#sums.lacking(this.#content());
    if (lacking === undefined) {
      await this.#collect();
      return;
    }
    await this.#keeper.waitBecause(lacking);
    if (!this.#patience.isOver) return;
    // Their stores may have recovered: ask everyone again.
    this.#sums.clear();
    this.#step();
  }

  async #collect(): Promise<void> {
    const content = this.#content();
    try {
      await this.#finish(finished(this.#keeper.record), content, this.#sums.totals(content));
    } catch (error) {
      if (!(error instanceof CollectError)) throw error;
      const { code, message, evidence } = error;
      this.#ports.refuse(code, `round ${this.#keeper.record.id}: ${message}`);
      await this.#finish(failed(this.#keeper.record, code, message, evidence), content, undefined);
    }
  }

  async #finish(record: RoundRecord, content: SetContent | undefined, collected: Collected | undefined): Promise<void> {
    const wrong = collected?.corrected ?? [];
    const all = this.#settings.aggregators.length;
    const found = content === undefined ? [] : this.#sums.detections(content, wrong, record.tested, all);
    const detections = [...this.#inquiry.detections, ...this.#proposals.detections, ...found];
    await this.#keeper.finish(record, { content, collected, detections });
    this.#outstanding.clear();
    this.#inquiry.clear();
    this.#sums.clear();
  }
}
