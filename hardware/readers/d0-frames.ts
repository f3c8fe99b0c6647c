/**
 * Cuts the bytes of an IEC 62056-21 line into readouts: an identification `/XXXZ...`, then data up to `!`, either
 * between STX and ETX with a block check character behind (asked for), or bare (pushed).
 */
import { ByteStore, NoiseCount } from "./byte-store.ts";
import type { FaultCode, ReaderFault } from "./reader.ts";

const [STX, ETX, ACK, LF, CR, NAK, BANG, SLASH] = [0x02, 0x03, 0x06, 0x0a, 0x0d, 0x15, 0x21, 0x2f];
/** The standard allows 16 characters after maker and speed; meters send up to some 30. */
const MAX_IDENTIFICATION = 64;

export interface D0Frame {
  /** The identification without `/`; empty when the data came without one. */
  readonly identification: string;
  /** The data lines, without `!`. */
  readonly text: string;
  readonly check: "valid" | "absent";
  readonly bytes: number;
}

export interface D0Receiver {
  frame(frame: D0Frame): void;
  fault(fault: ReaderFault): void;
}

/**
 * idle: between readouts. identification: up to the end of its line. echo: what an optical head gives back of what we
 * sent. body: data without STX. tail: behind the `!` of a body. block: data after STX. check: the byte behind ETX.
 */
type State = "idle" | "identification" | "echo" | "body" | "tail" | "block" | "check";

export class D0Frames {
  readonly #receiver: D0Receiver;
  readonly #maxBytes: number;
  readonly #store: ByteStore;
  readonly #noise = new NoiseCount();
  #state: State = "idle";
  #identification = "";
  #check = 0;
  /** The next byte begins a line. */
  #lineStart = true;

  constructor(maxBytes: number, receiver: D0Receiver) {
    this.#maxBytes = maxBytes;
    this.#receiver = receiver;
    this.#store = new ByteStore(maxBytes);
  }

  push(chunk: Uint8Array): void {
    for (const byte of chunk) this.#take(byte);
  }

  end(): void {
    if (this.#store.length > 0 || this.#state === "check") this.#giveUp("truncated", "the line ended within a readout");
    this.#state = "idle";
    this.#identification = "";
    this.#reportNoise();
  }

  #take(byte: number): void {
    const lineStart = this.#lineStart;
    this.#lineStart = byte === LF;
    switch (this.#state) {
      case "idle": {
        this.#takeIdle(byte);
        return;
      }
      case "identification": {
        this.#takeIdentification(byte);
        return;
      }
      case "echo":
        if (byte === LF) this.#state = "body";
        return;
      case "body": {
        this.#takeBody(byte, lineStart);
        return;
      }
      case "tail": {
        this.#takeTail(byte);
        return;
      }
      case "block": {
        this.#takeBlock(byte, lineStart);
        return;
      }
      case "check": {
        this.#takeCheck(byte);
        return;
      }
    }
  }

  #takeIdle(byte: number): void {
    if (byte === SLASH) this.#begin();
    else if (byte === STX) this.#beginBlock();
    else if (byte === NAK) this.#fault("rejected", "the meter answers NAK", 1);
    else if (byte !== CR && byte !== LF) this.#countNoise();
  }

  #begin(): void {
    this.#reportNoise();
    this.#store.clear();
    this.#state = "identification";
  }

  #takeIdentification(byte: number): void {
    if (byte === LF) {
      const line = this.#text();
      // Our own request, given back by the optical head.
      const echo = line.startsWith("?");
      if (!echo) this.#identification = line.trim();
      this.#state = echo ? "idle" : "body";
    } else if (byte === SLASH) {
      this.#giveUp("truncated", "another readout began within an identification");
      this.#begin();
    } else if (this.#store.length === MAX_IDENTIFICATION || !(isPrintable(byte) || byte === CR)) {
      this.#giveUp("malformed", "an identification that is none");
    } else if (byte !== CR) this.#store.add(byte);
  }

  #takeBody(byte: number, lineStart: boolean): void {
    if (byte === STX) {
      // Between identification and data the speed changes; what comes meanwhile is no data.
      for (let count = this.#text().trim().length; count > 0; count--) this.#countNoise();
      this.#beginBlock();
      return;
    }
    if (byte === ACK && this.#store.length === 0) {
      this.#state = "echo";
      return;
    }
    if (byte === NAK) {
      this.#giveUp("rejected", "the meter answers NAK");
      return;
    }
    if (byte === SLASH && lineStart) {
      // An identification alone: somebody asked, and did not go on.
      if (this.#store.length > 2) this.#giveUp("truncated", "another readout began within one");
      this.#begin();
      return;
    }
    if (byte === BANG) this.#state = "tail";
    else if (isPrintable(byte) || byte === CR || byte === LF) this.#add(byte);
    else this.#giveUp("malformed", "a byte that is no text, within a readout");
  }

  #takeTail(byte: number): void {
    if (byte === LF) this.#finish("absent");
    else if (byte !== CR) this.#giveUp("malformed", "more behind the end of a readout");
  }

  #beginBlock(): void {
    this.#reportNoise();
    this.#store.clear();
    this.#check = 0;
    this.#state = "block";
    this.#lineStart = true;
  }

  #takeBlock(byte: number, lineStart: boolean): void {
    this.#check ^= byte;
    if (byte === ETX) this.#state = "check";
    else if (byte === SLASH && lineStart) {
      this.#giveUp("truncated", "another readout began within one");
      this.#begin();
    } else if (isPrintable(byte) || byte === CR || byte === LF) this.#add(byte);
    else this.#giveUp("malformed", "a byte that is no text, within a readout");
  }

  #takeCheck(byte: number): void {
    // Seven bits: the eighth is the line's parity where the port gives it at all.
    if ((byte & 0x7f) !== (this.#check & 0x7f)) {
      this.#giveUp("bad-crc", "the block check character is not that of the readout");
      return;
    }
    this.#finish("valid");
  }

  #finish(check: D0Frame["check"]): void {
    const bytes = this.#store.length;
    const text = this.#text();
    const identification = this.#identification;
    this.#identification = "";
    this.#state = "idle";
    if (check === "absent") {
      this.#receiver.frame({ identification, text, check, bytes });
      return;
    }
    const end = /!\r?\n$/.exec(text);
    if (end === null) {
      this.#fault("malformed", "a block without an end", bytes);
      return;
    }
    this.#receiver.frame({ identification, text: text.slice(0, end.index), check, bytes });
  }

  #text(): string {
    return Buffer.from(this.#store.take()).toString("latin1");
  }

  #add(byte: number): void {
    if (this.#store.full) this.#giveUp("too-long", `a readout of more than ${this.#maxBytes} bytes`);
    else this.#store.add(byte);
  }

  #giveUp(code: FaultCode, detail: string): void {
    this.#fault(code, detail, this.#store.take().length);
    this.#identification = "";
    this.#state = "idle";
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
    this.#fault("noise", `${bytes} bytes outside of readouts`, bytes);
  }

  #fault(code: FaultCode, detail: string, bytes: number): void {
    this.#receiver.fault({ type: "fault", code, detail, bytes });
  }
}

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f;
}
