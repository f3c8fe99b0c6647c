/**
 * The gateway's side of a device's line on virtual time, with aggregators in process behind it: hellos are answered,
 * shares acknowledged, and a frame waits for the reply to the one before. For tests and measurements without a broker.
 */
import {
  type DeviceFrame,
  encodeHostFrame,
  FrameDecoder,
  FrameError,
  type HostFrame,
  parseDeviceFrame,
  REPLY_CODES,
  type StatusFrame,
} from "../../hardware/link/index.ts";
import type { Alarm } from "./avr/agenda.ts";
import type { EmulatedDevice } from "./emulated-device.ts";
import type { VirtualAggregator } from "./virtual-aggregator.ts";

const REPLY_SECONDS = 1;
const LINK_SECONDS = 60;

export interface VirtualHostOptions {
  readonly aggregators: readonly VirtualAggregator[];
  /** Asked for each message of an aggregator and to one: whether it is lost on its way. */
  readonly isLost?: () => boolean;
}

export class VirtualHost {
  readonly #options: VirtualHostOptions;
  readonly #decoder = new FrameDecoder();
  readonly #waiting: { frame: HostFrame; done: (code: number | undefined) => void }[] = [];
  #underWay: { frame: HostFrame; done: (code: number | undefined) => void } | undefined;
  #device: EmulatedDevice | undefined;
  #timeout: Alarm | undefined;
  #relink: Alarm | undefined;
  readonly replies: number[] = [];
  status: StatusFrame | undefined;
  fingerprint: Uint8Array | undefined;
  /** Frames with a wrong meaning; noise is the decoder's. */
  malformed = 0;
  hellos = 0;
  shares = 0;

  constructor(options: VirtualHostOptions) {
    this.#options = options;
  }

  /** Bytes from the device. */
  readonly take = (bytes: Uint8Array): void => {
    for (const raw of this.#decoder.push(bytes)) {
      try {
        this.#frame(parseDeviceFrame(raw));
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        this.malformed += 1;
      }
    }
  };

  /** Puts the host to the device's line. */
  attach(device: EmulatedDevice): void {
    this.#device = device;
    const { machine } = device;
    this.#timeout = machine.addAlarm(() => this.#settle(undefined));
    this.#relink = machine.addAlarm(() => this.#link());
  }

  /** Tells the device that the aggregators can be reached, now and every minute. */
  linkUp(): void {
    this.#link();
  }

  /** Sends a frame in its turn; `done` gets the reply's code, or undefined where none came. */
  send(frame: HostFrame, done: (code: number | undefined) => void = () => undefined): void {
    this.#waiting.push({ frame, done });
    this.#next();
  }

  #link(): void {
    const { aggregators } = this.#options;
    this.send({
      kind: "link",
      up: true,
      online: aggregators.reduce((bits, { index }) => bits | (1 << (index - 1)), 0),
    });
    this.#after(this.#relink, LINK_SECONDS);
  }

  #after(alarm: Alarm | undefined, seconds: number): void {
    const device = this.#device;
    if (device === undefined || alarm === undefined) throw new Error("the host is not attached to a device");
    device.machine.schedule(alarm, device.machine.now + seconds * device.cyclesPerSecond);
  }

  #next(): void {
    if (this.#underWay !== undefined) return;
    this.#underWay = this.#waiting.shift();
    if (this.#underWay === undefined) return;
    this.#device?.line.send(encodeHostFrame(this.#underWay.frame));
    this.#after(this.#timeout, REPLY_SECONDS);
  }

  #settle(code: number | undefined): void {
    const done = this.#underWay?.done;
    this.#underWay = undefined;
    done?.(code);
    this.#next();
  }

  #frame(frame: DeviceFrame): void {
    switch (frame.kind) {
      case "hello":
        this.hellos += 1;
        for (const aggregator of this.#options.aggregators) {
          if (this.#isLost()) continue;
          this.#ack(aggregator.index, aggregator.hello(frame.challenge, frame.boot));
        }
        return;
      case "share": {
        this.shares += 1;
        const aggregator = this.#options.aggregators.find(({ index }) => index === frame.aggregator);
        if (aggregator === undefined || this.#isLost()) return;
        this.#ack(aggregator.index, aggregator.share(frame.message));
        return;
      }
      case "status":
        this.status = frame;
        return;
      case "identity":
        this.fingerprint = frame.fingerprint;
        return;
      case "reply":
        this.replies.push(frame.code);
        this.#settle(frame.code);
    }
  }

  #ack(aggregator: number, message: Uint8Array | undefined): void {
    if (message === undefined || this.#isLost()) return;
    this.send({ kind: "ack", aggregator, message });
  }

  #isLost(): boolean {
    return this.#options.isLost?.() ?? false;
  }
}

/** Sends frames one after the other; throws the first that is not answered with `done`. */
export function provisionDevice(device: EmulatedDevice, host: VirtualHost, frames: readonly HostFrame[]): void {
  device.setJumper(true);
  let failed: string | undefined;
  let left = frames.length;
  for (const [index, frame] of frames.entries()) {
    host.send(frame, (code) => {
      left -= 1;
      if (code !== REPLY_CODES.done) failed ??= `frame ${index} was answered with ${code ?? "nothing"}`;
    });
  }
  for (let seconds = 0; left > 0 && seconds < 60; seconds += 0.1) device.run(0.1);
  device.setJumper(false);
  if (failed !== undefined || left > 0) throw new Error(`provisioning failed: ${failed ?? "no reply"}`);
}
