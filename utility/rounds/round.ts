/**
 * One round, from the question to the totals (docs/protocol.md, "A round"). Answers and time come in, requests go out;
 * every state is saved before what follows from it is sent, so that a kill at any moment resumes with the same set.
 * Requests are repeated until they are answered; what cannot go on waits and says why.
 */
import { bitmapOf, countMembers } from "../../protocol/bitmap.ts";
import { decodeCbor } from "../../protocol/cbor.ts";
import type { RoundAnswer, RoundRequest, SetContent } from "../../protocol/messages/round.ts";
import {
  assertSums,
  type Collected,
  CollectError,
  collect,
  type SumsAnswer,
  unanswered,
} from "../collector/collect.ts";
import { type Holding, sameBytes } from "./agree.ts";
import {
  AnswerError,
  type AgreedCells,
  agreeAll,
  type DetailRequests,
  holdingsOf,
  lackingCells,
  withTags,
} from "./manifests.ts";
import { Outstanding } from "./outstanding.ts";
import { type HeldCells, isSettled, type RoundRecord } from "./record.ts";
import { excludedBy, type Refusal, verdictOf } from "./refusals.ts";
import { buildSet, encodeSet, type SetPlan } from "./set-builder.ts";
import { billingOutputs, outputCount } from "./shape.ts";

export interface RoundSettings {
  readonly aggregators: readonly number[];
  readonly threshold: number;
  readonly quorum: number;
  readonly retrySeconds: number;
  readonly answerSeconds: number;
}

/** What a finished round found. `content` is absent when no cell could be released. */
export interface RoundOutcome {
  readonly content: SetContent | undefined;
  readonly collected: Collected | undefined;
}

export interface RoundPorts {
  /** Real time in seconds, on any scale that does not go back: it spaces repeats. */
  now(): number;
  send(aggregator: number, request: RoundRequest): void;
  /** False for an aggregator that is known to be gone: nobody waits for it. */
  mayAnswer(aggregator: number): boolean;
  /** Durable when it returns. */
  save(record: RoundRecord): Promise<void>;
  /** Durable when it returns: results and final state in one transaction. */
  finish(record: RoundRecord, outcome: RoundOutcome): Promise<void>;
  /** Which agreed cells enter the set, by the release rules and by what was refused. */
  plan(record: RoundRecord, agreed: AgreedCells): Promise<SetPlan>;
  /** Checks an endorsement's signature and content; throws what should be counted. */
  verifyEndorsement(endorsement: Uint8Array, aggregator: number, setId: Uint8Array): void;
  /** Counts an answer that was not used. */
  refuse(code: string, detail: string): void;
  /** The round began to wait, or goes on again. */
  notify(record: RoundRecord): void;
}

/** Units asked for in one detail message: their tags must fit an answer of moderate size. */
const DETAIL_UNITS = 512;
/** A set is fixed anew only while refusals name something; this bounds a quarrel without end. */
const MAX_SETS = 12;
/** A store that grows while it is asked contradicts its own manifest once or twice; more is a fault. */
const MAX_STRIKES = 4;

export class Round {
  #record: RoundRecord;
  readonly #settings: RoundSettings;
  readonly #ports: RoundPorts;
  readonly #outstanding: Outstanding;
  #queue: Promise<void> = Promise.resolve();
  #stepSince = 0;
  #manifests = new Map<number, Holding[]>();
  #detailWanted = new Map<number, Set<number>>();
  #wantedAt: number | undefined;
  #polls = 0;
  #endorsements = new Map<number, Uint8Array>();
  #refusals = new Map<number, Refusal>();
  #sums = new Map<number, SumsAnswer>();
  /** Answers of an aggregator that contradict themselves; after a few it is no longer asked what it holds. */
  #strikes = new Map<number, number>();

  constructor(record: RoundRecord, settings: RoundSettings, ports: RoundPorts) {
    this.#record = record;
    this.#settings = settings;
    this.#ports = ports;
    this.#outstanding = new Outstanding(settings.retrySeconds);
    this.#stepSince = ports.now();
  }

  get record(): RoundRecord {
    return this.#record;
  }

  /** Resolves when all events so far are handled; rejects when storage failed. */
  idle(): Promise<void> {
    return this.#queue;
  }

  /** Begins, or goes on after a restart. */
  start(): Promise<void> {
    return this.#enqueue(() => Promise.resolve());
  }

  /** Time has passed, or an aggregator's liveness changed. */
  tick(): Promise<void> {
    return this.#enqueue(() => Promise.resolve());
  }

  /** An aggregator came back: whatever it owes is asked at once. */
  returned(aggregator: number): Promise<void> {
    return this.#enqueue(() => {
      this.#outstanding.hurry(aggregator);
      return Promise.resolve();
    });
  }

  /** An authentic, well-formed answer of that aggregator. */
  handle(aggregator: number, answer: RoundAnswer): Promise<void> {
    return this.#enqueue(() => {
      this.#take(aggregator, answer);
      return Promise.resolve();
    });
  }

  #enqueue(event: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      if (isSettled(this.#record)) return;
      await event();
      await this.#advance();
    });
    return this.#queue;
  }

  #take(aggregator: number, answer: RoundAnswer): void {
    try {
      switch (answer.type) {
        case "manifest":
          if (this.#record.state === "opened" && !this.#isIgnored(aggregator)) {
            this.#manifests.set(aggregator, holdingsOf(this.#record.question, answer));
            this.#outstanding.done(aggregator, "open");
          }
          return;
        case "tags":
          this.#takeTags(aggregator, answer.units);
          return;
        case "endorse":
          this.#takeEndorsement(aggregator, answer.setId, answer.endorsement);
          return;
        case "refuse":
          this.#takeRefusal(aggregator, answer);
          return;
        case "sums":
          this.#takeSums(aggregator, answer);
          return;
      }
    } catch (error) {
      if (error instanceof AnswerError && error.code === "stale-tags") {
        // Its store has grown since the manifest.
        this.#forget(aggregator);
      }
      if (error instanceof AnswerError || error instanceof CollectError) {
        this.#strikes.set(aggregator, (this.#strikes.get(aggregator) ?? 0) + 1);
        this.#ports.refuse(error.code, `aggregator ${aggregator}, round ${this.#record.id}: ${error.message}`);
      } else throw error;
    }
  }

  #isIgnored(aggregator: number): boolean {
    return (this.#strikes.get(aggregator) ?? 0) >= MAX_STRIKES;
  }

  #takeTags(aggregator: number, units: readonly (readonly [number, Uint8Array])[]): void {
    const holdings = this.#manifests.get(aggregator);
    const wanted = this.#detailWanted.get(aggregator);
    if (this.#record.state !== "opened" || holdings === undefined || wanted === undefined) return;
    const fresh = units.filter(([unit]) => wanted.has(unit)).map(([unit, tags]): [number, Uint8Array] => [unit, tags]);
    this.#manifests.set(aggregator, withTags(this.#record.question, holdings, { units: fresh as never }));
    for (const [unit] of fresh) wanted.delete(unit);
    if (wanted.size > 0) return;
    this.#outstanding.done(aggregator, "detail");
    this.#detailWanted.delete(aggregator);
  }

  #takeEndorsement(aggregator: number, setId: Uint8Array, endorsement: Uint8Array): void {
    const own = this.#record.setId;
    if (own === undefined || !sameBytes(own, setId)) return;
    try {
      this.#ports.verifyEndorsement(endorsement, aggregator, own);
    } catch (error) {
      const message = error instanceof Error ? error.message : "not verified";
      this.#ports.refuse("bad-endorsement", `aggregator ${aggregator}, round ${this.#record.id}: ${message}`);
      return;
    }
    this.#endorsements.set(aggregator, endorsement);
    this.#refusals.delete(aggregator);
    this.#outstanding.done(aggregator, "set");
  }

  #takeRefusal(aggregator: number, refusal: Refusal & { setId?: Uint8Array | undefined }): void {
    const own = this.#record.setId;
    if (refusal.setId !== undefined && (own === undefined || !sameBytes(own, refusal.setId))) return;
    this.#ports.refuse(
      `refused-${refusal.code}`,
      `aggregator ${aggregator}, round ${this.#record.id}: ${refusal.detail}`,
    );
    if (this.#record.state === "fixed") {
      this.#refusals.set(aggregator, refusal);
      // Some refusals pass (a member that has not arrived there yet), so the question stays, at a slower pace.
      this.#outstanding.slow(aggregator, "set");
    } else if (this.#record.state === "endorsed") {
      this.#refusals.set(aggregator, refusal);
      this.#endorsements.delete(aggregator);
      this.#outstanding.slow(aggregator, "endorsed");
    } else {
      this.#refusals.set(aggregator, refusal);
      if (refusal.code === "unknown-round") this.#forget(aggregator);
    }
  }

  /** Its manifest no longer counts: it is asked again, with everything that follows from it. */
  #forget(aggregator: number): void {
    this.#manifests.delete(aggregator);
    this.#detailWanted.delete(aggregator);
    this.#outstanding.done(aggregator, "detail");
  }

  #takeSums(aggregator: number, answer: SumsAnswer & { setId: Uint8Array }): void {
    const { setId, content } = this.#record;
    if (this.#record.state !== "endorsed" || setId === undefined || content === undefined) return;
    if (!sameBytes(setId, answer.setId)) return;
    assertSums(answer, outputCount(this.#content()));
    this.#sums.set(aggregator, answer);
    this.#refusals.delete(aggregator);
    this.#outstanding.done(aggregator, "endorsed");
    this.#outstanding.done(aggregator, "set");
  }

  #decoded: { bytes: Uint8Array; content: SetContent } | undefined;

  /** The fixed set. It is our own encoding, read back from our own store: no schema is needed. */
  #content(): SetContent {
    const bytes = this.#record.content;
    if (bytes === undefined) throw new Error(`round ${this.#record.id} has no set`);
    if (this.#decoded?.bytes !== bytes) this.#decoded = { bytes, content: decodeCbor(bytes) as SetContent };
    return this.#decoded.content;
  }

  async #advance(): Promise<void> {
    // A step may complete the next one too (its answers may be here already); each call makes progress or stops.
    for (;;) {
      const before = this.#record.state;
      if (before === "opened") await this.#advanceOpened();
      else if (before === "fixed") await this.#advanceFixed();
      else if (before === "endorsed") await this.#advanceEndorsed();
      if (this.#record.state === before || isSettled(this.#record)) break;
    }
    if (!isSettled(this.#record)) this.#sendDue();
  }

  #sendDue(): void {
    for (const { aggregator, requests } of this.#outstanding.due(this.#ports.now())) {
      for (const request of requests) this.#ports.send(aggregator, request);
    }
  }

  get #waitedLong(): boolean {
    return this.#ports.now() - this.#stepSince >= this.#settings.answerSeconds;
  }

  /** Nobody who may still answer is missing among those who did, or waiting for more has taken long enough. */
  #enoughWaited(answered: (aggregator: number) => boolean): boolean {
    if (this.#waitedLong) return true;
    return this.#settings.aggregators.every((aggregator) => answered(aggregator) || !this.#ports.mayAnswer(aggregator));
  }

  #step(): void {
    this.#stepSince = this.#ports.now();
    this.#outstanding.clear();
  }

  async #advanceOpened(): Promise<void> {
    const { aggregators, threshold, quorum } = this.#settings;
    const { id, question } = this.#record;
    for (const aggregator of aggregators) {
      if (this.#manifests.has(aggregator) || this.#isIgnored(aggregator)) continue;
      this.#outstanding.add(aggregator, "open", { type: "open", round: id, ...question });
    }
    const needed = Math.max(threshold, quorum);
    if (this.#manifests.size < needed) return await this.#waitFor("manifests", this.#manifests.size, needed);
    if (!this.#enoughWaited((one) => this.#manifests.has(one) || this.#isIgnored(one))) return;
    if (this.#detailWanted.size > 0 && !this.#dropSilent()) return;
    const result = agreeAll(question, this.#manifests, threshold);
    if ("detail" in result) return this.#ask(result.detail);
    if (this.#awaitsResend(result.agreed)) return;
    const plan = await this.#ports.plan(this.#record, result.agreed);
    const built = buildSet(question, result.agreed, this.#manifests, plan);
    if ("detail" in built) return this.#ask(built.detail);
    await this.#fix(built.content, built.empty, plan.held);
  }

  /** An aggregator that gave a manifest but not its tags is left out after a while. False while there is hope. */
  #dropSilent(): boolean {
    if (!this.#waitedLong) return false;
    for (const aggregator of this.#detailWanted.keys()) this.#manifests.delete(aggregator);
    this.#detailWanted.clear();
    this.#step();
    return false;
  }

  #ask(detail: DetailRequests): void {
    this.#stepSince = this.#ports.now();
    for (const [aggregator, units] of detail) {
      this.#detailWanted.set(aggregator, new Set(units));
      for (let from = 0; from < units.length; from += DETAIL_UNITS) {
        const part = units.slice(from, from + DETAIL_UNITS);
        this.#outstanding.add(aggregator, "detail", { type: "detail", round: this.#record.id, units: part }, from > 0);
      }
    }
  }

  /**
   * Has the aggregators ask the meters for what they lack. Waits only where that may add cells: a spare answer more is
   * welcome, but not worth a wait.
   */
  #awaitsResend(agreed: AgreedCells): boolean {
    const { wants, notAgreed } = lackingCells(this.#manifests, agreed.cells);
    const now = this.#ports.now();
    if (this.#wantedAt === undefined) {
      this.#wantedAt = now;
      for (const [aggregator, units] of wants) {
        this.#ports.send(aggregator, { type: "want", round: this.#record.id, units: units as never });
      }
    }
    if (notAgreed === 0 || now - this.#wantedAt >= this.#settings.answerSeconds) return false;
    const nextPoll = this.#wantedAt + this.#settings.retrySeconds * (2 ** (this.#polls + 1) - 1);
    if (now >= nextPoll) {
      this.#polls += 1;
      this.#manifests.clear();
      this.#step();
      for (const aggregator of this.#settings.aggregators) {
        this.#outstanding.add(aggregator, "open", { type: "open", round: this.#record.id, ...this.#record.question });
      }
    }
    return true;
  }

  async #fix(content: SetContent, empty: boolean, held: readonly HeldCells[]): Promise<void> {
    if (empty) {
      const record = { ...this.#record, state: "finished" as const, status: "final", reason: "", held };
      await this.#finish(record, undefined, undefined);
      return;
    }
    const { bytes, setId } = encodeSet(content);
    await this.#save({
      ...this.#record,
      state: "fixed",
      status: "open",
      reason: "",
      content: bytes,
      setId,
      sets: this.#record.sets + 1,
      endorsements: [],
      held,
    });
    this.#decoded = { bytes, content };
    this.#manifests.clear();
    this.#endorsements.clear();
    this.#refusals.clear();
    this.#step();
  }

  async #advanceFixed(): Promise<void> {
    const { aggregators, quorum } = this.#settings;
    const { id, content } = this.#record;
    for (const aggregator of aggregators) {
      if (content === undefined || this.#endorsements.has(aggregator)) continue;
      this.#outstanding.add(aggregator, "set", { type: "set", round: id, content: content as never });
    }
    if (this.#endorsements.size >= quorum) {
      if (!this.#enoughWaited((one) => this.#endorsements.has(one) || this.#refusals.has(one))) return;
      await this.#save({
        ...this.#record,
        state: "endorsed",
        status: "open",
        reason: "",
        endorsements: [...this.#endorsements.values()],
      });
      this.#refusals.clear();
      this.#step();
      return;
    }
    const verdict = verdictOf(this.#refusals, aggregators.length, quorum, this.#waitedLong);
    if (verdict === undefined) return await this.#waitFor("endorsements", this.#endorsements.size, quorum);
    await this.#fixAnew(verdict);
  }

  /** A quorum for this set has become impossible: what was named is left out, or the round ends with the reason. */
  async #fixAnew(refusal: Refusal): Promise<void> {
    const excluded = excludedBy(refusal, this.#content());
    const reason = `${refusal.code}: ${refusal.detail}`;
    if (excluded === undefined || this.#record.sets >= MAX_SETS) {
      const evidence = JSON.stringify({ refusedBy: [...this.#refusals.keys()], code: refusal.code });
      await this.#finish(
        { ...this.#record, state: "failed", status: refusal.code, reason, evidence },
        this.#content(),
        undefined,
      );
      return;
    }
    await this.#save({
      ...this.#record,
      state: "opened",
      status: "open",
      reason,
      content: undefined,
      setId: undefined,
      excluded: [...this.#record.excluded, excluded],
    });
    this.#manifests.clear();
    this.#refusals.clear();
    this.#endorsements.clear();
    this.#step();
  }

  async #advanceEndorsed(): Promise<void> {
    const { aggregators, threshold } = this.#settings;
    const { id, content, setId, endorsements } = this.#record;
    if (content === undefined || setId === undefined) throw new Error(`round ${id} is endorsed without a set`);
    for (const aggregator of aggregators) {
      if (this.#sums.has(aggregator)) continue;
      // Whoever missed the set, or lost it with a crash before it was durable there, needs it before it can add up.
      if (!this.#endorsements.has(aggregator)) {
        this.#outstanding.add(aggregator, "set", { type: "set", round: id, content: content as never });
      }
      const request = { type: "endorsed", round: id, setId, endorsements: [...endorsements] } as never;
      this.#outstanding.add(aggregator, "endorsed", request);
    }
    const answers = [...this.#sums.values()];
    const wanted = this.#wantedOutputs();
    if (answers.length < threshold) return await this.#waitFor("sums", answers.length, threshold);
    if (!this.#enoughWaited((one) => this.#sums.has(one) || this.#refusals.has(one))) return;
    const open = unanswered(answers, wanted, threshold);
    if (open.length > 0) {
      const what = `${open.length} of ${countMembers(wanted)} totals`;
      await this.#waitBecause(`${what} have fewer than ${threshold} sums; the aggregators that hold them must return`);
      if (this.#waitedLong) {
        // Their stores may have recovered: ask everyone again.
        this.#sums.clear();
        this.#step();
      }
      return;
    }
    await this.#collect(answers);
  }

  /** Outputs with at least one cell: an empty one is zero by itself. */
  #wantedOutputs(): Uint8Array {
    const content = this.#content();
    const wanted: number[] = [];
    if (content.purpose === "load") {
      content.units.forEach(([bitmap], unit) => {
        if (countMembers(bitmap) > 0) wanted.push(unit);
      });
    } else {
      billingOutputs(content).forEach((output, index) => {
        if (hasCells(content, output)) wanted.push(index);
      });
    }
    return bitmapOf(outputCount(content), wanted);
  }

  async #collect(answers: readonly SumsAnswer[]): Promise<void> {
    const content = this.#content();
    try {
      const collected = collect(answers, outputCount(content), this.#settings.threshold);
      await this.#finish({ ...this.#record, state: "finished", status: "final", reason: "" }, content, collected);
    } catch (error) {
      if (!(error instanceof CollectError)) throw error;
      this.#ports.refuse(error.code, `round ${this.#record.id}: ${error.message}`);
      await this.#finish(
        {
          ...this.#record,
          state: "failed",
          status: error.code,
          reason: error.message,
          evidence: JSON.stringify(error.evidence),
        },
        content,
        undefined,
      );
    }
  }

  async #waitFor(what: string, got: number, needed: number): Promise<void> {
    if (!this.#enoughWaited(() => false)) return;
    const silent = this.#settings.aggregators.filter((one) => !this.#ports.mayAnswer(one));
    const gone = silent.length > 0 ? `; offline: ${silent.map((one) => `a-${one}`).join(", ")}` : "";
    const refused = [...this.#refusals].map(([one, { code, detail }]) => `a-${one} refuses (${code}: ${detail})`);
    const refusals = refused.length > 0 ? `; ${refused.join(", ")}` : "";
    await this.#waitBecause(`${got} of the ${needed} ${what} that are needed${gone}${refusals}`);
  }

  async #waitBecause(reason: string): Promise<void> {
    if (this.#record.status === "waiting" && this.#record.reason === reason) return;
    await this.#save({ ...this.#record, status: "waiting", reason });
    this.#ports.notify(this.#record);
  }

  async #save(record: RoundRecord): Promise<void> {
    const waited = this.#record.status === "waiting" && record.status !== "waiting";
    await this.#ports.save(record);
    this.#record = record;
    if (waited) this.#ports.notify(record);
  }

  async #finish(record: RoundRecord, content: SetContent | undefined, collected: Collected | undefined): Promise<void> {
    const waited = this.#record.status === "waiting" || record.state === "failed";
    await this.#ports.finish(record, { content, collected });
    this.#record = record;
    this.#outstanding.clear();
    this.#manifests.clear();
    this.#sums.clear();
    if (waited) this.#ports.notify(record);
  }
}

function hasCells(content: SetContent, output: { meter: number; scheme: number; band: number }): boolean {
  const band = content.schemes[output.scheme]?.bands[output.band];
  if (band === undefined) return false;
  const kinds = content.kinds.length;
  const k = content.kinds.indexOf(band.kind);
  return content.segments.some((_, segment) => {
    const unit = content.units[(segment * content.meters.length + output.meter) * kinds + k]?.[0];
    const mask = band.masks[segment];
    if (unit === undefined || mask === undefined) return false;
    return unit.some((byte, i) => (byte & (mask[i] ?? 0)) !== 0);
  });
}
