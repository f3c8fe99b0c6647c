/**
 * The way from one meter to one aggregator: hello, the boot number it granted, what waits, and what is in flight.
 * Sends nothing before this process start's challenge is answered, so no nonce is used twice (docs/protocol.md).
 */
import type { AckOpener, Ack, ShareSealer } from "../../protocol/envelope/index.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { type BitsByKind, bitsOfKind } from "../../protocol/range/bit-entries.ts";
import { compareMessageNumbers, type MessageNumber } from "../../protocol/messages/ack-codes.ts";
import type { Greeting } from "./greeting.ts";
import { aggregatorBit, isOutstanding, type PendingRun } from "./pending-runs.ts";

const MAX_COUNTER = 0xffff_ffff;

export interface ChannelOptions {
  readonly aggregator: number;
  readonly sealer: ShareSealer;
  readonly opener: AckOpener;
  /** Messages that may wait for this aggregator's ack at the same time. */
  readonly maxInFlight: number;
  readonly maxSlotsPerMessage: number;
  readonly bits: BitsByKind;
}

/** A sealed message ready to be published. */
export interface Outgoing {
  readonly payload: Uint8Array;
  readonly slots: number;
}

interface Flight {
  sentAt: number;
  runs: readonly PendingRun[];
}

export class Channel {
  readonly aggregator: number;
  readonly #options: ChannelOptions;
  readonly #bit: number;
  #queue: PendingRun[] = [];
  #head = 0;
  readonly #flights = new Map<PendingRun, Flight>();
  #messagesInFlight = 0;
  #session: { boot: number; counter: number } | undefined;
  #highestAck: MessageNumber | undefined;
  #lastHeardAt = 0;

  constructor(options: ChannelOptions) {
    this.aggregator = options.aggregator;
    this.#options = options;
    this.#bit = aggregatorBit(options.aggregator);
  }

  /** Has the aggregator answered this process start's challenge? */
  get open(): boolean {
    return this.#session !== undefined;
  }

  /** Is anything waiting or in flight? */
  get busy(): boolean {
    return this.#flights.size > 0 || this.#head < this.#queue.length;
  }

  /** When the last ack was accepted, on the caller's monotonic clock in milliseconds. */
  get lastHeardAt(): number {
    return this.#lastHeardAt;
  }

  enqueue(run: PendingRun): void {
    this.#queue.push(run);
  }

  /** Forgets the session: nothing is sent until a new challenge is answered. What was in flight waits again. */
  reset(): void {
    this.#session = undefined;
    this.#highestAck = undefined;
    this.requeue(Number.POSITIVE_INFINITY);
  }

  /** Puts back what was sent before `sentBefore` (monotonic milliseconds) and is not settled. */
  requeue(sentBefore: number): void {
    const late: PendingRun[] = [];
    for (const [run, flight] of this.#flights) {
      if (flight.sentAt >= sentBefore) continue;
      this.#land(run);
      if (isOutstanding(run, this.#bit)) late.push(run);
    }
    if (late.length === 0) return;
    this.#queue = [...late, ...this.#queue.slice(this.#head)];
    this.#head = 0;
  }

  /** The next message to publish, or undefined when nothing may or need be sent now. */
  next(now: number, sharesOf: (run: PendingRun, aggregator: number) => Uint8Array): Outgoing | undefined {
    const session = this.#session;
    if (session === undefined || this.#messagesInFlight >= this.#options.maxInFlight) return undefined;
    // The last counter is never used: the agent asks for a new boot instead of wrapping round.
    if (session.counter >= MAX_COUNTER) {
      this.reset();
      return undefined;
    }
    const runs = this.#takeConsecutive();
    const [first] = runs;
    if (first === undefined) return undefined;
    const parts = runs.map((run) => sharesOf(run, this.aggregator));
    const entries = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    const flight = { sentAt: now, runs };
    for (const run of runs) this.#flights.set(run, flight);
    this.#messagesInFlight += 1;
    const number = { boot: session.boot, counter: session.counter++ };
    const slots = runs.reduce((sum, run) => sum + run.readings.length, 0);
    const { sealer, bits } = this.#options;
    const { kind, firstSlot } = first;
    return { payload: sealer.seal(kind, firstSlot, number, entries, bitsOfKind(bits, kind)), slots };
  }

  #takeConsecutive(): PendingRun[] {
    const taken: PendingRun[] = [];
    let slots = 0;
    while (this.#head < this.#queue.length) {
      const run = this.#queue[this.#head];
      if (run === undefined) break;
      if (this.#flights.has(run) || !isOutstanding(run, this.#bit)) {
        this.#head += 1;
        continue;
      }
      const previous = taken.at(-1);
      const follows =
        previous === undefined ||
        (previous.kind === run.kind &&
          previous.firstSlot + previous.readings.length === run.firstSlot &&
          slots + run.readings.length <= this.#options.maxSlotsPerMessage);
      if (!follows) break;
      taken.push(run);
      slots += run.readings.length;
      this.#head += 1;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }

  /**
   * Opens an ack. The answer to the greeting starts the session, once its boot number is durable; any other
   * ack must be newer than the last. Throws ProtocolError `replayed` for one that is not, and what the opener throws.
   */
  accept(payload: Uint8Array, greeting: Pick<Greeting, "challenge" | "grant">, now: number): Ack {
    const { number, ack } = this.#options.opener.open(payload);
    if (this.#session === undefined) {
      const { hello } = ack;
      const answers = hello !== undefined && Buffer.compare(hello.challenge, greeting.challenge) === 0;
      if (!answers || !greeting.grant(hello.boot)) {
        throw new ProtocolError(
          "replayed",
          `ack of aggregator ${this.aggregator} does not answer this start's challenge`,
        );
      }
      this.#session = { boot: hello.boot, counter: 0 };
    } else if (this.#highestAck !== undefined && compareMessageNumbers(number, this.#highestAck) <= 0) {
      throw new ProtocolError("replayed", `ack of aggregator ${this.aggregator} is not newer than the last one`);
    }
    this.#highestAck = number;
    this.#lastHeardAt = now;
    return ack;
  }

  /** Takes note that a run may have been settled with this aggregator. */
  settled(run: PendingRun): void {
    if (this.#flights.has(run) && !isOutstanding(run, this.#bit)) this.#land(run);
  }

  #land(run: PendingRun): void {
    const flight = this.#flights.get(run);
    if (flight === undefined) return;
    this.#flights.delete(run);
    if (!flight.runs.some((other) => this.#flights.get(other) === flight)) this.#messagesInFlight -= 1;
  }
}
