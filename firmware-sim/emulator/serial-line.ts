/**
 * The wire between a device and its host, bit by bit where it matters: a receiver samples at its own baud rate what the
 * other side sends at another, and noise flips, drops and invents bytes. Noise comes from the given generator.
 */
import type { Machine } from "./avr/machine.ts";

/** Chances per byte, in each direction. */
export interface LineNoise {
  /** One of its bits is read wrong. */
  readonly flip: number;
  /** It does not arrive. */
  readonly drop: number;
  /** Another one arrives before it. */
  readonly invent: number;
}

const QUIET: LineNoise = { flip: 0, drop: 0, invent: 0 };

export interface SerialLineOptions {
  readonly machine: Machine;
  readonly random: () => number;
  /** Bytes that the host reads. */
  readonly onReceive: (byte: number) => void;
  /** Of the host. */
  readonly baud?: number;
  readonly noise?: LineNoise;
}

const FRAME_BITS = 10;
const DATA_BITS = 8;
/** The receiver takes a byte in the middle of its stop bit. */
const SAMPLED_BITS = 9.5;

export class SerialLine {
  readonly #options: SerialLineOptions;
  readonly #alarm;
  #hostCyclesPerBit: number;
  readonly #queue: number[] = [];
  #head = 0;
  noise: LineNoise;

  constructor(options: SerialLineOptions) {
    const { machine, baud = 115_200, noise = QUIET } = options;
    this.#options = options;
    this.#hostCyclesPerBit = machine.cpuHz / baud;
    this.#alarm = machine.addAlarm(() => this.#arrived());
    this.noise = noise;
  }

  /** The host takes another baud rate. */
  setBaud(baud: number): void {
    this.#hostCyclesPerBit = this.#options.machine.cpuHz / baud;
  }

  /** Bytes on their way to the device. */
  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  /** The host sends; one byte follows the other as fast as the line allows. */
  send(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.waiting === 0) {
      const { machine } = this.#options;
      machine.schedule(this.#alarm, machine.now + SAMPLED_BITS * this.#hostCyclesPerBit);
    }
    for (const byte of bytes) this.#queue.push(byte);
  }

  /** A byte left the device at this moment, a bit in so many cycles. */
  transmitted(byte: number, cyclesPerBit: number): void {
    const { onReceive } = this.#options;
    for (const sent of this.#disturbed(byte)) {
      const frame = sampleFrame(sent, this.#hostCyclesPerBit / cyclesPerBit);
      // A host's driver drops what has no stop bit.
      if (frame?.framingError === false) onReceive(frame.byte);
    }
  }

  #arrived(): void {
    const { machine } = this.#options;
    const byte = this.#queue[this.#head++]!;
    if (this.waiting === 0) {
      this.#queue.length = 0;
      this.#head = 0;
    } else machine.schedule(this.#alarm, machine.now + FRAME_BITS * this.#hostCyclesPerBit);
    const cyclesPerBit = machine.receiverCyclesPerBit;
    if (cyclesPerBit === undefined) return;
    for (const sent of this.#disturbed(byte)) {
      const frame = sampleFrame(sent, cyclesPerBit / this.#hostCyclesPerBit);
      if (frame !== undefined) machine.receive(frame.byte, frame.framingError);
    }
  }

  #disturbed(byte: number): number[] {
    const { flip, drop, invent } = this.noise;
    if (flip + drop + invent === 0) return [byte];
    const { random } = this.#options;
    const bytes: number[] = [];
    if (random() < invent) bytes.push(Math.floor(random() * 256));
    if (random() >= drop) bytes.push(random() < flip ? byte ^ (1 << Math.floor(random() * 8)) : byte);
    return bytes;
  }
}

/**
 * What a receiver reads whose bits are `ratio` times as long as the sender's: it samples the middle of each of its bits
 * after the start bit's edge. Undefined where it does not even see the start bit.
 */
export function sampleFrame(byte: number, ratio: number): { byte: number; framingError: boolean } | undefined {
  if (levelAt(byte, 0.5 * ratio)) return undefined;
  let read = 0;
  for (let bit = 0; bit < DATA_BITS; bit++) if (levelAt(byte, (bit + 1.5) * ratio)) read |= 1 << bit;
  return { byte: read, framingError: !levelAt(byte, (DATA_BITS + 1.5) * ratio) };
}

/** The line so many of the sender's bits after the edge of its start bit. */
function levelAt(byte: number, bits: number): boolean {
  const at = Math.floor(bits);
  if (at === 0) return false;
  return at > DATA_BITS || (byte & (1 << (at - 1))) !== 0;
}
