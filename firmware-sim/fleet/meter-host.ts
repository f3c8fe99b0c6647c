/**
 * Many simulated meters in one process: each is a real agent with its own keys and its own TLS connection.
 * Simulated are the household behind the meter and the passing of time; everything after the register is the product.
 */
import type { BrokerAddress } from "../../config/runtime/broker-address.ts";
import type { Config } from "../../config/index.ts";
import type { SqliteDatabase } from "../../config/runtime/database.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import type { AgentEvents, MeterAgent, Outbox } from "../../hardware/agent/index.ts";
import { KINDS, type Kind } from "../../protocol/units.ts";
import type { ReadingsSource } from "../loads/index.ts";
import { HostCiphertexts } from "./host-ciphertexts.ts";
import type { FeedPlan, HostCounters, HostProgress } from "./host-messages.ts";
import { type HostedMeter, openHostedMeter } from "./hosted-meter.ts";
import { showcaseFile } from "./fleet-roles.ts";
import { Showcase } from "./showcase.ts";
import type { PowerSupply } from "./power-supply.ts";

const CONNECTING_AT_ONCE = 32;
const METERS_PER_TURN = 250;

export interface MeterHostOptions {
  readonly config: Config;
  readonly data: string;
  readonly source: ReadingsSource;
  /** Where its readings come from. */
  readonly feed: FeedPlan["kind"];
  /** Which of the source's meters live here. */
  readonly meters: readonly number[];
  readonly outbox: Outbox;
  /** The outbox's. */
  readonly database: SqliteDatabase;
  readonly log: Logger;
  /** Where a meter finds the broker; a simulated network puts a relay in between. */
  readonly endpoint: (meterIndex: number) => Promise<BrokerAddress>;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly monotonic: () => number;
  /** When devices restart or are off; left out, they never are. */
  readonly power?: PowerSupply | undefined;
}

export class MeterHost {
  readonly #options: MeterHostOptions;
  readonly #meters: HostedMeter[] = [];
  readonly #absent = new Set<number>();
  readonly #ciphertexts: HostCiphertexts;
  #fed: number | null = null;
  #wanted: number | null = null;
  #flushed: number | null = null;
  #feeding = false;
  /** All meters are there; whoever is told of a slot before that would pass over those that are not. */
  #started = false;
  #timer: NodeJS.Timeout | undefined;
  readonly counters: HostCounters = {
    readings: 0,
    exports: 0,
    settled: 0,
    shareMessages: 0,
    shareSlots: 0,
    shareBytes: 0,
    gaps: 0,
    refused: 0,
  };

  constructor(options: MeterHostOptions) {
    this.#options = options;
    const { config, database, outbox, log, monotonic, source } = options;
    const readUpTo = (): number => ((this.#fed ?? -1) + 1) * source.slotSeconds;
    this.#ciphertexts = new HostCiphertexts({ config, database, outbox, log, monotonic, readUpTo });
  }

  /** Opens every meter's folder, connects it, and starts the resend clock. `connected` is called as they come up. */
  async start(connected: (count: number) => void): Promise<void> {
    const waiting = [...this.#options.meters];
    let up = 0;
    const connectSome = async (): Promise<void> => {
      for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
        const first = index === this.#options.meters[0];
        this.#meters.push(await this.#open(index, await this.#options.endpoint(index), first));
        connected(++up);
      }
    };
    await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, connectSome));
    this.#started = true;
    if (this.#wanted !== null) await this.advance(this.#wanted);
    this.#timer = setInterval(() => this.#tick(), this.#options.config.meter.resendSeconds * 500);
  }

  #open(index: number, endpoint: BrokerAddress, first: boolean): Promise<HostedMeter> {
    const { config, data, source, outbox, log, randomBytes, monotonic } = this.#options;
    const id = source.meters[index]?.id;
    if (id === undefined) throw new RangeError(`meters: the source has no meter of index ${index}`);
    return openHostedMeter({
      ...{ config, data, index, id, outbox, log, endpoint, randomBytes, monotonic },
      role: source.isHead?.(index) === true ? "head" : "customer",
      events: this.#events(),
      ciphertexts: this.#ciphertexts,
      showcase: this.#showcaseOf(index, id),
      subscriptions: first ? this.#ciphertexts.subscriptions : [],
    });
  }

  /** The first household of all is shown, unless readings were taken from a file: those may be somebody's. */
  #showcaseOf(index: number, meter: string): Showcase | undefined {
    const { config, data, source, feed, monotonic } = this.#options;
    if (index !== 0 || feed !== "generated" || source.isHead?.(0) === true) return undefined;
    const { aggregators, threshold } = config.system;
    const { slotSeconds } = source;
    const feederOf = (slot: number): string => source.feederOf(index, slot);
    const file = showcaseFile(data);
    return new Showcase({ meter, feederOf, slotSeconds, aggregators, threshold, monotonic, file });
  }

  #events(): AgentEvents {
    const { counters } = this;
    return {
      gap: (meter, gap) => {
        counters.gaps += gap.to - gap.from;
        this.#options.log.warn({ meter, ...gap }, "gap");
      },
      refused: (meter, error) => {
        counters.refused += 1;
        this.#options.log.debug({ meter, err: error }, "refused");
      },
      settled: (_meter, _kind, _slot, count) => {
        counters.settled += count;
      },
      sent: (_meter, _aggregator, slots, bytes) => {
        counters.shareMessages += 1;
        counters.shareSlots += slots;
        counters.shareBytes += bytes;
      },
    };
  }

  /** Takes the readings of every slot up to and including `slot`; returns when this host has caught up. */
  async advance(slot: number): Promise<void> {
    this.#wanted = Math.max(this.#wanted ?? slot, slot);
    if (this.#feeding || !this.#started) return;
    this.#feeding = true;
    while (this.#fed === null || this.#fed < this.#wanted) {
      const to = this.#wanted;
      const from = this.#fed === null ? this.#options.source.range.from : this.#fed + 1;
      for (const [count, meter] of this.#meters.entries()) {
        this.#feed(meter, from, to);
        if (count % METERS_PER_TURN === METERS_PER_TURN - 1) await new Promise((resolve) => setImmediate(resolve));
      }
      this.#fed = to;
      for (const { ciphertexts } of this.#meters) ciphertexts?.poll();
    }
    this.#feeding = false;
  }

  /** Simulated households have registers, which the agent differences; replayed files have intervals. */
  #feed(meter: HostedMeter, from: number, to: number): void {
    const { source } = this.#options;
    if (source.registersAt === undefined || source.isHead?.(meter.index) === true) this.#feedIntervals(meter, from, to);
    else this.#feedRegister(meter, from, to);
  }

  /** Shows the agent its register at every slot boundary, unless the device is without power just then. */
  #feedRegister(meter: HostedMeter, from: number, to: number): void {
    const { source, power } = this.#options;
    const { index } = meter;
    const withExport = source.hasExport(index);
    for (let boundary = Math.max(from, (meter.agent.registerSlot ?? -1) + 1); boundary <= to + 1; boundary++) {
      if (boundary > from && power?.restartsIn(index, boundary - 1) === true) meter.restart();
      const { importWh, exportWh } = this.#registerAt(meter, boundary);
      if (power?.isDown(index, boundary) === true) continue;
      const time = boundary * source.slotSeconds;
      const { agent } = meter;
      const kinds = withExport ? [KINDS.import, KINDS.export] : [KINDS.import];
      const before = kinds.map((kind) => agent.nextSlot(kind));
      agent.addSample(withExport ? { time, importWh, exportWh } : { time, importWh });
      const taken = kinds.filter((kind, i) => agent.nextSlot(kind) !== before[i]);
      this.#count(taken.length, taken.includes(KINDS.export) ? 1 : 0);
    }
  }

  #registerAt(meter: HostedMeter, boundary: number): { importWh: number; exportWh: number } {
    const { source } = this.#options;
    const last = meter.register;
    if (last?.boundary === boundary - 1) {
      const energy = source.read(meter.index, boundary - 1);
      // A slot that cannot be measured is one in which the register was set back.
      last.importWh = energy === undefined ? 0 : last.importWh + energy.importWh;
      last.exportWh += energy?.exportWh ?? 0;
      last.boundary = boundary;
      return last;
    }
    const register = source.registersAt?.(meter.index, boundary) ?? { importWh: 0, exportWh: 0 };
    meter.register = { boundary, ...register };
    return register;
  }

  /** Hands over runs of consecutive readings; what the outbox already has (after a restart) is skipped. */
  #feedIntervals({ index, agent }: HostedMeter, from: number, to: number): void {
    const { source } = this.#options;
    for (const kind of source.hasExport(index) ? [KINDS.import, KINDS.export] : [KINDS.import]) {
      let run: number[] = [];
      const first = Math.max(from, agent.nextSlot(kind));
      for (let slot = first; slot <= to; slot++) {
        const energy = source.read(index, slot);
        if (energy === undefined) {
          this.#hand(agent, kind, slot - run.length, run, source.isHead?.(index));
          run = [];
        } else run.push(kind === KINDS.import ? energy.importWh : energy.exportWh);
      }
      this.#hand(agent, kind, to + 1 - run.length, run, source.isHead?.(index));
    }
  }

  #hand(agent: MeterAgent, kind: Kind, firstSlot: number, run: readonly number[], isHead = false): void {
    if (run.length === 0) return;
    // What is counted is what customers' meters read.
    if (!isHead) this.#count(run.length, kind === KINDS.export ? run.length : 0);
    agent.addReadings(kind, firstSlot, run);
  }

  #count(readings: number, exports: number): void {
    this.counters.readings += readings;
    this.counters.exports += exports;
  }

  /** Sends what batches hold back; `number` is reported once that is done. Repeated by the conductor until it is. */
  flushBatches(number: number): void {
    if (!this.#started) return;
    this.#options.outbox.flush();
    for (const { agent } of this.#meters) agent.flushBatches();
    this.#flushed = number;
  }

  #tick(): void {
    this.#absent.clear();
    const { simulation, meter, link: settings } = this.#options.config;
    const patience = simulation.patienceSeconds * 1000;
    for (const { agent, ciphertexts, link } of this.#meters) {
      agent.tick();
      link.noteWaiting(() => agent.isUnheard(meter.resendSeconds * 2_000, settings.deafSeconds * 1_000));
      ciphertexts?.tick();
      for (const aggregator of agent.silentAggregators(patience)) this.#absent.add(aggregator);
    }
  }

  progress(): HostProgress {
    let oldest: number | null = null;
    const all = Array.from({ length: this.#options.config.system.aggregators }, (_, index) => index + 1);
    const present = all.filter((x) => !this.#absent.has(x));
    for (const { agent } of this.#meters) {
      const slot = agent.oldestOutstanding(present);
      if (slot !== undefined && (oldest === null || slot < oldest)) oldest = slot;
    }
    const connected = this.#meters.filter(({ link }) => link.connected).length;
    const ciphertexts = this.#ciphertexts.progress(() =>
      this.#meters.reduce((sum, meter) => sum + (meter.ciphertexts?.unsettled ?? 0), 0),
    );
    return {
      type: "progress",
      fed: this.#fed,
      oldest,
      absent: [...this.#absent].sort(),
      connected,
      flushed: this.#flushed,
      counters: { ...this.counters },
      ...(ciphertexts === undefined ? {} : { ciphertexts }),
    };
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#options.outbox.flush();
    await Promise.all(this.#meters.map((meter) => meter.close()));
    await this.#ciphertexts.close();
    // Answers that came while the connections closed.
    this.#options.outbox.flush();
  }
}
