/**
 * The part of a meter that encrypts. When a window of readings is settled it becomes a ciphertext for each series; the
 * finished bytes are durable before anything leaves, then go to analytics, and their digest to every aggregator, until
 * all have answered. It sees its own meter's readings; what it sends nobody can open alone.
 */
import { openCiphertextAck, splitChunks } from "../../../protocol/envelope/index.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import type { Directory } from "../../../protocol/keys/index.ts";
import { CIPHERTEXT_CODES, type DigestAck } from "../../../protocol/messages/ack-codes.ts";
import { topicOf } from "../../../protocol/topics.ts";
import type { Kind } from "../../../protocol/units.ts";
import type { AgentCompanion, AgentLink } from "../agent-options.ts";
import type { BulkCourier, Parcel } from "../bulk/index.ts";
import { answererBit, type RepeatedPost } from "../repeated-post.ts";
import { digestPost, type WaitingCiphertext } from "./digest-post.ts";
import { ANALYTICS_BIT, type Answer, type CiphertextRow, windowKey } from "./store.ts";
import { type SettledReadings, WindowMaker, type WindowMakerOptions, type WindowSettings } from "./window-maker.ts";
import type { Window } from "../../../config/windows.ts";

export interface CiphertextSettings extends WindowSettings {
  readonly historyDays: number;
}

/** What became of a window. `who`: `analytics`, `a-<i>`, or `meter` itself. */
export interface CiphertextEvent extends Window {
  readonly series: string;
  readonly code: "made" | "settled" | Answer;
  readonly who?: string;
  /** Of a ciphertext that was made: bytes as they travel, and what making them took. */
  readonly bytes?: number;
  readonly milliseconds?: number;
  readonly detail?: string;
}

export interface CiphertextAgentEvents {
  readonly ciphertext?: (meter: string, event: CiphertextEvent) => void;
  /** A message was refused, or the encryption failed. */
  readonly refused?: (meter: string, error: unknown) => void;
}

export interface CiphertextAgentOptions
  extends Pick<WindowMakerOptions, "calendar" | "store" | "encryptor" | "now" | "monotonic"> {
  readonly settings: CiphertextSettings;
  readonly readings: SettledReadings & { isOpen(aggregator: number): boolean };
  /** By aggregator index. */
  readonly rootKeys: ReadonlyMap<number, Uint8Array>;
  readonly directory: Pick<Directory, "servers">;
  /** The meter's ordinary connection. */
  readonly link: AgentLink;
  /** Its second one. */
  readonly bulk: Pick<BulkCourier, "add" | "wake">;
  /** Calls back after so many milliseconds unless the returned function is called first. */
  readonly after: (milliseconds: number, callback: () => void) => () => void;
  readonly events?: CiphertextAgentEvents;
}

const ANSWERS = new Map(
  (Object.keys(CIPHERTEXT_CODES) as (keyof typeof CIPHERTEXT_CODES)[]).map((name) => [CIPHERTEXT_CODES[name], name]),
);
const DAY_SECONDS = 86_400;

export class CiphertextAgent implements AgentCompanion {
  readonly #options: CiphertextAgentOptions;
  readonly #meter: string;
  readonly #number: number;
  readonly #aggregators: readonly number[];
  readonly #all: number;
  readonly #maker: WindowMaker;
  /** By series and window. */
  readonly post: RepeatedPost<Answer, WaitingCiphertext>;
  #forgotBefore = 0;
  #polling = false;

  constructor(options: CiphertextAgentOptions) {
    const { readings, rootKeys, settings, store, monotonic, calendar, encryptor, now } = options;
    this.#options = options;
    this.#meter = readings.meter;
    this.#number = readings.number;
    this.#aggregators = [...rootKeys.keys()].sort((a, b) => a - b);
    this.#all = this.#aggregators.reduce((mask, x) => mask | answererBit(x), ANALYTICS_BIT);
    const failed = (error: unknown): void => options.events?.refused?.(this.#meter, error);
    this.#maker = new WindowMaker({
      ...{ settings, readings, calendar, store, encryptor, now, monotonic, failed },
      made: (item, { milliseconds }) => this.#made(item, milliseconds),
      tooLarge: (item, error) => {
        store.addNone(this.#number, { ...item, epoch: settings.dealt().epoch }, "too-large");
        this.#tell({ ...item, code: "too-large", who: "meter", detail: error.message });
      },
    });
    this.post = digestPost({
      ...{ meter: this.#meter, rootKeys, link: options.link, monotonic, failed },
      isOpen: (aggregator) => readings.isOpen(aggregator),
      answered: (row, who, answer) => this.#answered(row, who, answer),
    });
    options.bulk.add({ waiting: () => this.#parcels(), answered: (payload) => this.#onAnalytics(payload) });
    for (const row of store.waiting(this.#number)) this.post.add(windowKey(row.series, row.firstSlot), row);
    options.bulk.wake();
  }

  /** Ciphertexts that someone has to answer, and windows that are to become ones. */
  get unsettled(): number {
    return this.post.rows.size + this.#maker.busy;
  }

  /** Who has not answered, by name. */
  silent(): string[] {
    const mask = [...this.post.rows.values()].reduce((all, { waiting }) => all | waiting, 0);
    const aggregators = this.#aggregators.filter((x) => (mask & answererBit(x)) !== 0).map((x) => `a-${x}`);
    return (mask & ANALYTICS_BIT) === 0 ? aggregators : ["analytics", ...aggregators];
  }

  /** Starts what is due. */
  poll(): void {
    this.#maker.poll();
  }

  /** Readings were settled: a window may have waited for that. */
  settled(): void {
    if (!this.#maker.stalled || this.#polling) return;
    this.#polling = true;
    // Once the acks that came together have all been taken in: one of them may leave a slot out.
    this.#options.after(0, () => {
      this.#polling = false;
      this.#maker.poll();
    });
  }

  /** Call regularly: starts what is due, and sends again what was not answered. */
  tick(): void {
    const { settings, now, bulk } = this.#options;
    this.#maker.poll();
    this.post.send(settings.resendSeconds * 1_000);
    bulk.wake();
    this.#forget(Math.floor(now() / settings.slotSeconds));
  }

  /** What is not finished is begun anew at the next start. */
  close(): void {
    this.#maker.close();
  }

  #made(item: Parameters<WindowMakerOptions["made"]>[0], milliseconds: number): void {
    const { sealed, ...row } = item;
    const { series, firstSlot, slots } = row;
    this.#options.store.add(this.#number, { ...item, waiting: this.#all }, () => {
      this.#maker.durable(series, firstSlot);
      this.post.add(windowKey(series, firstSlot), { ...row, waiting: this.#all, answers: {} });
      this.#tell({ series, firstSlot, slots, code: "made", who: "meter", bytes: sealed.length, milliseconds });
      this.#bound(series);
      this.post.send();
      this.#options.bulk.wake();
    });
  }

  /** Gives up the oldest windows of a series beyond what the outbox may hold. */
  #bound(series: string): void {
    const rows = [...this.post.rows].filter(([, row]) => row.series === series);
    rows.sort(([, a], [, b]) => a.firstSlot - b.firstSlot);
    for (const [key] of rows.slice(0, Math.max(0, rows.length - this.#options.settings.outboxWindows))) {
      this.post.giveUp(key, "outbox-full");
    }
  }

  #forget(slot: number): void {
    const { settings, store } = this.#options;
    const day = DAY_SECONDS / settings.slotSeconds;
    const before = slot - Math.floor(settings.historyDays * day);
    if (before < this.#forgotBefore + day) return;
    this.#forgotBefore = before;
    store.forget(this.#number, before);
  }

  // --- what the shares' part tells ---

  acknowledged(aggregator: number, { digests }: { readonly digests?: readonly DigestAck[] }): void {
    if (digests === undefined) return;
    this.post.heard(aggregator);
    for (const { series, firstSlot, code } of digests) {
      const answer = ANSWERS.get(code)!;
      this.post.answer(windowKey(series, firstSlot), answererBit(aggregator), `a-${aggregator}`, answer);
    }
  }

  late(kind: Kind, from: number, to: number, aggregator: number): void {
    this.#options.store.rememberLate(this.#number, { kind, from, to, aggregator });
  }

  // --- answers ---

  #parcels(): Parcel[] {
    const { store } = this.#options;
    return [...this.post.rows]
      .filter(([, { waiting }]) => (waiting & ANALYTICS_BIT) !== 0)
      .map(([key, { series, firstSlot }]) => ({
        topic: topicOf("heCiphertext", { meter: this.#meter, series }),
        key,
        chunks: () => {
          const sealed = store.sealed(this.#number, series, firstSlot);
          return sealed && splitChunks(sealed);
        },
      }));
  }

  /** An answer from analytics must be signed, for this meter, and about the very ciphertext that waits. */
  #onAnalytics(payload: Uint8Array): boolean {
    const { directory, events } = this.#options;
    try {
      const { series, firstSlot, digest, code } = openCiphertextAck(payload, this.#meter, directory);
      const key = windowKey(series, firstSlot);
      const row = this.post.rows.get(key);
      if (row === undefined || (row.waiting & ANALYTICS_BIT) === 0) return false;
      if (Buffer.compare(digest, row.digest) !== 0) {
        throw new ProtocolError("replayed", `analytics answers another ciphertext of ${series} from slot ${firstSlot}`);
      }
      this.post.answer(key, ANALYTICS_BIT, "analytics", ANSWERS.get(code)!);
      return true;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      events?.refused?.(this.#meter, error);
      return false;
    }
  }

  #answered(row: WaitingCiphertext, who: string, code: Answer): void {
    this.#options.store.rememberAnswers(this.#number, row);
    if (code !== "stored" && code !== "duplicate") this.#tell({ ...windowOf(row), code, who });
    if (row.waiting === 0 && who !== "meter") this.#tell({ ...windowOf(row), code: "settled" });
  }

  #tell(event: CiphertextEvent): void {
    this.#options.events?.ciphertext?.(this.#meter, event);
  }
}

function windowOf({ series, firstSlot, slots }: CiphertextRow): Window & { readonly series: string } {
  return { series, firstSlot, slots };
}
