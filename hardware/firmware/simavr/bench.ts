/**
 * A simulated device on a bench: provisioned over its line, answered by stand-ins for its aggregators, fed with pulses.
 * The world's clock is the chip's.
 */
import { randomBytes } from "node:crypto";
import { directionKey } from "../../../protocol/envelope/aead.ts";
import type { ShareMessage } from "../../../protocol/envelope/index.ts";
import {
  type DeviceFrame,
  encodeHostFrame,
  FrameDecoder,
  type HelloFrame,
  type HostFrame,
  parseDeviceFrame,
  type Provisioning,
  provisioningFrames,
  REPLY_CODES,
  replyName,
} from "../../link/index.ts";
import { CPU_HZ, type PulseTrain, type Ran, type Simulator } from "./simulator.ts";
import { StandInAggregator } from "./stand-in-aggregator.ts";

const METER = "m-001";
/** Unix time at cycle 0: ten seconds before a quarter of an hour begins. */
const FIRST_TIME = 900 * 2_000_000 - 10;
const JUMPER = "D4";
/** Provisioning clears the whole EEPROM, 3.4 ms a byte. */
const REPLY_MS = 8_000;

/** A share as it came, with the bytes that it took on the line. */
export interface SeenShare {
  readonly aggregator: number;
  readonly share: ShareMessage;
  readonly wireBytes: number;
}

/** What a bench asks of a chip, whoever simulates it. */
export type BenchChip = Pick<Simulator, "send" | "runMs" | "runToFrame" | "pulses" | "drive">;

export interface BenchSettings extends Partial<Provisioning> {
  readonly rootKeys?: readonly Uint8Array[];
}

export class Bench {
  readonly chip: BenchChip;
  readonly n: number;
  readonly #provisioning: Provisioning;
  readonly #aggregators: readonly StandInAggregator[];
  readonly #decoder = new FrameDecoder();
  readonly #frames: DeviceFrame[] = [];
  readonly shares: SeenShare[] = [];
  #cycle = 0;
  #lineBytes = 0;

  /** `rootKeys` and `polynomialKey` are drawn anew where they are not given. */
  constructor(chip: BenchChip, n: number, { rootKeys = randomKeys(n), ...settings }: BenchSettings = {}) {
    this.chip = chip;
    this.n = n;
    this.#aggregators = rootKeys.map((key, index) => new StandInAggregator(key, METER, index + 1));
    this.#provisioning = {
      ...{ meter: METER, polynomialKey: randomBytes(32), threshold: 2, checkpoint: 64, slotSeconds: 900 },
      ...{ pulsesPerKwh: 1000, resendSeconds: 10 },
      ...settings,
      peers: rootKeys.map((key) => ({
        shareKey: directionKey(key, "wv/1/share"),
        ackKey: directionKey(key, "wv/1/ack"),
      })),
    };
  }

  get time(): number {
    return FIRST_TIME + this.#cycle / CPU_HZ;
  }

  /** Frames that came by themselves and were not looked at yet. */
  takeFrames(): DeviceFrame[] {
    return this.#frames.splice(0);
  }

  async runMs(milliseconds: number): Promise<void> {
    this.#hear(await this.chip.runMs(milliseconds));
  }

  async pulses(train: PulseTrain): Promise<void> {
    this.#hear(await this.chip.pulses(train));
  }

  /** Runs to the given Unix time. */
  async runTo(time: number): Promise<void> {
    await this.runMs((time - this.time) * 1000);
  }

  /** Sends a frame and runs until its reply; returns the word for its code. Throws Error when none comes. */
  async exchange(frame: HostFrame): Promise<string> {
    await this.chip.send(encodeHostFrame(frame));
    for (const end = this.#cycle + (REPLY_MS * CPU_HZ) / 1000; this.#cycle < end; ) {
      this.#hear(await this.chip.runToFrame(REPLY_MS));
      const reply = this.#frames.findIndex(({ kind }) => kind === "reply");
      if (reply >= 0) return replyName((this.#frames.splice(reply, 1)[0] as { code: number }).code);
    }
    throw new Error(`the device does not reply to ${frame.kind}`);
  }

  /** Gives a blank device its settings and keys. Throws Error with the device's word when it refuses. */
  async provision(): Promise<void> {
    await this.chip.drive(JUMPER, 0);
    for (const frame of provisioningFrames(this.#provisioning).frames) await this.#done(frame);
    await this.chip.drive(JUMPER, 1);
  }

  /** Link up, all aggregators online: the device says hello, they answer. */
  async connect(): Promise<void> {
    await this.#done({ kind: "link", up: true, online: 2 ** this.n - 1 });
    await this.runMs(200);
    const hello = this.takeFrames().find((frame): frame is HelloFrame => frame.kind === "hello");
    if (hello === undefined) throw new Error("the device says no hello");
    for (const [index, aggregator] of this.#aggregators.entries()) {
      await this.#done({ kind: "ack", aggregator: index + 1, message: aggregator.greet(hello, this.time) });
    }
  }

  /** Keeps the link up, as a gateway does every minute. */
  async keepLink(): Promise<void> {
    await this.#done({ kind: "link", up: true, online: 2 ** this.n - 1 });
  }

  /** Acknowledges shares to the aggregators that they were for. */
  async acknowledge(shares: readonly SeenShare[]): Promise<void> {
    for (const { aggregator, share } of shares) {
      const message = this.#aggregators[aggregator - 1]!.acknowledge(share, this.time);
      await this.#done({ kind: "ack", aggregator, message });
    }
  }

  async #done(frame: HostFrame): Promise<void> {
    const word = await this.exchange(frame);
    if (word !== replyName(REPLY_CODES.done)) throw new Error(`the device answers ${frame.kind} with ${word}`);
  }

  #hear({ cycle, sent }: Ran): void {
    this.#cycle = cycle;
    for (const byte of sent) {
      this.#lineBytes += 1;
      for (const raw of this.#decoder.push(Uint8Array.of(byte))) {
        const frame = parseDeviceFrame(raw);
        if (frame.kind !== "share") this.#frames.push(frame);
        else {
          const share = this.#aggregators[frame.aggregator - 1]!.open(frame.message);
          this.shares.push({ aggregator: frame.aggregator, share, wireBytes: this.#lineBytes });
        }
      }
      if (byte === 0) this.#lineBytes = 0;
    }
  }
}

const randomKeys = (n: number): Uint8Array[] => Array.from({ length: n }, () => randomBytes(32));
