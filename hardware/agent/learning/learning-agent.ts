/**
 * The part of a meter that learns with others. It hears announcements, decides for its household, works the vector out, has it
 * noised and durable before any share leaves, and sends each aggregator its shares until it has answered or the round is
 * closed. It sees its own meter's readings; what it sends nobody can open alone.
 */
import { createHash } from "node:crypto";
import { createUpdateSealer, type UpdateSealer } from "../../../protocol/envelope/index.ts";
import type { Directory } from "../../../protocol/keys/index.ts";
import { type Announcement, costOf, openAnnouncement, type RoundContent } from "../../../protocol/learning/index.ts";
import { UPDATE_CODES, type UpdateAck } from "../../../protocol/messages/ack-codes.ts";
import type { RandomBytes } from "../../../protocol/noise/index.ts";
import { splitVector, type VectorShares } from "../../../protocol/shamir/split-vector.ts";
import { filterOf, SMALL_UPDATE_BYTES, topicOf } from "../../../protocol/topics.ts";
import type { BulkCourier } from "../bulk/index.ts";
import type { AgentCompanion, AgentLink, MeterSecrets } from "../agent-options.ts";
import { answererBit, RepeatedPost } from "../repeated-post.ts";
import { encodeVector } from "./encode.ts";
import { delayOf, type LearningPolicy, type LearningRoom, refusalOf } from "./policy.ts";
import type { PrivacyGuard, Refusal } from "./privacy-guard.ts";
import type { UpdateAnswer, UpdateRow, UpdateStore } from "./store.ts";
import { type OwnReadings, type Trainer, vectorOf } from "./tasks.ts";

/** What became of a round. `who`: `a-<i>`, or `meter` itself. */
export interface LearningEvent {
  readonly round: string;
  readonly campaign: string;
  readonly step: number;
  /** `made`, `settled`, `not-ready`, an aggregator's answer that is no consent, or why the household refused. */
  readonly code: string;
  readonly who?: string;
  readonly detail?: string;
}

export interface LearningEvents {
  readonly learning?: (meter: string, event: LearningEvent) => void;
  /** A message was refused, or a connection or the training failed. */
  readonly refused?: (meter: string, error: unknown) => void;
}

export interface LearningAgentOptions {
  readonly secrets: MeterSecrets;
  /** The meter in its database. */
  readonly number: number;
  readonly threshold: number;
  readonly policy: LearningPolicy;
  readonly room: LearningRoom;
  readonly guard: PrivacyGuard;
  readonly store: UpdateStore;
  readonly own: OwnReadings;
  /** Left out: rounds of training are refused. */
  readonly trainer?: Trainer | undefined;
  readonly directory: Pick<Directory, "servers">;
  readonly link: AgentLink;
  /** The meter's second connection, for what is large. */
  readonly bulk: Pick<BulkCourier, "post">;
  readonly isOpen: (aggregator: number) => boolean;
  /** For noise and rounding: node:crypto's outside tests. */
  readonly randomBytes: RandomBytes;
  /** Unix seconds; 0 while nobody has told the time, and then nothing is taken part in. */
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly resendSeconds: number;
  readonly events?: LearningEvents;
}

interface Waiting extends UpdateRow {
  waiting: number;
  answers: Readonly<Record<string, UpdateAnswer>>;
  /** Made when they are first sent: the same every time. */
  shares?: VectorShares & { readonly elements: number };
}

const ANSWERS = new Map(
  (Object.keys(UPDATE_CODES) as (keyof typeof UPDATE_CODES)[]).map((name) => [UPDATE_CODES[name], name]),
);
/** Announcements whose bytes were seen before are not read again; of so many at most. */
const MOST_KNOWN = 1_000;

/** What a meter that learns subscribes to. */
export function learningSubscriptions(): string[] {
  return [filterOf("learnAnnounce")];
}

export class LearningAgent implements AgentCompanion {
  readonly #options: LearningAgentOptions;
  readonly #aggregators: readonly number[];
  readonly #all: number;
  /** By round. */
  readonly post: RepeatedPost<UpdateAnswer, Waiting>;
  readonly #sealers = new Map<number, UpdateSealer>();
  /** By the hash of its bytes: an announcement about which nothing more is to be decided. */
  readonly #known = new Set<string>();
  readonly #topic = topicOf("learnAnnounce", {});
  #working: Promise<void> | undefined;
  /** The round of which it was told last that it is not begun yet. */
  #notYet = "";
  #closed = false;

  constructor(options: LearningAgentOptions) {
    const { secrets, store, number, link, bulk, isOpen, monotonic, events } = options;
    this.#options = options;
    this.#aggregators = [...secrets.rootKeys.keys()].sort((a, b) => a - b);
    this.#all = this.#aggregators.reduce((mask, x) => mask | answererBit(x), 0);
    this.post = new RepeatedPost<UpdateAnswer, Waiting>({
      ...{ aggregators: this.#aggregators, link, isOpen, monotonic },
      bulk: { above: SMALL_UPDATE_BYTES, courier: bulk },
      failed: (error) => events?.refused?.(secrets.meter, error),
      message: (row, x) => this.#message(row, x),
      answered: (row, who, answer) => this.#answered(row, who, answer),
    });
    for (const row of store.waiting(number)) this.post.add(row.round, row);
  }

  /** Updates that someone has to answer, and one that is in the making. */
  get unsettled(): number {
    return this.post.rows.size + (this.#working === undefined ? 0 : 1);
  }

  /** Takes a message if it is an announcement. Never throws: what is refused is reported as an event. */
  accept(topic: string, payload: Uint8Array): boolean {
    if (topic !== this.#topic) return false;
    const { now, directory, secrets, events } = this.#options;
    const digest = createHash("sha256").update(payload).digest("base64");
    // One at a time: the others are announced again.
    if (now() === 0 || this.#closed || this.#working !== undefined || this.#known.has(digest)) return true;
    try {
      const announced = openAnnouncement(payload, directory);
      if (this.#waits(announced)) return true;
      if (this.#mayBegin(announced)) this.#begin(announced, digest);
      else this.#know(digest);
    } catch (error) {
      this.#know(digest);
      events?.refused?.(secrets.meter, error);
    }
    return true;
  }

  /** Waits for what is in the making. */
  async idle(): Promise<void> {
    await this.#working;
  }

  /** Takes part in nothing more; what is in the making is left, and nothing of it is written. */
  close(): void {
    this.#closed = true;
  }

  #know(digest: string): void {
    // They are repeated as long as their round is open, so the oldest are of closed ones.
    for (const oldest of this.#known) {
      if (this.#known.size < MOST_KNOWN) break;
      this.#known.delete(oldest);
    }
    this.#known.add(digest);
  }

  /** There is no room for it now; the next announcement asks again. */
  #waits(announced: Announcement): boolean {
    const { store, number, now, room } = this.#options;
    const { round, content } = announced;
    const delay = store.has(number, round) ? undefined : delayOf(content, room, this.post.rows.size, now());
    if (delay !== undefined) this.#tellOnce(announced, delay);
    return delay !== undefined;
  }

  #mayBegin(announced: Announcement): boolean {
    const { round, content } = announced;
    const { store, number, now, policy, guard, trainer } = this.#options;
    if (content.closesAt <= now() || store.has(number, round)) return false;
    const untrained = content.task.type === "train" && trainer === undefined;
    const refusal =
      (untrained ? { code: "no-trainer", detail: "this meter trains no models" } : undefined) ??
      refusalOf(content, policy) ??
      guard.refusal(round, costOf(content));
    if (refusal !== undefined) this.#tell(announced, refusal);
    return refusal === undefined;
  }

  #begin(announced: Announcement, digest: string): void {
    const { events, secrets } = this.#options;
    this.#working = this.#make(announced, digest)
      .catch((error: unknown) => {
        // The same again would fail again.
        this.#know(digest);
        events?.refused?.(secrets.meter, error);
      })
      .finally(() => {
        this.#working = undefined;
      });
  }

  async #make(announced: Announcement, digest: string): Promise<void> {
    const { own, trainer, randomBytes, now, store, number, guard, events, secrets } = this.#options;
    const { round, content } = announced;
    const values = await vectorOf(content.task, own, trainer, (error) => events?.refused?.(secrets.meter, error));
    if (this.#closed || content.closesAt <= now()) return;
    if (values === undefined) {
      // Readings may still come: the next announcement asks again.
      this.#tellOnce(announced, { code: "not-ready", detail: "the history does not have what it takes" });
      return;
    }
    const { campaign, step, closesAt } = content;
    const row = { round, campaign, step, closesAt, waiting: this.#all };
    const elements = encodeVector(values, content, randomBytes);
    const outcome = store.take(number, { ...row, task: content.task.type, elements }, guard, costOf(content));
    this.#know(digest);
    if (outcome !== "stored") {
      this.#tell(announced, outcome);
      return;
    }
    this.post.add(round, { ...row, answers: {} });
    this.#tell(announced, { code: "made" });
    this.post.send();
  }

  #message(row: Waiting, x: number): { topic: string; payload: Uint8Array } {
    const { secrets, store, number, threshold: t } = this.#options;
    const { meter, polynomialKey: key, rootKeys } = secrets;
    const { round } = row;
    if (row.shares === undefined) {
      const elements = store.elements(number, round);
      if (elements === undefined) throw new Error(`round ${round}: its vector vanished`);
      const split = splitVector({ key, round, elements, n: Math.max(...this.#aggregators), t });
      row.shares = { ...split, elements: elements.length };
    }
    const { tag, shares, elements } = row.shares;
    const sealer = this.#sealers.get(x) ?? createUpdateSealer(rootKeys.get(x)!, meter, x);
    this.#sealers.set(x, sealer);
    const topic = topicOf("update", { meter, round, agg: String(x) });
    return { topic, payload: sealer.seal(round, { tag, elements, share: shares[x - 1]! }) };
  }

  /** Call regularly: sends again what was not answered, and drops what is of closed rounds. */
  tick(): void {
    const { now, resendSeconds } = this.#options;
    const time = now();
    for (const { round, closesAt } of [...this.post.rows.values()]) {
      if (closesAt <= time) this.post.giveUp(round, "closed");
    }
    this.post.send(resendSeconds * 1_000);
  }

  #answered(row: Waiting, who: string, code: UpdateAnswer): void {
    const { store, number } = this.#options;
    const { round } = row;
    store.rememberAnswers(number, row);
    if (code !== "stored" && code !== "duplicate") this.#tell({ round, content: row }, { code, who });
    if (row.waiting === 0 && who !== "meter") this.#tell({ round, content: row }, { code: "settled" });
  }

  #tellOnce(announced: Announcement, refusal: Refusal): void {
    const told = this.#notYet === announced.round;
    this.#notYet = announced.round;
    if (!told) this.#tell(announced, refusal);
  }

  #tell(
    { round, content }: { readonly round: string; readonly content: Pick<RoundContent, "campaign" | "step"> },
    what: Pick<LearningEvent, "code" | "who"> & Partial<Refusal>,
  ): void {
    const { campaign, step } = content;
    this.#options.events?.learning?.(this.#options.secrets.meter, { round, campaign, step, ...what });
  }

  acknowledged(aggregator: number, { updates }: { readonly updates?: readonly UpdateAck[] }): void {
    if (updates === undefined) return;
    this.post.heard(aggregator);
    for (const { round, code } of updates) {
      this.post.answer(round, answererBit(aggregator), `a-${aggregator}`, ANSWERS.get(code)!);
    }
  }
}
