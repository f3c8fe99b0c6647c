/**
 * The host's side of the serial protocol with a device (hardware/firmware/PROTOCOL.md): one frame at a time, each
 * answered by a reply; frames that the device sends by itself in between.
 */
import type { Duplex } from "node:stream";
import {
  type DeviceFrame,
  encodeHostFrame,
  FrameDecoder,
  FrameError,
  type HostFrame,
  parseDeviceFrame,
  type ReplyFrame,
} from "../link/index.ts";
import { FRAME_TYPES } from "../link/frames.ts";

const REPLY_MILLISECONDS = 1_000;
/** Frames that may wait for their turn; beyond it the oldest that may be lost goes. */
const MAX_WAITING = 64;

/** What a device says by itself, or is asked for. */
export type SpokenFrame = Exclude<DeviceFrame, ReplyFrame>;

export interface DeviceLinkOptions {
  readonly line: Duplex;
  /** A frame that the device sent, its replies excepted. */
  readonly frame: (frame: SpokenFrame) => void;
  /** How long a reply may take; by default the second that the protocol allows. */
  readonly replyMilliseconds?: number;
  /** Something was dropped: noise on the line, a reply that did not come. */
  readonly refused: (code: string, detail?: string) => void;
}

interface Waiting {
  readonly frame: HostFrame;
  readonly settle: (code: number | undefined) => void;
}

export class DeviceLink {
  readonly #options: DeviceLinkOptions;
  readonly #decoder = new FrameDecoder();
  readonly #waiting: Waiting[] = [];
  #underWay: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: DeviceLinkOptions) {
    this.#options = options;
    options.line.on("data", this.#take);
  }

  /** Sends a frame in its turn; resolves with the code of the reply, or undefined where none came. */
  request(frame: HostFrame): Promise<number | undefined> {
    return new Promise((settle) => {
      if (this.#closed) {
        settle(undefined);
        return;
      }
      if (this.#waiting.length >= MAX_WAITING) {
        this.#options.refused("line-busy");
        this.#waiting.shift()?.settle(undefined);
      }
      this.#waiting.push({ frame, settle });
      this.#next();
    });
  }

  /** Lets go of the line; requests end without a reply. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#options.line.off("data", this.#take);
    const all = [...(this.#underWay === undefined ? [] : [this.#underWay]), ...this.#waiting.splice(0)];
    this.#underWay = undefined;
    for (const { settle } of all) settle(undefined);
  }

  #next(): void {
    if (this.#underWay !== undefined) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#underWay = next;
    this.#timer = setTimeout(() => {
      this.#options.refused("no-reply");
      this.#settle(undefined);
    }, this.#options.replyMilliseconds ?? REPLY_MILLISECONDS);
    if (!this.#options.line.destroyed) this.#options.line.write(encodeHostFrame(next.frame));
  }

  #settle(code: number | undefined): void {
    clearTimeout(this.#timer);
    const done = this.#underWay;
    this.#underWay = undefined;
    done?.settle(code);
    this.#next();
  }

  readonly #take = (chunk: Uint8Array): void => {
    const before = this.#decoder.noise.frames;
    for (const raw of this.#decoder.push(chunk)) {
      try {
        this.#frame(parseDeviceFrame(raw));
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        this.#options.refused(`frame-${error.code}`, error.message);
      }
    }
    for (let lost = this.#decoder.noise.frames - before; lost > 0; lost--) this.#options.refused("noise");
  };

  #frame(frame: DeviceFrame): void {
    if (frame.kind !== "reply") this.#options.frame(frame);
    // A reply to a frame that was given up: not what is waited for.
    else if (this.#underWay === undefined || frame.to !== FRAME_TYPES[this.#underWay.frame.kind]) {
      this.#options.refused("stray-reply");
    } else this.#settle(frame.code);
  }
}
