/**
 * Cuts the bytes of a P1 line into telegrams: from `/` up to `!` and the checksum behind it, or an encrypted frame.
 * Neither `/` nor `!` occurs inside a telegram, so that after any disturbance the next `/` is a beginning.
 */
import { ByteStore, NoiseCount } from "./byte-store.ts";
import { ENCRYPTED_HEAD, ENCRYPTED_START, encryptedLength, headByteFits, SHORTEST_ENCRYPTED } from "./p1-encrypted.ts";
import type { ReaderFault } from "./reader.ts";

/** Some meters end a telegram with NUL. */
const [SLASH, BANG, CR, LF, NUL] = [0x2f, 0x21, 0x0d, 0x0a, 0];
/** More than this behind `!` is no checksum, whatever follows. */
const CRC_ROOM = 8;

export type P1Frame =
  /** `bytes` from `/` to `!`; `crc` is the text behind it. Both are valid until the next call. */
  { readonly kind: "plain"; readonly bytes: Uint8Array; readonly crc: string } | SealedFrame;

export interface SealedFrame {
  readonly kind: "sealed";
  readonly bytes: Uint8Array;
}

export interface FrameReceiver {
  /** Whether the frame was good. The bytes of a sealed frame that was not are searched for others. */
  frame(frame: P1Frame): boolean;
  fault(fault: ReaderFault): void;
}

/** Telegrams are ASCII; anything else is a disturbance, a wrong speed, or the beginning of an encrypted frame. */
function isText(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte === CR || byte === LF;
}

export class P1Frames {
  readonly #receiver: FrameReceiver;
  readonly #store: ByteStore;
  readonly #maxBytes: number;
  readonly #noise = new NoiseCount();
  #state: "idle" | "telegram" | "crc" | "sealed" = "idle";
  #crc = "";
  /** What is still to be read, the next last: bytes of a frame that failed come before those that followed it. */
  readonly #input: { bytes: Uint8Array; offset: number }[] = [];

  constructor(maxBytes: number, receiver: FrameReceiver) {
    this.#maxBytes = maxBytes;
    this.#store = new ByteStore(maxBytes);
    this.#receiver = receiver;
  }

  /** Keeps no reference to `chunk`. */
  push(chunk: Uint8Array): void {
    this.#input.push({ bytes: chunk, offset: 0 });
    for (let top = this.#input.at(-1); top !== undefined; top = this.#input.at(-1)) {
      const byte = top.bytes[top.offset++];
      if (byte === undefined) this.#input.pop();
      else this.#take(byte);
    }
  }

  /** The line ended. An unfinished checksum is a truncated telegram: `!` alone could have had one. */
  end(): void {
    // A broken length can make an encrypted frame cover whole telegrams that came after it.
    while (this.#state === "sealed") {
      const bytes = this.#store.take().slice();
      this.#state = "idle";
      if (bytes.length >= ENCRYPTED_HEAD) this.#fault("truncated", "an encrypted telegram is not complete", 1);
      else this.#countNoise();
      this.push(bytes.subarray(1));
    }
    if (this.#state !== "idle") this.#truncated("the line ended within a telegram");
    this.#reportNoise();
  }

  #take(byte: number): void {
    if (this.#state === "sealed") {
      this.#takeSealed(byte);
      return;
    }
    if (this.#state === "crc") {
      if (byte === CR || byte === LF) {
        this.#finish();
        return;
      }
      // Anything that is no text belongs to what follows: an encrypted frame may begin so.
      if (byte !== SLASH && isText(byte)) {
        this.#crc += String.fromCharCode(byte);
        if (this.#crc.length === CRC_ROOM || /^[0-9a-fA-F]{4}$/.test(this.#crc)) this.#finish();
        return;
      }
      this.#finish();
    }
    if (byte === SLASH) {
      this.#begin();
      return;
    }
    if (this.#state === "telegram" && !isText(byte)) {
      this.#state = "idle";
      this.#fault("malformed", "a byte that is no text, within a telegram", this.#store.take().length);
    }
    if (this.#state === "idle") {
      this.#takeIdle(byte);
      return;
    }
    if (this.#store.full) {
      this.#state = "idle";
      this.#fault("too-long", `a telegram of more than ${this.#maxBytes} bytes`, this.#store.take().length);
      return;
    }
    this.#store.add(byte);
    if (byte === BANG) {
      this.#state = "crc";
      this.#crc = "";
    }
  }

  #takeIdle(byte: number): void {
    if (byte === ENCRYPTED_START) {
      this.#store.add(byte);
      this.#state = "sealed";
    } else if (byte !== CR && byte !== LF && byte !== NUL) this.#countNoise();
  }

  #begin(): void {
    if (this.#state === "telegram") this.#truncated("another telegram began within one");
    this.#reportNoise();
    this.#state = "telegram";
    this.#store.add(SLASH);
  }

  #finish(): void {
    this.#state = "idle";
    this.#receiver.frame({ kind: "plain", bytes: this.#store.take(), crc: this.#crc.trim() });
  }

  #takeSealed(byte: number): void {
    const at = this.#store.length;
    if (at < ENCRYPTED_HEAD && !headByteFits(at, byte)) {
      this.#input.push({ bytes: Uint8Array.of(byte), offset: 0 });
      this.#dropHead();
      return;
    }
    this.#store.add(byte);
    if (this.#store.length < ENCRYPTED_HEAD) return;
    const length = encryptedLength(this.#store);
    if (length < SHORTEST_ENCRYPTED || length > this.#maxBytes) {
      this.#dropHead();
      return;
    }
    if (this.#store.length < length) return;
    this.#reportNoise();
    this.#state = "idle";
    const bytes = this.#store.take().slice();
    if (!this.#receiver.frame({ kind: "sealed", bytes })) this.#input.push({ bytes, offset: 1 });
  }

  /** It was no head of a frame: its first byte is noise, the others may be the beginning of something. */
  #dropHead(): void {
    this.#state = "idle";
    this.#input.push({ bytes: this.#store.take().slice(1), offset: 0 });
    this.#countNoise();
  }

  #truncated(detail: string): void {
    this.#state = "idle";
    this.#fault("truncated", detail, this.#store.take().length);
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

  #fault(code: ReaderFault["code"], detail: string, bytes: number): void {
    this.#receiver.fault({ type: "fault", code, detail, bytes });
  }
}
