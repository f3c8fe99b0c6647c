/**
 * One emulated device of a fleet, with its gateway's relay: pulses of a slot in, sealed shares out. The fleet's time
 * stands still between slots while shares are acknowledged; the device's own goes on meanwhile, and its next slot is
 * shorter by that, until acks have set its clock.
 */
import { DeviceRelay } from "../../hardware/gateway/device-relay.ts";
import type { AgentLink } from "../../hardware/agent/agent-options.ts";
import { provisioningFrames } from "../../hardware/link/index.ts";
import { directionKey } from "../../protocol/envelope/aead.ts";
import { parseTopic } from "../../protocol/topics.ts";
import { type MeterSecrets } from "../../config/keys/index.ts";
import { EmulatedDevice, streamOf } from "../emulator/emulated-device.ts";
import { keptState, type KeptState } from "../emulator/kept-state.ts";
import { provisionDevice, VirtualHost } from "../emulator/virtual-host.ts";
import { AckWatch } from "./ack-watch.ts";
import type { DeviceFile } from "./device-file.ts";

/** One pulse for each Wh, so that bills are exact to the pulse. */
const PULSES_PER_KWH = 1_000;
const CHECKPOINT_PULSES = 64;
const RESEND_SECONDS = 30;
/** The device gives the link up after 150 s without a frame. */
const LINK_SECONDS = 100;
/** No pulse comes closer to a boundary than this part of a slot: the device's clock may be wrong by seconds. */
const LEAD_PART = 16;
/** Longest time for what a frame sets off. */
const WORK_SECONDS = 5;
/** What has not been answered for so long may have been lost. */
const PATIENCE_MILLISECONDS = 2_000;
/** Of a slot's time, what waiting for acks may take at most. */
const WAIT_PART = 4;

/** How long before a slot a device must be told the time, to count in it. */
export function leadSeconds(slotSeconds: number): number {
  return Math.floor(slotSeconds / LEAD_PART);
}

export interface EmulatedMeterOptions {
  readonly id: string;
  readonly program: Uint16Array;
  readonly secrets: MeterSecrets;
  readonly threshold: number;
  readonly slotSeconds: number;
  readonly file: DeviceFile;
  /** The meter's connection to the broker. */
  readonly link: AgentLink;
  readonly random: () => number;
  readonly monotonic: () => number;
  /** Something came for the device: it wants `work`. */
  readonly wake: (meter: EmulatedMeter) => void;
  readonly sent: (bytes: number) => void;
  readonly refused: (code: string, detail?: string) => void;
}

export class EmulatedMeter {
  readonly id: string;
  readonly watch: AckWatch;
  readonly #options: EmulatedMeterOptions;
  readonly #device: EmulatedDevice;
  readonly #stream;
  #receive: (bytes: Uint8Array) => void = () => undefined;
  #relay: DeviceRelay | undefined;
  /** Readings that every aggregator has settled, since this process began. */
  settled = 0;
  #dirty = true;
  #kept: KeptState | undefined;
  /** Pulses on its input since it was put in. */
  #pulses: number;
  /** By how many seconds the device's clock may be ahead of the fleet's. */
  #ahead = 0;
  #knowsTime = false;
  /** The fleet's time that the device has lived to, Unix seconds. */
  #reached = 0;
  /** Acks that tell a time to come. */
  readonly #early: [string, Uint8Array][] = [];
  #spokeAt: number;

  constructor(options: EmulatedMeterOptions) {
    const { id, program, secrets, file, random, wake } = options;
    this.#options = options;
    this.id = id;
    this.#spokeAt = options.monotonic();
    this.watch = new AckWatch({ secrets, monotonic: options.monotonic });
    const device = new EmulatedDevice({
      ...{ program, image: file.image, random },
      onData: (bytes) => {
        // What leaves must not be forgotten by what stays.
        this.#save();
        this.#receive(bytes);
      },
    });
    this.#device = device;
    device.machine.eeprom.onChange = () => {
      this.#dirty = true;
    };
    this.#stream = streamOf(device.line, () => wake(this));
    if (this.kept === undefined) this.#provision();
    this.#pulses = this.kept!.pulses;
    device.runUntilIdle(1);
    this.#save();
    this.#receive = (bytes) => this.#stream.push(bytes);
    this.#open();
  }

  /** What the device would come back with. */
  get kept(): KeptState | undefined {
    this.#save();
    return this.#kept;
  }

  /** The last slot that it has closed, or undefined before its first boundary. */
  get lastSlot(): number | undefined {
    return this.kept?.boundaries.at(-1)?.slot;
  }

  /** It has been told the time, and is in the slot in which the fleet is. */
  get isReady(): boolean {
    return this.#knowsTime;
  }

  /** Something that it has to tell has not been answered, or it has no clock yet. */
  get isWaiting(): boolean {
    return !this.#knowsTime || (this.kept?.boundaries ?? []).some(({ isSettled }) => !isSettled);
  }

  /** The lowest slot that a present aggregator has not settled. */
  oldestOutstanding(present: readonly number[]): number | undefined {
    const waiting = (this.kept?.boundaries ?? []).filter(({ isSettled }) => !isSettled);
    return waiting.find(({ kind, slot }) => present.some((a) => !this.watch.isSettled(a, kind, slot)))?.slot;
  }

  /** Aggregators that leave it waiting for longer than the patience. */
  silentAggregators(patienceMilliseconds: number): number[] {
    return this.watch.silent(patienceMilliseconds, (a) => this.oldestOutstanding([a]) !== undefined);
  }

  onMessage(topic: string, payload: Uint8Array): void {
    const parsed = parseTopic(topic);
    const time = parsed?.name === "ack" ? this.watch.ack(Number(parsed.parameters.agg), payload) : undefined;
    // The fleet's clock moves to the end of a slot before its devices live through it.
    if (time !== undefined && this.#knowsTime && time > this.#reached) this.#early.push([topic, payload]);
    else this.#relay?.onMessage(topic, payload);
  }

  linkChanged(): void {
    this.#relay?.linkChanged();
  }

  /** Lets the device work on what has come. */
  work(): void {
    this.#spend(() => this.#device.runUntilIdle(WORK_SECONDS));
    this.#save();
    if (!this.#knowsTime && this.watch.greeted >= this.#options.threshold) this.#begin();
  }

  /** It knows the time: a moment before a slot begins, or where a process that was killed has come back to. */
  #begin(): void {
    const { slotSeconds } = this.#options;
    this.#knowsTime = true;
    const left = slotSeconds - (this.watch.time % slotSeconds);
    this.#ahead = 0;
    this.#reached = this.watch.time;
    if (left > leadSeconds(slotSeconds)) return;
    this.#reached += left;
    this.#run(left + 1);
    this.#ahead = 1;
  }

  /** Nothing has come for a while: the device's time goes on until it sends again, within bounds. */
  wait(): void {
    const { slotSeconds, monotonic } = this.#options;
    const now = monotonic();
    if (now - Math.max(this.#spokeAt, this.watch.heardAt) < PATIENCE_MILLISECONDS) return;
    this.#spokeAt = now;
    if (!this.#knowsTime) this.#greetAgain();
    else if (this.#ahead < slotSeconds / WAIT_PART) this.#spend(() => this.#run(RESEND_SECONDS));
  }

  /** Who could tell it the time was not there, and it may be wrong by now: it starts again. */
  #greetAgain(): void {
    const { machine } = this.#device;
    machine.powerDown();
    machine.powerUp();
    this.#device.runUntilIdle(1);
    this.#relay?.repeatLink();
    this.work();
  }

  /** Lets a slot pass, at whose end the register has counted `registerWh`; false if it is over for this device. */
  advance(slot: number, registerWh: number): boolean {
    const { slotSeconds, file } = this.#options;
    if (this.#knowsTime && this.#reached > slot * slotSeconds) return false;
    const end = (slot + 1) * slotSeconds;
    const device = this.#device;
    const due = registerWh - file.offsetWh;
    const margin = leadSeconds(slotSeconds);
    const room = slotSeconds - this.#ahead;
    device.planPulses(due - this.#pulses, margin, room - 2 * margin);
    this.#pulses = due;
    this.#run(room - margin);
    const latest = device.machine.now + (2 * margin + this.#ahead) * device.cyclesPerSecond;
    this.#relay?.repeatLink();
    while (device.machine.now < latest && this.lastSlot !== slot) device.run(1);
    this.#save();
    this.#ahead = 1;
    this.#reached = end;
    for (const [topic, payload] of this.#early.splice(0)) this.#relay?.onMessage(topic, payload);
    return true;
  }

  close(): void {
    this.#relay?.close();
    this.#stream.destroy();
    this.#save();
  }

  #spend(work: () => void): void {
    const { machine, cyclesPerSecond } = this.#device;
    const before = machine.now;
    work();
    this.#ahead += (machine.now - before) / cyclesPerSecond;
  }

  /** Time with the gateway at the line: it tells of the link again and again. */
  #run(seconds: number): void {
    for (let left = seconds; left > 0; left -= LINK_SECONDS) {
      this.#relay?.repeatLink();
      this.#device.run(Math.min(left, LINK_SECONDS));
    }
    this.#save();
  }

  #save(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    const image = this.#device.machine.eeprom.image();
    this.#options.file.save(image);
    const open = new Set(this.#kept?.boundaries.filter(({ isSettled }) => !isSettled).map(({ slot }) => slot));
    this.#kept = keptState(image);
    this.settled += this.#kept?.boundaries.filter(({ slot, isSettled }) => isSettled && open.has(slot)).length ?? 0;
  }

  #open(): void {
    const { id, link, sent, refused } = this.#options;
    const counted: AgentLink = {
      get connected() {
        return link.connected;
      },
      send: (topic, payload, options, done) => {
        const parsed = parseTopic(topic);
        this.#spokeAt = this.#options.monotonic();
        if (parsed?.name === "share") sent(payload.length);
        link.send(topic, payload, options, done);
      },
    };
    this.#relay = new DeviceRelay({
      ...{ meter: id, line: this.#stream, link: counted, refused },
      count: () => undefined,
    });
  }

  #provision(): void {
    const { id, secrets, threshold, slotSeconds } = this.#options;
    const peers = [...secrets.rootKeys.entries()]
      .sort(([a], [b]) => a - b)
      .map(([, key]) => ({ shareKey: directionKey(key, "wv/1/share"), ackKey: directionKey(key, "wv/1/ack") }));
    const { frames } = provisioningFrames({
      ...{ meter: id, polynomialKey: secrets.polynomialKey, peers, threshold, slotSeconds },
      ...{ checkpoint: CHECKPOINT_PULSES, pulsesPerKwh: PULSES_PER_KWH, resendSeconds: RESEND_SECONDS },
    });
    const host = new VirtualHost({ aggregators: [] });
    host.attach(this.#device);
    this.#receive = host.take;
    this.#device.run(1);
    provisionDevice(this.#device, host, frames);
  }
}
