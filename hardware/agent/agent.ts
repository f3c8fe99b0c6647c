/**
 * One meter: readings in, sealed shares out to every aggregator, until each has settled them.
 * It knows its own readings and keys and nothing of other meters. All I/O (link, outbox, clock ticks, randomness) is
 * handed in. A reading is durable before any share of it leaves, and is resent until it is acknowledged end to end.
 */
import { createAckOpener, createShareSealer } from "../../protocol/envelope/index.ts";
import { AckDesk } from "./ack-desk.ts";
import type { AgentCompanion, AgentOptions } from "./agent-options.ts";
import { Companions } from "./companions.ts";
import { type Batch, Batches } from "./batches.ts";
import { topicOf } from "../../protocol/topics.ts";
import type { Kind } from "../../protocol/units.ts";
import { Channel } from "./channel.ts";
import { Greeting } from "./greeting.ts";
import type { Gap } from "./outbox.ts";
import { aggregatorBit, createRun, type PendingRun, PendingRuns, settlementOf } from "./pending-runs.ts";
import { ReadingsIntake } from "./readings-intake.ts";
import type { RegisterSample } from "./register.ts";
import { SettledMark } from "./settled-mark.ts";
import { sharedKind } from "./shared-kind.ts";
import { createShareCutter, type ShareCutter } from "./share-cutter.ts";

/** After this many resend periods without an ack the session with an aggregator is begun anew. */
const SILENT_PERIODS = 5;

export class MeterAgent {
  readonly meter: string;
  readonly #options: AgentOptions;
  /** The meter in its database. */
  readonly number: number;
  readonly #channels: readonly Channel[];
  readonly #topics: readonly string[];
  readonly #all: number;
  readonly #pending = new PendingRuns();
  readonly #readings: ReadingsIntake;
  readonly #sharesOf: ShareCutter;
  readonly #batches: Batches;
  readonly #greeting: Greeting;
  readonly #acks: AckDesk;
  readonly #settled: SettledMark;
  readonly #companions = new Companions();
  #helloAt = Number.NEGATIVE_INFINITY;

  constructor(options: AgentOptions) {
    const { secrets, settings, outbox } = options;
    this.#options = options;
    this.meter = secrets.meter;
    const indices = [...secrets.rootKeys.keys()].sort((a, b) => a - b);
    this.#channels = indices.map((aggregator) => {
      const rootKey = secrets.rootKeys.get(aggregator)!;
      return new Channel({
        aggregator,
        sealer: createShareSealer(rootKey, this.meter, aggregator),
        opener: createAckOpener(rootKey, this.meter, aggregator),
        maxInFlight: settings.maxInFlight,
        maxSlotsPerMessage: settings.maxSlotsPerMessage,
        bits: settings.bits,
      });
    });
    this.#topics = indices.map((index) => topicOf("share", { meter: this.meter, agg: String(index) }));
    this.#sharesOf = createShareCutter({
      key: secrets.polynomialKey,
      n: Math.max(...indices),
      t: settings.threshold,
      bits: settings.bits,
      cut: (run, x, entries) => options.events?.cut?.(this.meter, run, x, entries),
    });
    this.#all = indices.reduce((mask, index) => mask | aggregatorBit(index), 0);
    this.#batches = new Batches(settings.batchSlots, (batch) => this.#send(batch));
    const memory = outbox.boot(this.meter);
    this.number = memory.number;
    this.#greeting = new Greeting({
      meter: this.meter,
      boot: memory.boot,
      randomBytes: options.randomBytes,
      remember: (boot) => outbox.rememberBoot(memory.number, boot),
    });
    this.#readings = new ReadingsIntake({
      meter: this.meter,
      number: memory.number,
      outbox,
      rules: settings,
      role: settings.role,
      bits: settings.bits,
      registerState: memory.registerState,
      durable: (run) => this.#batches.add(run),
      gap: (gap) => options.events?.gap?.(this.meter, gap),
    });
    const keepSlots = Math.floor((settings.historyDays * 86_400) / settings.slotSeconds);
    this.#settled = new SettledMark({ number: memory.number, outbox, slot: memory.settledSlot, keepSlots });
    this.#acks = new AckDesk({
      pending: this.#pending,
      channels: this.#channels,
      readingAt: (kind, slot) => outbox.readingAt(memory.number, kind, slot),
      admit: (run, mask) => this.#admit(run, mask),
      finish: (run) => this.#finish(run),
      gap: (gap) => this.#reportGap(gap),
      late: (...slots) => this.#companions.late(...slots),
    });
    for (const run of outbox.runsSince(this.number, memory.settledSlot)) this.#admit(run, this.#all);
  }

  /** Readings that some aggregator has not settled, those still waiting for their batch included. */
  get unsettledSlots(): number {
    return this.#pending.slots + this.#batches.waiting;
  }

  /** The lowest slot that one of the given aggregators has not settled, or undefined. Batches not yet sent do not count. */
  oldestOutstanding(aggregators: Iterable<number>): number | undefined {
    let mask = 0;
    for (const x of aggregators) mask |= aggregatorBit(x);
    const oldest = this.#pending.oldest(mask);
    return oldest === Number.POSITIVE_INFINITY ? undefined : oldest;
  }

  /** Aggregators that have not answered for `milliseconds` although something waits for them. */
  silentAggregators(milliseconds: number): number[] {
    const before = this.#options.monotonic() - milliseconds;
    return this.#channels.filter((one) => one.busy && one.lastHeardAt < before).map((one) => one.aggregator);
  }

  /** Have fewer aggregators answered than a total needs, or has one of them been silent for much longer? */
  isUnheard(milliseconds: number, forOne: number): boolean {
    const heard = this.#channels.length - this.silentAggregators(milliseconds).length;
    return heard < this.#options.settings.threshold || this.silentAggregators(forOne).length > 0;
  }

  /** The slot after the last one taken of a kind. A head's import and export are what it shares as `head` kinds. */
  nextSlot(kind: Kind): number {
    return this.#readings.nextSlot(this.#shared(kind));
  }

  #shared(kind: Kind): Kind {
    return sharedKind(kind, this.#options.settings.role);
  }

  /** The slot boundary of the last register sample taken, or undefined before the first. */
  get registerSlot(): number | undefined {
    return this.#readings.registerSlot;
  }

  /** The slot after the last one of a kind that is committed. */
  durableSlot(kind: Kind): number {
    return this.#readings.durableSlot(this.#shared(kind));
  }

  /** How far slots [from, to) are settled; see `settlementOf`. */
  settlement(measured: Kind, from: number, to: number): "all" | "enough" | "open" {
    const kind = this.#shared(measured);
    for (let slot = from; slot < to; slot++) if (this.#batches.holds(kind, slot)) return "open";
    const { threshold } = this.#options.settings;
    return settlementOf(this.#pending, { kind, from, to }, { mask: this.#all, threshold });
  }

  /** Has an aggregator answered this start's challenge? */
  isOpen(aggregator: number): boolean {
    return this.#channels.some((channel) => channel.aggregator === aggregator && channel.open);
  }

  /** Someone more shares the connection; before the first message. */
  attach(companion: AgentCompanion): void {
    this.#companions.add(companion);
  }

  gaps(): Gap[] {
    return this.#options.outbox.gaps(this.number);
  }

  addReadings(kind: Kind, firstSlot: number, readings: readonly number[]): void {
    this.#readings.addReadings(this.#shared(kind), firstSlot, readings);
  }

  addSample(sample: RegisterSample): void {
    this.#readings.addSample(sample);
  }

  /** Sends batches that are not full, too: at the end of a period, or before stopping. */
  flushBatches(): void {
    this.#batches.flush();
  }

  #send({ kind, firstSlot, readings }: Batch): void {
    const { maxSlotsPerMessage } = this.#options.settings;
    for (let at = 0; at < readings.length; at += maxSlotsPerMessage) {
      const part = readings.slice(at, at + maxSlotsPerMessage);
      this.#admit({ kind, firstSlot: firstSlot + at, readings: part }, this.#all);
    }
    this.#pump();
  }

  #admit(stored: Batch, mask: number): void {
    const run = createRun(stored.kind, stored.firstSlot, stored.readings, mask);
    this.#pending.add(run);
    for (const channel of this.#channels) {
      if ((mask & aggregatorBit(channel.aggregator)) !== 0) channel.enqueue(run);
    }
    while (this.#pending.slots > this.#options.settings.outboxSlots) this.#giveUpOldest();
  }

  #giveUpOldest(): void {
    const oldest = this.#pending.first;
    if (oldest === undefined) return;
    oldest.outstanding.fill(0);
    this.#finish(oldest);
    const to = oldest.firstSlot + oldest.readings.length;
    this.#reportGap({ kind: oldest.kind, from: oldest.firstSlot, to, reason: "outbox-full" });
  }

  #reportGap(gap: Gap): void {
    this.#options.outbox.rememberGap(this.number, gap);
    this.#options.events?.gap?.(this.meter, gap);
  }

  #finish(run: PendingRun): void {
    if (!this.#pending.delete(run)) return;
    for (const channel of this.#channels) channel.settled(run);
    this.#settled.move();
    this.#options.events?.settled?.(this.meter, run.kind, run.firstSlot, run.readings.length);
  }

  /** Call on every connection: says hello, and sends again what the lost connection may have swallowed. */
  onConnect(): void {
    for (const channel of this.#channels) channel.requeue(Number.POSITIVE_INFINITY);
    this.#hello();
    this.#companions.connected();
    this.#pump();
  }

  #hello(): void {
    const { link, monotonic } = this.#options;
    if (!link.connected) return;
    this.#helloAt = monotonic();
    link.send(this.#greeting.topic, this.#greeting.text(), { retain: true }, this.#sent);
  }

  /** A failure usually means that the connection is gone: the next one says hello and sends everything again. */
  readonly #sent = (error?: Error): void => {
    if (error !== undefined && this.#options.link.connected) this.#options.events?.refused?.(this.meter, error);
  };

  /** Call about twice per resend period: resends what is overdue and renews sessions that went silent. */
  tick(): void {
    const { monotonic, link, settings } = this.#options;
    this.#settled.remember(() =>
      Math.min(this.#pending.oldest(this.#all), this.#batches.oldest, this.#readings.newestSlot),
    );
    if (!link.connected) return;
    const now = monotonic();
    const period = settings.resendSeconds * 1000;
    let helloDue = false;
    for (const channel of this.#channels) {
      const x = channel.aggregator;
      if (!channel.busy && !this.#companions.waitsFor(x)) continue;
      const silent = channel.busy && now - Math.max(channel.lastHeardAt, this.#helloAt) > SILENT_PERIODS * period;
      if (channel.open && (silent || this.#companions.doubts(x))) {
        // The aggregator may have come back with older memory; its acks would look replayed for ever.
        this.#greeting.renew();
        channel.reset();
      }
      if (channel.open) channel.requeue(now - period);
      else helloDue ||= now - this.#helloAt > period;
    }
    if (helloDue) this.#hello();
    this.#pump();
  }

  /** A message on one of this meter's subscriptions. Never throws: what is refused is reported as an event. */
  onMessage(topic: string, payload: Uint8Array): void {
    const aggregator = Number(topic.split("/")[3]);
    const channel = this.#channels.find((one) => one.aggregator === aggregator);
    if (channel === undefined) return;
    try {
      const { monotonic } = this.#options;
      const wasOpen = channel.open;
      const ack = channel.accept(payload, this.#greeting, monotonic());
      for (const entry of ack.entries) this.#acks.apply(channel, entry);
      this.#companions.acknowledged(aggregator, ack);
      if (!wasOpen) this.#companions.opened();
    } catch (error) {
      this.#options.events?.refused?.(this.meter, error);
      return;
    }
    this.#pump();
  }

  #pump(): void {
    const { link, monotonic, events } = this.#options;
    if (!link.connected) return;
    const now = monotonic();
    for (const [index, channel] of this.#channels.entries()) {
      const topic = this.#topics[index]!;
      for (;;) {
        const message = channel.next(now, this.#sharesOf);
        if (message === undefined) break;
        events?.sent?.(this.meter, channel.aggregator, message.slots, message.payload.length);
        link.send(topic, message.payload, {}, this.#sent);
      }
    }
  }
}
