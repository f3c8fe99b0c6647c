/**
 * The authority on a running system: sends enrol messages to the aggregators over MQTT, collects their countersignatures
 * and publishes the certificate. Nothing here trusts the broker: answers are sealed to the authority and signed.
 */
import { z } from "zod";
import { encodeCbor } from "../../protocol/cbor.ts";
import { ChunkAssembler, openServerMessage, splitChunks } from "../../protocol/envelope/index.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { type CountersignMessage, countersignMessage } from "../../protocol/messages/enrolment.ts";
import { aggregatorId, indexOfAggregator } from "../../protocol/names.ts";
import { filterOf, parseTopic, topicOf } from "../../protocol/topics.ts";
import { encodeCustomers } from "../keys/customers-file.ts";
import { openCustomers, type Party } from "../keys/index.ts";
import { EnrolmentError } from "./files.ts";
import { type Pending, pendingMeters, readPending } from "./pending.ts";
import type { RollBook } from "./roll-book.ts";
import { type Settled, settleChange } from "./settle.ts";

/** What is needed of a link to the broker. */
export interface EnrolLink {
  publish(topic: string, payload: Uint8Array): Promise<void>;
}

export interface OnlineOptions {
  readonly keys: string;
  readonly authority: Party;
  readonly book: RollBook;
  readonly link: EnrolLink;
  /** Seconds on any scale that does not go back. */
  readonly now: () => number;
  /** Unanswered messages are sent again after this time. */
  readonly retryMilliseconds: number;
}

/** Keys in one message: 2,000 times 32 bytes and a name fit the broker's packet limit. */
const CUSTOMERS_AT_ONCE = 2_000;

/** The filters that the link must be subscribed to. */
export const ENROL_SUBSCRIPTIONS: readonly string[] = [filterOf("enrolAnswer")];

export interface OnlineResult extends Settled {
  /** Aggregators that have not answered. */
  readonly silent: readonly number[];
  /** What aggregators that refuse have said. */
  readonly refusals: ReadonlyMap<number, string>;
}

export class OnlineEnrolment {
  readonly #options: OnlineOptions;
  readonly #chunks: ChunkAssembler;
  readonly #waiting = new Map<string, (answer: CountersignMessage) => void>();
  /** Messages that were refused, by code. */
  readonly refused = new Map<string, number>();

  constructor(options: OnlineOptions) {
    this.#options = options;
    this.#chunks = new ChunkAssembler(options.now);
  }

  /** Takes a message of the subscription. What is not a valid answer is counted in `refused`. */
  async receive(topic: string, payload: Uint8Array): Promise<void> {
    try {
      const answer = await this.#open(topic, payload);
      if (answer !== undefined) this.#waiting.get(`${answer.meter} ${answer.serial}`)?.(answer);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.refused.set(error.code, (this.refused.get(error.code) ?? 0) + 1);
    }
  }

  async #open(topic: string, payload: Uint8Array): Promise<CountersignMessage | undefined> {
    const parsed = parseTopic(topic);
    if (parsed?.name !== "enrolAnswer") throw new ProtocolError("wrong-topic", `no answer to an enrolment: ${topic}`);
    const sender = aggregatorId(Number(parsed.parameters.agg));
    const sealed = this.#chunks.add(sender, payload);
    if (sealed === undefined) return undefined;
    const { message } = await openServerMessage(sealed, this.#options.authority, sender);
    const answer = countersignMessage.safeParse(message);
    if (!answer.success) throw new ProtocolError("malformed", `an answer: ${z.prettifyError(answer.error)}`);
    if (answer.data.aggregator !== indexOfAggregator(sender)) {
      throw new ProtocolError("wrong-sender", `an answer of aggregator ${answer.data.aggregator} is by ${sender}`);
    }
    if (parsed.parameters.meter !== answer.data.meter) {
      throw new ProtocolError("wrong-topic", `an answer for ${answer.data.meter} is on another meter's topic`);
    }
    return answer.data;
  }

  /**
   * Asks every aggregator that has not countersigned, again and again until all have answered or `deadline` aborts, and
   * publishes the certificate as soon as it is whole. Throws EnrolmentError when fewer than q countersign; the change
   * stays pending, and the same command may be repeated.
   */
  async apply(pending: Pending, deadline: AbortSignal): Promise<OnlineResult> {
    const { keys, authority, book, link } = this.#options;
    const { meter } = pending.change;
    const refusals = await this.#collect(pending, deadline);
    const settled = settleChange(keys, authority, book, pending);
    const silent = this.#lacking(meter).filter((index) => !refusals.has(index));
    if (!settled.complete) {
      const said = [...refusals].map(([index, reason]) => `; ${aggregatorId(index)} refuses: ${reason}`);
      throw new EnrolmentError(
        `${meter}: ${authority.directory.q} of ${authority.directory.n} aggregators must countersign, ` +
          `${settled.countersignedBy.length} did${silent.length === 0 ? "" : `; no answer from ${ids(silent)}`}` +
          `${said.join("")}. The change is kept: repeat the command`,
      );
    }
    await this.#publishCustomers([meter]);
    await link.publish(topicOf("roll", {}), encodeCbor(book.certificate(meter)));
    return { ...settled, silent, refusals };
  }

  /** Sends what is pending again, and publishes every certificate, for parties that were away. */
  async sync(deadline: AbortSignal): Promise<ReadonlyMap<string, OnlineResult | EnrolmentError>> {
    const { authority, book, link } = this.#options;
    const results = new Map<string, OnlineResult | EnrolmentError>();
    for (const meter of pendingMeters(authority)) {
      const pending = readPending(authority, meter);
      if (pending === undefined || book.get(meter)?.record.serial !== pending.serial) continue;
      try {
        results.set(meter, await this.apply(pending, deadline));
      } catch (error) {
        if (!(error instanceof EnrolmentError)) throw error;
        results.set(meter, error);
      }
    }
    await this.#publishCustomers([...openCustomers(authority).keys()]);
    for (const certificate of book.certificates()) await link.publish(topicOf("roll", {}), encodeCbor(certificate));
    return results;
  }

  /** Customers' public keys for the utility, which may be on another machine: public, so signed and not sealed. */
  async #publishCustomers(meters: readonly string[]): Promise<void> {
    const { authority, link } = this.#options;
    const keys = openCustomers(authority);
    const known = meters.flatMap((meter): [string, Uint8Array][] => {
      const key = keys.get(meter);
      return key === undefined ? [] : [[meter, key]];
    });
    for (let at = 0; at < known.length; at += CUSTOMERS_AT_ONCE) {
      const list = encodeCustomers(new Map(known.slice(at, at + CUSTOMERS_AT_ONCE)), authority);
      await link.publish(topicOf("customers", {}), list);
    }
  }

  #lacking(meter: string): number[] {
    const { authority, book } = this.#options;
    const given = book.get(meter)?.countersignatures;
    return Array.from({ length: authority.directory.n }, (_, i) => i + 1).filter((index) => given?.has(index) !== true);
  }

  /** Resolves when nobody is left to answer, or at the deadline. */
  async #collect(pending: Pending, deadline: AbortSignal): Promise<Map<number, string>> {
    const { book, link, retryMilliseconds } = this.#options;
    const { meter } = pending.change;
    const key = `${meter} ${pending.serial}`;
    const refusals = new Map<number, string>();
    const open = (): number[] => this.#lacking(meter).filter((index) => !refusals.has(index));
    const send = async (): Promise<void> => {
      for (const index of open()) {
        const topic = topicOf("enrolRequest", { agg: String(index) });
        for (const chunk of splitChunks(pending.messages.get(aggregatorId(index))!)) await link.publish(topic, chunk);
      }
    };
    if (open().length === 0) return refusals;
    await new Promise<void>((resolve, reject) => {
      const finish = (): void => {
        clearInterval(timer);
        this.#waiting.delete(key);
        deadline.removeEventListener("abort", finish);
        resolve();
      };
      const fail = (error: unknown): void => {
        finish();
        reject(error instanceof Error ? error : new Error(String(error)));
      };
      this.#waiting.set(key, (answer) => {
        if (answer.countersignature === undefined) {
          refusals.set(answer.aggregator, answer.refusal ?? "no reason given");
        } else {
          book.addCountersignature(meter, answer.countersignature);
          refusals.delete(answer.aggregator);
        }
        if (open().length === 0) finish();
      });
      // A broker that is away for a moment is no reason to stop: the next attempt comes.
      const attempt = (): void => void send().catch((error: unknown) => (isLinkDown(error) ? undefined : fail(error)));
      const timer = setInterval(attempt, retryMilliseconds);
      deadline.addEventListener("abort", finish, { once: true });
      if (deadline.aborted) finish();
      else attempt();
    });
    return refusals;
  }
}

function isLinkDown(error: unknown): boolean {
  return error instanceof Error && error.name === "LinkError";
}

function ids(indices: readonly number[]): string {
  return indices.map(aggregatorId).join(", ");
}
