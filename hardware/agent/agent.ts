/**
 * One meter: readings in, sealed shares out to every aggregator, until each has settled them.
 * It knows its own readings and keys and nothing of other meters. All I/O (link, outbox, clock ticks, randomness) is
 * handed in. A reading is durable before any share of it leaves, and is resent until it is acknowledged end to end.
 */
import { createAckOpener, createShareSealer } from "../../protocol/envelope/index.ts";
import { ACK_CODES, type AckEntry } from "../../protocol/messages/ack-codes.ts";
import type { MeterStatus } from "../../protocol/messages/public.ts";
import { ENTRY_BYTES } from "../../protocol/shamir/share-entries.ts";
import { splitBatch } from "../../protocol/shamir/split.ts";
import { filterOf, topicOf } from "../../protocol/topics.ts";
import { type Kind, kindName, kindOf } from "../../protocol/units.ts";
import { Channel } from "./channel.ts";
import type { Gap, Outbox } from "./outbox.ts";
import { aggregatorBit, cellKey, createRun, isOutstanding, type PendingRun, settleSlot } from "./pending-run.ts";
import { differenceSample, type RegisterRules, type RegisterSample, type RegisterState } from "./register.ts";

/** After this many resend periods without an ack the session with an aggregator is begun anew. */
const SILENT_PERIODS = 5;

/** What a meter holds: see docs/protocol.md, "Folders of keys". */
export interface MeterSecrets {
  readonly meter: string;
  readonly polynomialKey: Uint8Array;
  /** By aggregator index. */
  readonly rootKeys: ReadonlyMap<number, Uint8Array>;
}

export interface AgentSettings extends RegisterRules {
  readonly threshold: number;
  /** Slots per message when readings come one by one; a batch is aligned to multiples of it. */
  readonly batchSlots: number;
  readonly maxSlotsPerMessage: number;
  /** Readings that may wait for acks; beyond it the oldest becomes a gap. */
  readonly outboxSlots: number;
  readonly resendSeconds: number;
  readonly maxInFlight: number;
  readonly historyDays: number;
}

/** The part of a connection that the agent uses. What could not be sent is reported, and sent again by the agent. */
export interface AgentLink {
  readonly connected: boolean;
  send(
    topic: string,
    payload: Uint8Array | string,
    options: { readonly retain?: boolean },
    done: (error?: Error) => void,
  ): void;
}

export interface AgentEvents {
  /** A slot was given up: an aggregator refused it for good, or the outbox was full, or the register had a gap. */
  readonly gap?: (meter: string, gap: Gap) => void;
  /** A message from an aggregator was refused. */
  readonly refused?: (meter: string, error: unknown) => void;
  /** A reading was settled by every aggregator. */
  readonly settled?: (meter: string, kind: number, firstSlot: number, count: number) => void;
  /** A share message went out. */
  readonly sent?: (meter: string, aggregator: number, slots: number, bytes: number) => void;
}

export interface AgentOptions {
  readonly secrets: MeterSecrets;
  readonly settings: AgentSettings;
  readonly outbox: Outbox;
  readonly link: AgentLink;
  /** Fresh random bytes, for challenges only. */
  readonly randomBytes: (size: number) => Uint8Array;
  /** Milliseconds on a clock that never goes back; only differences count. */
  readonly monotonic: () => number;
  readonly events?: AgentEvents;
}

interface Batch {
  readonly kind: Kind;
  readonly firstSlot: number;
  readonly readings: number[];
}

export class MeterAgent {
  readonly meter: string;
  readonly #options: AgentOptions;
  readonly #number: number;
  readonly #channels: readonly Channel[];
  readonly #topics: readonly string[];
  readonly #all: number;
  readonly #bySlot = new Map<number, PendingRun>();
  readonly #pending = new Set<PendingRun>();
  readonly #nextSlot = new Map<number, number>();
  readonly #batches = new Map<number, Batch>();
  #pendingSlots = 0;
  #challenge: Uint8Array;
  /** The highest boot number that this meter has used or been granted; durable. */
  #highestBoot: number;
  /** What the current challenge's hello names: an answer must grant more. */
  #challengeBoot: number;
  #registerState: RegisterState;
  #settledSlot: number;
  #settledDirty = false;
  #helloAt = Number.NEGATIVE_INFINITY;

  constructor(options: AgentOptions) {
    const { secrets, settings, outbox } = options;
    this.#options = options;
    this.meter = secrets.meter;
    const indices = [...secrets.rootKeys.keys()].sort((a, b) => a - b);
    this.#channels = indices.map((aggregator) => {
      const rootKey = secrets.rootKeys.get(aggregator) as Uint8Array;
      return new Channel({
        aggregator,
        sealer: createShareSealer(rootKey, this.meter, aggregator),
        opener: createAckOpener(rootKey, this.meter, aggregator),
        maxInFlight: settings.maxInFlight,
        maxSlotsPerMessage: settings.maxSlotsPerMessage,
      });
    });
    this.#topics = indices.map((index) => topicOf("share", { meter: this.meter, agg: String(index) }));
    this.#all = indices.reduce((mask, index) => mask | aggregatorBit(index), 0);
    this.#challenge = options.randomBytes(16);
    const memory = outbox.boot(this.meter);
    this.#number = memory.number;
    this.#highestBoot = memory.boot;
    this.#challengeBoot = memory.boot;
    this.#registerState = memory.registerState;
    this.#settledSlot = memory.settledSlot;
    for (const run of outbox.runsSince(this.#number, memory.settledSlot)) this.#admit(run, this.#all);
  }

  /** The subscriptions this meter needs. */
  static subscriptions(meter: string): string[] {
    return [filterOf("ack", { meter })];
  }

  /** The last will that belongs to this meter's connection. */
  static lastWill(meter: string): { topic: string; payload: string; retain: true } {
    const status: MeterStatus = { state: "offline" };
    return { topic: topicOf("meterStatus", { meter }), payload: JSON.stringify(status), retain: true };
  }

  /** Readings that some aggregator has not settled, those still waiting for their batch included. */
  get unsettledSlots(): number {
    let waiting = 0;
    for (const batch of this.#batches.values()) waiting += batch.readings.length;
    return this.#pendingSlots + waiting;
  }

  /** The lowest slot that one of the given aggregators has not settled, or undefined. Batches not yet sent do not count. */
  oldestOutstanding(aggregators: Iterable<number>): number | undefined {
    let mask = 0;
    for (const x of aggregators) mask |= aggregatorBit(x);
    let oldest: number | undefined;
    for (const run of this.#pending) {
      if ((oldest === undefined || run.firstSlot < oldest) && isOutstanding(run, mask)) oldest = run.firstSlot;
    }
    return oldest;
  }

  /** Aggregators that have not answered for `milliseconds` although something waits for them. */
  silentAggregators(milliseconds: number): number[] {
    const before = this.#options.monotonic() - milliseconds;
    return this.#channels.filter((one) => one.busy && one.lastHeardAt < before).map((one) => one.aggregator);
  }

  /** The slot after the last one taken of a kind. */
  nextSlot(kind: Kind): number {
    const known = this.#nextSlot.get(kind);
    if (known !== undefined) return known;
    const stored = this.#options.outbox.nextSlot(this.#number, kind);
    this.#nextSlot.set(kind, stored);
    return stored;
  }

  /** The slot boundary of the last register sample taken, or undefined before the first. */
  get registerSlot(): number | undefined {
    return this.#registerState.import?.slot;
  }

  gaps(): Gap[] {
    return this.#options.outbox.gaps(this.#number);
  }

  /**
   * Takes interval readings of consecutive slots, in watt-hours. Throws RangeError on an unknown kind, a value that is
   * not an integer of 0 or more, and a slot that is not above the last one taken of this kind: no slot has two readings.
   */
  addReadings(kind: Kind, firstSlot: number, readings: readonly number[], registerState?: RegisterState): void {
    const name = kindName(kind);
    for (const value of readings) {
      if (!Number.isSafeInteger(value) || value < 0) {
        throw new RangeError(`readings: ${name} of ${this.meter} from slot ${firstSlot} must be integers of 0 or more`);
      }
    }
    if (readings.length === 0) return;
    const expected = this.nextSlot(kind);
    if (firstSlot < expected) {
      throw new RangeError(`firstSlot: ${name} of ${this.meter} is already taken up to slot ${expected}, got ${firstSlot}`);
    }
    this.#nextSlot.set(kind, firstSlot + readings.length);
    const run = { kind, firstSlot, readings };
    const durable = (): void => this.#collect(run);
    this.#options.outbox.append(this.#number, run, durable, registerState);
  }

  /** Takes a register sample; see register.ts. Readings and register state become durable together. */
  addSample(sample: RegisterSample): void {
    const { settings, outbox, events } = this.#options;
    const result = differenceSample(this.#registerState, sample, settings);
    if (result.state === this.#registerState) return;
    this.#registerState = result.state;
    for (const reading of result.readings) {
      this.addReadings(reading.kind, reading.slot, [reading.energyWh], result.state);
    }
    if (result.readings.length === 0) outbox.rememberRegister(this.#number, result.state);
    for (const event of result.events) {
      const gap = { kind: event.direction === "import" ? 1 : 2, from: event.from, to: event.to, reason: event.code };
      outbox.rememberGap(this.#number, gap);
      events?.gap?.(this.meter, gap);
    }
  }

  /** Collects durable readings into aligned batches; what comes in bulk is already a batch. */
  #collect(run: { kind: Kind; firstSlot: number; readings: readonly number[] }): void {
    const { batchSlots } = this.#options.settings;
    if (batchSlots === 1 || run.readings.length >= batchSlots) {
      this.#send(run.kind, run.firstSlot, run.readings);
      return;
    }
    let batch = this.#batches.get(run.kind);
    if (batch !== undefined && batch.firstSlot + batch.readings.length !== run.firstSlot) {
      this.#closeBatch(run.kind);
      batch = undefined;
    }
    if (batch === undefined) {
      batch = { kind: run.kind, firstSlot: run.firstSlot, readings: [] };
      this.#batches.set(run.kind, batch);
    }
    batch.readings.push(...run.readings);
    const next = batch.firstSlot + batch.readings.length;
    const boundary = (Math.floor(batch.firstSlot / batchSlots) + 1) * batchSlots;
    if (next >= boundary) this.#closeBatch(run.kind);
  }

  #closeBatch(kind: number): void {
    const batch = this.#batches.get(kind);
    if (batch === undefined) return;
    this.#batches.delete(kind);
    this.#send(batch.kind, batch.firstSlot, batch.readings);
  }

  /** Sends batches that are not full, too: at the end of a period, or before stopping. */
  flushBatches(): void {
    for (const kind of [...this.#batches.keys()]) this.#closeBatch(kind);
  }

  #send(kind: Kind, firstSlot: number, readings: readonly number[]): void {
    const { maxSlotsPerMessage } = this.#options.settings;
    for (let at = 0; at < readings.length; at += maxSlotsPerMessage) {
      const part = readings.slice(at, at + maxSlotsPerMessage);
      this.#admit({ kind, firstSlot: firstSlot + at, readings: part }, this.#all);
    }
    this.#pump();
  }

  #admit(stored: { kind: Kind; firstSlot: number; readings: readonly number[] }, mask: number): void {
    const run = createRun(stored.kind, stored.firstSlot, stored.readings, mask);
    this.#pending.add(run);
    this.#pendingSlots += run.readings.length;
    for (let i = 0; i < run.readings.length; i++) this.#bySlot.set(cellKey(run.kind, run.firstSlot + i), run);
    for (const channel of this.#channels) {
      if ((mask & aggregatorBit(channel.aggregator)) !== 0) channel.enqueue(run);
    }
    while (this.#pendingSlots > this.#options.settings.outboxSlots) this.#giveUpOldest();
  }

  #giveUpOldest(): void {
    const [oldest] = this.#pending;
    if (oldest === undefined) return;
    oldest.outstanding.fill(0);
    this.#finish(oldest);
    const to = oldest.firstSlot + oldest.readings.length;
    this.#reportGap({ kind: oldest.kind, from: oldest.firstSlot, to, reason: "outbox-full" });
  }

  #reportGap(gap: Gap): void {
    this.#options.outbox.rememberGap(this.#number, gap);
    this.#options.events?.gap?.(this.meter, gap);
  }

  #finish(run: PendingRun): void {
    if (!this.#pending.delete(run)) return;
    this.#pendingSlots -= run.readings.length;
    for (let i = 0; i < run.readings.length; i++) this.#bySlot.delete(cellKey(run.kind, run.firstSlot + i));
    for (const channel of this.#channels) channel.settled(run);
    this.#settledDirty = true;
    this.#options.events?.settled?.(this.meter, run.kind, run.firstSlot, run.readings.length);
  }

  /** Call on every connection: says hello, and sends again what the lost connection may have swallowed. */
  onConnect(): void {
    for (const channel of this.#channels) channel.requeue(Number.POSITIVE_INFINITY);
    this.#hello();
    this.#pump();
  }

  #hello(): void {
    const { link, monotonic } = this.#options;
    if (!link.connected) return;
    this.#helloAt = monotonic();
    const challenge = Buffer.from(this.#challenge).toString("hex");
    const status: MeterStatus = { state: "online", challenge, boot: this.#challengeBoot };
    const topic = topicOf("meterStatus", { meter: this.meter });
    link.send(topic, JSON.stringify(status), { retain: true }, this.#sent);
  }

  /** A failure usually means that the connection is gone: the next one says hello and sends everything again. */
  readonly #sent = (error?: Error): void => {
    if (error !== undefined && this.#options.link.connected) this.#options.events?.refused?.(this.meter, error);
  };

  /** Call about twice per resend period: resends what is overdue and renews sessions that went silent. */
  tick(): void {
    const { monotonic, link, settings } = this.#options;
    this.#rememberSettled();
    if (!link.connected) return;
    const now = monotonic();
    const period = settings.resendSeconds * 1000;
    let helloDue = false;
    for (const channel of this.#channels) {
      if (!channel.busy) continue;
      if (channel.open && now - Math.max(channel.lastHeardAt, this.#helloAt) > SILENT_PERIODS * period) {
        // The aggregator may have come back with older memory; its acks would look replayed for ever.
        this.#challenge = this.#options.randomBytes(16);
        this.#challengeBoot = this.#highestBoot;
        channel.reset();
      }
      if (channel.open) channel.requeue(now - period);
      else helloDue ||= now - this.#helloAt > period;
    }
    if (helloDue) this.#hello();
    this.#pump();
  }

  #rememberSettled(): void {
    if (!this.#settledDirty) return;
    this.#settledDirty = false;
    let oldest = Number.POSITIVE_INFINITY;
    for (const run of this.#pending) oldest = Math.min(oldest, run.firstSlot);
    for (const batch of this.#batches.values()) oldest = Math.min(oldest, batch.firstSlot);
    const newest = Math.max(...this.#nextSlot.values(), 0);
    const settled = Math.min(oldest, newest) - 1;
    if (settled <= this.#settledSlot) return;
    this.#settledSlot = settled;
    const { outbox, settings } = this.#options;
    outbox.rememberSettled(this.#number, settled);
    const keep = Math.floor((settings.historyDays * 86_400) / settings.slotSeconds);
    if (settled > keep) outbox.forget(this.#number, settled - keep, settled);
  }

  /** A message on one of this meter's subscriptions. Never throws: what is refused is reported as an event. */
  onMessage(topic: string, payload: Uint8Array): void {
    const aggregator = Number(topic.split("/")[3]);
    const channel = this.#channels.find((one) => one.aggregator === aggregator);
    if (channel === undefined) return;
    try {
      const { monotonic } = this.#options;
      const ack = channel.accept(payload, this.#challenge, monotonic(), (boot) => this.#grant(boot));
      for (const entry of ack.entries) this.#applyAck(channel, entry);
    } catch (error) {
      this.#options.events?.refused?.(this.meter, error);
      return;
    }
    this.#pump();
  }

  /** Makes a granted boot number durable; false when it is not above the one that the hello named. */
  #grant(boot: number): boolean {
    if (boot <= this.#challengeBoot) return false;
    if (boot > this.#highestBoot) {
      this.#options.outbox.rememberBoot(this.#number, boot);
      this.#highestBoot = boot;
    }
    return true;
  }

  #applyAck(channel: Channel, entry: AckEntry): void {
    const x = channel.aggregator;
    if (entry.code === ACK_CODES.resend) {
      this.#sendAgain(entry, x);
      return;
    }
    const refused = entry.code === ACK_CODES.conflict || entry.code === ACK_CODES.closed;
    if (refused) {
      const reason = `${entry.code === ACK_CODES.conflict ? "conflict" : "closed"}:${x}`;
      this.#reportGap({ kind: entry.kind, from: entry.firstSlot, to: entry.firstSlot + entry.count, reason });
    }
    for (let slot = entry.firstSlot; slot < entry.firstSlot + entry.count; slot++) {
      const run = this.#bySlot.get(cellKey(entry.kind, slot));
      if (run === undefined || !settleSlot(run, slot, x)) continue;
      channel.settled(run);
      if (!isOutstanding(run, this.#all)) this.#finish(run);
    }
  }

  #sendAgain(entry: AckEntry, x: number): void {
    const mask = aggregatorBit(x);
    for (let slot = entry.firstSlot; slot < entry.firstSlot + entry.count; slot++) {
      const run = this.#bySlot.get(cellKey(entry.kind, slot));
      if (run !== undefined) {
        // It is on its way to someone: this aggregator joins in.
        const index = slot - run.firstSlot;
        const bits = run.outstanding[index] ?? 0;
        if ((bits & mask) !== 0) continue;
        run.outstanding[index] = bits | mask;
        this.#channels.find((one) => one.aggregator === x)?.enqueue(run);
        continue;
      }
      const reading = this.#options.outbox.readingAt(this.#number, entry.kind, slot);
      if (reading !== undefined) this.#admit({ kind: kindOf(entry.kind), firstSlot: slot, readings: [reading] }, mask);
    }
  }

  #pump(): void {
    const { link, monotonic, events } = this.#options;
    if (!link.connected) return;
    const now = monotonic();
    for (const [index, channel] of this.#channels.entries()) {
      const topic = this.#topics[index] as string;
      for (;;) {
        const message = channel.next(now, (run, x) => this.#sharesOf(run, x));
        if (message === undefined) break;
        events?.sent?.(this.meter, channel.aggregator, message.slots, message.payload.length);
        link.send(topic, message.payload, {}, this.#sent);
      }
    }
  }

  #sharesOf(run: PendingRun, x: number): Uint8Array {
    const kept = run.shares?.[x - 1];
    if (kept !== undefined && run.shares !== undefined) {
      run.shares[x - 1] = undefined;
      return kept;
    }
    const { secrets, settings } = this.#options;
    const n = Math.max(...secrets.rootKeys.keys());
    const out = Array.from({ length: n }, () => new Uint8Array(ENTRY_BYTES * run.readings.length));
    const { kind, firstSlot, readings } = run;
    splitBatch({ key: secrets.polynomialKey, kind, firstSlot, readings, n, t: settings.threshold, out });
    const own = out[x - 1] as Uint8Array;
    run.shares = out.map((shares, index) => (index === x - 1 ? undefined : shares));
    return own;
  }
}
