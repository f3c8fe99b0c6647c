/**
 * A device, its aggregators and a gateway between them that hands everything on at once, second by second. The gateway
 * may be told to lose, hold back or repeat what passes.
 */
import type { DeviceFrame, HelloFrame, HostFrame, Provisioning, ReplyFrame } from "../../../link/index.ts";
import { HostDevice } from "./device.ts";

/** What a street needs of an aggregator: each answers with the acks that it sends at once. */
export interface StreetAggregator {
  readonly index: number;
  online: boolean;
  onHello(hello: HelloFrame, time: number): readonly Uint8Array[];
  onShare(message: Uint8Array, time: number): readonly Uint8Array[];
}

export interface StreetSystem {
  readonly aggregators: readonly StreetAggregator[];
  readonly provisioning: Provisioning;
}

export class Street {
  readonly device: HostDevice;
  readonly system: StreetSystem;
  /** Unix time at the device's start. */
  epoch: number;
  /** Seconds that the device's clock runs fast per second. */
  drift = 0;
  /** Seconds between two calls of the device. */
  stride = 1;
  linkUp = true;
  /** What the gateway does with an ack: hands it on (the default), or keeps it. */
  onAck: (aggregator: number, message: Uint8Array) => boolean = () => true;
  readonly replies: ReplyFrame[] = [];
  readonly frames: DeviceFrame[] = [];
  #elapsed = 0;
  #linkSaid = Number.NEGATIVE_INFINITY;

  constructor(device: HostDevice, system: StreetSystem, epoch: number) {
    this.device = device;
    this.system = system;
    this.epoch = epoch;
  }

  /** A provisioned device, powered, with a gateway that says that the link is up. */
  static async create(epoch: number, system: StreetSystem, device?: HostDevice): Promise<Street> {
    const street = new Street(device ?? (await HostDevice.create()), system, epoch);
    await street.device.boot();
    await street.device.provision(system.provisioning);
    return street;
  }

  /** The true time. */
  get now(): number {
    return this.epoch + this.#elapsed;
  }

  get online(): number {
    return this.system.aggregators.reduce((mask, { online, index }) => mask | (online ? 1 << (index - 1) : 0), 0);
  }

  /** Power comes back after `seconds` without it. */
  async restart(seconds = 0): Promise<void> {
    this.epoch = this.now + seconds;
    this.#elapsed = 0;
    this.#linkSaid = Number.NEGATIVE_INFINITY;
    await this.#deliver(await this.device.boot());
  }

  /** Lets `seconds` pass; `pulsesIn` gives the pulses of each second. Ends early when the power is cut. */
  async run(seconds: number, pulsesIn: (time: number) => number = () => 0): Promise<void> {
    const end = this.#elapsed + seconds;
    while (this.#elapsed < end && !this.device.isOff) {
      const pulses = pulsesIn(this.now);
      if (pulses > 0) await this.device.pulses(pulses);
      await this.step();
      this.#elapsed += this.stride;
    }
  }

  /** One second, the present one. */
  async step(): Promise<void> {
    await this.device.setUptime(Math.floor(this.#elapsed * (1 + this.drift)));
    if (this.linkUp && this.#elapsed - this.#linkSaid >= 30) await this.sayLink(true);
    if (this.device.isOff) return;
    await this.#deliver(await this.device.poll());
  }

  async sayLink(up: boolean): Promise<void> {
    this.#linkSaid = this.#elapsed;
    await this.say({ kind: "link", up, online: this.online });
  }

  async say(frame: HostFrame): Promise<void> {
    await this.#deliver(await this.device.say(frame));
  }

  async #deliver(frames: readonly DeviceFrame[]): Promise<void> {
    for (const frame of frames) {
      if (frame.kind === "reply") this.replies.push(frame);
      else this.frames.push(frame);
      for (const aggregator of this.system.aggregators) {
        if (!aggregator.online) continue;
        const isShare = frame.kind === "share" && frame.aggregator === aggregator.index;
        const acks = isShare
          ? aggregator.onShare(frame.message, this.now)
          : frame.kind === "hello"
            ? aggregator.onHello(frame, this.now)
            : [];
        for (const ack of acks) await this.ack(aggregator.index, ack);
      }
    }
  }

  /** Hands an ack to the device, unless the gateway keeps it. */
  async ack(aggregator: number, message: Uint8Array): Promise<void> {
    if (this.device.isOff || !this.onAck(aggregator, message)) return;
    await this.say({ kind: "ack", aggregator, message });
  }

  async status() {
    const frames = await this.device.say({ kind: "ask", what: "status" });
    const status = frames.find((frame) => frame.kind === "status");
    if (status === undefined) throw new Error("the device gave no status");
    return status;
  }
}
