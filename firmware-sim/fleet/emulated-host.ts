/**
 * Emulated devices in one process: the firmware's binary for each, a gateway's relay and TLS connection for each, and the
 * conductor's time for all. Whatever has come for a device goes before the next device's slot.
 */
import type { BrokerAddress } from "../../config/runtime/broker-address.ts";
import { join } from "node:path";
import type { Config } from "../../config/index.ts";
import { openMeterSecrets, openParty } from "../../config/keys/index.ts";
import { connectLink, type Link } from "../../config/runtime/link.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import { meterLastWill } from "../../hardware/agent/index.ts";
import { relaySubscriptions } from "../../hardware/gateway/device-relay.ts";
import { loadFirmware } from "../emulator/firmware.ts";
import type { ReadingsSource } from "../loads/index.ts";
import { nameOf, PURPOSES, RandomStream } from "../loads/random.ts";
import { DeviceFile } from "./device-file.ts";
import { EmulatedMeter } from "./emulated-meter.ts";
import type { HostCounters, HostProgress } from "./host-messages.ts";

const CONNECTING_AT_ONCE = 16;
const POLL_MILLISECONDS = 20;

export interface EmulatedHostOptions {
  readonly config: Config;
  readonly data: string;
  /** Where the devices are kept. */
  readonly folder: string;
  readonly source: ReadingsSource;
  readonly meters: readonly number[];
  readonly seed: number;
  readonly log: Logger;
  readonly endpoint: (meterIndex: number) => Promise<BrokerAddress>;
  readonly monotonic: () => number;
}

interface Hosted {
  readonly index: number;
  readonly meter: EmulatedMeter;
  readonly file: DeviceFile;
  readonly link: Link;
}

export class EmulatedHost {
  readonly #options: EmulatedHostOptions;
  readonly #hosted: Hosted[] = [];
  readonly #awake = new Set<EmulatedMeter>();
  readonly #program = loadFirmware();
  #isWorking = false;
  #fed: number | null = null;
  #wanted: number | null = null;
  #flushed: number | null = null;
  #feeding = false;
  #started = false;
  #stopped = false;
  #absent: readonly number[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #counters: HostCounters = {
    ...{ readings: 0, exports: 0, settled: 0, shareMessages: 0, shareSlots: 0, shareBytes: 0, gaps: 0, refused: 0 },
  };

  constructor(options: EmulatedHostOptions) {
    this.#options = options;
  }

  /** Puts every device to work and waits until those that are new know the time, or for the patience. */
  async start(connected: () => void): Promise<void> {
    const { config, meters } = this.#options;
    const waiting = [...meters];
    const connectSome = async (): Promise<void> => {
      for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
        this.#hosted.push(await this.#open(index));
        connected();
      }
    };
    await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, connectSome));
    this.#timer = setInterval(() => this.#tick(), config.meter.resendSeconds * 1_000);
    await this.#until(() => this.#hosted.every(({ meter }) => meter.isReady));
    this.#started = true;
    if (this.#wanted !== null) await this.advance(this.#wanted);
  }

  async #open(index: number): Promise<Hosted> {
    const { config, data, folder, source, log, seed, monotonic, endpoint } = this.#options;
    const id = source.meters[index]!.id;
    const keys = join(data, "keys", id);
    const party = openParty(keys);
    const stream = new RandomStream().enter([seed, 0], nameOf(id), 0, PURPOSES.device);
    const register = source.registersAt?.(index, source.range.from).importWh ?? 0;
    const file = new DeviceFile(join(folder, `${id}.device`), register);
    const handle: { link?: Link } = {};
    const meter = new EmulatedMeter({
      ...{ id, program: this.#program, secrets: openMeterSecrets(keys), file, monotonic },
      threshold: party.directory.t,
      slotSeconds: config.system.slotSeconds,
      link: {
        get connected() {
          return handle.link?.connected ?? false;
        },
        send: (topic, payload, options, done) => {
          if (handle.link === undefined) done(new Error(`${id} is not connected`));
          else handle.link.send(topic, payload, options, done);
        },
      },
      random: () => stream.uniform(),
      wake: (one) => this.#wake(one),
      sent: (bytes) => {
        this.#counters.shareMessages += 1;
        this.#counters.shareSlots += 1;
        this.#counters.shareBytes += bytes;
      },
      refused: (code, detail) => {
        this.#counters.refused += 1;
        log.debug({ meter: id, code, detail }, "refused");
      },
    });
    const broker = await endpoint(index);
    const link = await connectLink({
      ...{ ...broker, party, log: log.child({ meter: id }), settings: config.link },
      will: meterLastWill(id),
      subscriptions: relaySubscriptions(id),
      onMessage: (topic, payload) => meter.onMessage(topic, payload),
      onConnect: (connected) => {
        handle.link = connected;
        meter.linkChanged();
      },
      onDisconnect: () => meter.linkChanged(),
    });
    return { index, meter, file, link };
  }

  #wake(meter: EmulatedMeter): void {
    this.#awake.add(meter);
    if (this.#isWorking) return;
    this.#isWorking = true;
    setImmediate(() => this.#work());
  }

  #work(): void {
    const [next] = this.#awake;
    this.#isWorking = next !== undefined;
    if (next === undefined || this.#stopped) return;
    this.#awake.delete(next);
    next.work();
    setImmediate(() => this.#work());
  }

  /** Lets every slot up to and including `slot` pass; returns when this host has caught up. */
  async advance(slot: number): Promise<void> {
    this.#wanted = Math.max(this.#wanted ?? slot, slot);
    if (this.#feeding || !this.#started) return;
    this.#feeding = true;
    while (!this.#stopped && (this.#fed === null || this.#fed < this.#wanted)) {
      // The conductor tells of each slot; one that ended before this process began is over for its devices.
      const next = this.#fed === null ? this.#wanted : this.#fed + 1;
      for (const { meter, index } of this.#hosted) {
        const { importWh } = this.#options.source.registersAt?.(index, next + 1) ?? { importWh: 0 };
        this.#counters.readings += meter.advance(next, importWh) ? 1 : 0;
        await new Promise((resolve) => setImmediate(resolve));
      }
      this.#fed = next;
    }
    this.#feeding = false;
  }

  flushBatches(number: number): void {
    if (this.#started) this.#flushed = number;
  }

  #tick(): void {
    const patience = this.#options.config.simulation.patienceSeconds * 1_000;
    const absent = new Set<number>();
    for (const { meter } of this.#hosted) {
      for (const aggregator of meter.silentAggregators(patience)) absent.add(aggregator);
      if (!this.#awake.has(meter) && meter.isWaiting) meter.wait();
    }
    this.#absent = [...absent].sort((a, b) => a - b);
  }

  async #until(condition: () => boolean): Promise<void> {
    const { monotonic, config } = this.#options;
    const end = monotonic() + config.simulation.patienceSeconds * 1_000;
    while (!this.#stopped && !condition() && monotonic() < end) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
    }
  }

  progress(): HostProgress {
    const all = Array.from({ length: this.#options.config.system.aggregators }, (_, index) => index + 1);
    const present = all.filter((x) => !this.#absent.includes(x));
    let oldest: number | null = null;
    let settled = 0;
    let gaps = 0;
    for (const { meter } of this.#hosted) {
      const slot = meter.oldestOutstanding(present);
      if (slot !== undefined && (oldest === null || slot < oldest)) oldest = slot;
      settled += meter.settled;
      gaps += meter.watch.gaps;
    }
    const connected = this.#hosted.filter(({ link }) => link.connected).length;
    const counters = { ...this.#counters, settled, gaps };
    return {
      ...{
        type: "progress",
        fed: this.#fed,
        oldest,
        absent: this.#absent,
        connected,
        flushed: this.#flushed,
        counters,
      },
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    for (const { meter } of this.#hosted) meter.close();
    await Promise.all(this.#hosted.map(({ link }) => link.close()));
    for (const { file } of this.#hosted) file.close();
  }
}
