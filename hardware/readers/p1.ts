/**
 * Reads the customer port of Dutch, Belgian, Luxembourgish, Swedish and Hungarian meters: checks, decrypts, and tells
 * what was refused. What has no checksum by its standard (DSMR 2.2 and 3) is believed only while it looks the same.
 */
import { crcArc } from "./crc16.ts";
import { assertP1Keys, openFrame, type P1Keys } from "./p1-encrypted.ts";
import { P1Frames, type P1Frame } from "./p1-frames.ts";
import { interpretP1, namesItsVersion, type P1Text, splitP1 } from "./p1-telegram.ts";
import { RegisterError } from "./quantities.ts";
import type { FaultCode, MeterReader, ReaderEvent, Telegram } from "./reader.ts";
import { ShapeWatch } from "./shape-watch.ts";

export interface P1Options {
  /** For meters that encrypt. */
  readonly keys?: P1Keys | undefined;
  /** The longest telegram, 8192 bytes by default; two long messages to the customer are some 4 KB. */
  readonly maxBytes?: number;
  /** Also gives telegrams with a wrong checksum, as `check: "bad"`, next to the fault. For looking, never for counting. */
  readonly showBad?: boolean;
}

export class P1Reader implements MeterReader {
  readonly #options: P1Options;
  readonly #frames: P1Frames;
  readonly #shapes = new ShapeWatch();
  #checksumSeen = false;
  /** System title and frame counter of the last genuine frame. */
  #lastSealed = { systemTitle: "", frameCounter: -1 };
  #events: ReaderEvent[] = [];

  /** Throws RangeError when a key has the wrong length. */
  constructor(options: P1Options = {}) {
    if (options.keys !== undefined) assertP1Keys(options.keys);
    this.#options = options;
    this.#frames = new P1Frames(options.maxBytes ?? 8192, {
      frame: (frame) => this.#take(frame),
      fault: (fault) => this.#events.push(fault),
    });
  }

  push(chunk: Uint8Array): ReaderEvent[] {
    this.#frames.push(chunk);
    return this.#given();
  }

  end(): ReaderEvent[] {
    this.#frames.end();
    return this.#given();
  }

  #given(): ReaderEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #take(frame: P1Frame): boolean {
    if (frame.kind === "sealed") return this.#open(frame.bytes);
    const { bytes, crc } = frame;
    const text = splitP1(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length - 1).toString("latin1"));
    if (crc === "") return this.#unchecked(text, bytes.length);
    const valid = /^[0-9a-fA-F]{1,4}$/.test(crc) && Number.parseInt(crc, 16) === crcArc(bytes);
    if (!valid) {
      this.#fault("bad-crc", "the checksum is not that of the telegram", bytes.length);
      if (this.#options.showBad === true) this.#give(text, "bad", bytes.length);
      return false;
    }
    this.#checksumSeen = true;
    this.#shapes.forget(text.header);
    return this.#give(text, "valid", bytes.length);
  }

  #unchecked(text: P1Text, bytes: number): boolean {
    // Noise can eat a checksum; where there is one by right, its absence is a fault.
    if (namesItsVersion(text) || (this.#checksumSeen && !this.#shapes.knows(text.header))) {
      return this.#fault("crc-missing", "no checksum, from a meter that has one", bytes);
    }
    const [bad] = text.bad;
    if (bad !== undefined) return this.#fault("malformed", `${bad.at} is no data line`, bytes);
    // A line at a wrong speed has a `/` and a `!` near each other every now and then.
    if (text.sets.length === 0) return this.#fault("malformed", "no data line", bytes);
    if (!this.#shapes.same(text.header, text.sets)) {
      return this.#fault("unsettled", "other registers than in the telegram before, and no checksum", bytes);
    }
    return this.#give(text, "absent", bytes);
  }

  #open(frame: Uint8Array): boolean {
    const { keys } = this.#options;
    if (keys === undefined) {
      this.#fault("encrypted", "the meter encrypts, and there is no key", frame.length);
      return true; // there is nothing to find in it
    }
    const { systemTitle, frameCounter, telegram } = openFrame(frame, keys);
    if (telegram === undefined) return this.#fault("bad-tag", "not encrypted with this meter's key", 1);
    // A meter never repeats a counter under one key: this was recorded, or comes from another meter.
    if (systemTitle === this.#lastSealed.systemTitle && frameCounter <= this.#lastSealed.frameCounter) {
      this.#fault("replayed", `frame counter ${frameCounter} after ${this.#lastSealed.frameCounter}`, frame.length);
      return true;
    }
    const events = this.#inside(telegram, keys.authentication === "unchecked");
    if (keys.authentication === "unchecked" && !events.some(speaksForItself)) {
      return this.#fault("bad-tag", "no telegram under this meter's key", 1);
    }
    this.#lastSealed = { systemTitle, frameCounter };
    this.#events.push(...events);
    return true;
  }

  /** What a decrypted frame holds. Nothing but a checksum speaks for what came out of one with an unchecked tag. */
  #inside(telegram: Uint8Array, needsChecksum: boolean): ReaderEvent[] {
    const before = this.#events;
    this.#events = [];
    const frames = new P1Frames(telegram.length + 1, {
      frame: (found) => found.kind === "plain" && !(needsChecksum && found.crc === "") && this.#take(found),
      fault: (fault) => this.#events.push(fault),
    });
    frames.push(telegram);
    frames.end();
    const found = this.#given();
    this.#events = before;
    return found;
  }

  #give(text: P1Text, check: Telegram["check"], bytes: number): boolean {
    try {
      this.#events.push(interpretP1(text, check));
      return true;
    } catch (error) {
      if (!(error instanceof RegisterError)) throw error;
      return this.#fault("bad-register", error.message, bytes);
    }
  }

  #fault(code: FaultCode, detail: string, bytes: number): false {
    this.#events.push({ type: "fault", code, detail, bytes });
    return false;
  }
}

/** Whether its checksum held, even if a register in it is refused. */
function speaksForItself(event: ReaderEvent): boolean {
  return event.type === "telegram" ? event.check === "valid" : event.code === "bad-register";
}
