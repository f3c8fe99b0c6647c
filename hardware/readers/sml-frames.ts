/**
 * Cuts the bytes of an SML line into files (transport protocol version 1): 1b1b1b1b 01010101, content, padding to four
 * bytes, 1b1b1b1b 1a, number of padding bytes, CRC-16. Four 1b in the content are doubled.
 */
import { ByteStore, NoiseCount } from "./byte-store.ts";
import type { FaultCode, ReaderFault } from "./reader.ts";
import { SML_CRCS, type SmlCrc, smlCrc } from "./sml-crc.ts";

const ESCAPE = 0x1b;
const START = 0x01;
const END = 0x1a;
/** An escape is four bytes, and says what it means in the next four. */
const WORD = 4;

export interface SmlFile {
  /** Without escapes, padding and transport; valid until the next call. */
  readonly content: Uint8Array;
  /** Which checksum holds. By the standard it is X-25; some meters compute another one. */
  readonly crc: SmlCrc;
}

export interface SmlReceiver {
  file(file: SmlFile): void;
  fault(fault: ReaderFault): void;
}

export class SmlFrames {
  readonly #receiver: SmlReceiver;
  readonly #maxBytes: number;
  /** The file as it came, for its checksum. */
  readonly #raw: ByteStore;
  readonly #content: ByteStore;
  readonly #noise = new NoiseCount();
  #inside = false;
  /** Consecutive escape bytes so far. */
  #escapes = 0;
  /** What follows an escape, while it is incomplete. */
  #word: number[] | undefined;

  constructor(maxBytes: number, receiver: SmlReceiver) {
    this.#maxBytes = maxBytes;
    this.#receiver = receiver;
    this.#raw = new ByteStore(maxBytes);
    this.#content = new ByteStore(maxBytes);
  }

  push(chunk: Uint8Array): void {
    for (const byte of chunk) this.#take(byte);
  }

  end(): void {
    if (this.#inside) this.#giveUp("truncated", "the line ended within a telegram");
    // Escape bytes that nothing followed.
    for (let count = this.#escapes + (this.#word?.length ?? 0); count > 0; count--) this.#countNoise();
    this.#escapes = 0;
    this.#word = undefined;
    this.#reportNoise();
  }

  #take(byte: number): void {
    if (this.#inside) {
      if (this.#raw.full) this.#giveUp("too-long", `a telegram of more than ${this.#maxBytes} bytes`);
      else this.#raw.add(byte);
    }
    if (this.#word !== undefined) {
      this.#word.push(byte);
      if (this.#word.length === WORD) this.#meaning(this.#word);
      return;
    }
    if (byte === ESCAPE) {
      if (++this.#escapes === WORD) {
        this.#escapes = 0;
        this.#word = [];
      }
      return;
    }
    for (; this.#escapes > 0; this.#escapes--) this.#keep(ESCAPE);
    this.#keep(byte);
  }

  #meaning(word: readonly number[]): void {
    this.#word = undefined;
    const [first, padding] = word;
    if (word.every((byte) => byte === START)) {
      this.#begin();
      return;
    }
    if (this.#inside && word.every((byte) => byte === ESCAPE)) {
      word.forEach((byte) => this.#keep(byte));
      return;
    }
    if (this.#inside && first === END && padding! < WORD) {
      this.#finish(padding!, (word[2]! << 8) | word[3]!);
      return;
    }
    if (this.#inside) {
      this.#giveUp(...UNKNOWN_ESCAPE);
    } else if (word.every((byte) => byte === 0x02)) {
      this.#fault("unsupported", "SML transport version 2", 2 * WORD);
      return;
    } else {
      for (let count = 0; count < WORD; count++) this.#countNoise();
    }
    // Lost bytes shift everything: the last four of a longer run are the escape, and the word begins behind it.
    const shift = word.findIndex((byte) => byte !== ESCAPE);
    if (shift > 0) this.#word = word.slice(shift);
    else for (const byte of word) this.#take(byte);
  }

  #begin(): void {
    if (this.#inside) this.#giveUp("truncated", "another telegram began within one", 2 * WORD);
    this.#reportNoise();
    this.#inside = true;
    for (let count = 0; count < WORD; count++) this.#raw.add(ESCAPE);
    for (let count = 0; count < WORD; count++) this.#raw.add(START);
  }

  #finish(padding: number, stated: number): void {
    const raw = this.#raw.take();
    const content = this.#content.take();
    this.#inside = false;
    const checked = raw.subarray(0, raw.length - 2);
    const crc = SML_CRCS.find((name) => smlCrc(name, checked) === stated);
    if (crc === undefined) {
      this.#fault("bad-crc", "the checksum is not that of the telegram", raw.length);
      return;
    }
    if (content.length < padding) {
      this.#fault("malformed", "more padding than content", raw.length);
      return;
    }
    this.#receiver.file({ content: content.subarray(0, content.length - padding), crc });
  }

  #keep(byte: number): void {
    if (!this.#inside) this.#countNoise();
    else this.#content.add(byte);
  }

  /** `kept`: bytes at the end that belong to what follows. */
  #giveUp(code: FaultCode, detail: string, kept = 0): void {
    this.#fault(code, detail, Math.max(this.#raw.take().length - kept, 0));
    this.#content.clear();
    this.#inside = false;
  }

  #countNoise(): void {
    const bytes = this.#noise.add();
    if (bytes !== undefined) this.#noiseFault(bytes);
  }

  #reportNoise(): void {
    const bytes = this.#noise.take();
    if (bytes > 0) this.#noiseFault(bytes);
  }

  #noiseFault(bytes: number): void {
    this.#fault("noise", `${bytes} bytes outside of telegrams`, bytes);
  }

  #fault(code: FaultCode, detail: string, bytes: number): void {
    this.#receiver.fault({ type: "fault", code, detail, bytes });
  }
}

const UNKNOWN_ESCAPE = ["malformed", "an escape that means nothing"] as const;
