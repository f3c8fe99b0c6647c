/**
 * A whole device: the binary on its chip, a meter's pulses on its input, a serial line, a jumper and a supply. It lives on
 * virtual time: nothing happens but within `run`. What the device sends is handed over frame by frame at the moment that
 * it has left, so that an answer may follow at once.
 */
import { Duplex } from "node:stream";
import { Eeprom } from "./avr/eeprom.ts";
import { CPU_HZ, Machine } from "./avr/machine.ts";
import { type Bounce, PulseInput } from "./pulse-input.ts";
import { type LineNoise, SerialLine } from "./serial-line.ts";

const FRAME_END = 0;
const JUMPER = { port: "D", bit: 4 } as const;
const IDLE_STEP_SECONDS = 0.01;

/** What goes wrong around a device, or within. */
export interface DeviceFaults {
  /** How much its crystal is fast, in parts per million. */
  readonly driftPpm?: number;
  /** How much its serial line is fast besides, in parts per million: resonator, divisor, temperature. */
  readonly baudErrorPpm?: number;
  readonly noise?: LineNoise;
  readonly bounce?: Bounce;
  /** Erasures that its weakest EEPROM cell endures. */
  readonly endurance?: number;
}

export interface EmulatedDeviceOptions {
  /** Words of flash (`loadFirmware`), which devices share. */
  readonly program: Uint16Array;
  /** What its EEPROM holds: blank where left out. */
  readonly image?: Uint8Array | undefined;
  /** Uniform in [0, 1): noise, pulses, what RAM holds after power-up. */
  readonly random: () => number;
  readonly faults?: DeviceFaults | undefined;
  /** Bytes that the host reads, up to the end of a frame. */
  readonly onData: (bytes: Uint8Array) => void;
  /** Translates nothing: for comparisons. */
  readonly interpretsOnly?: boolean | undefined;
}

export class EmulatedDevice {
  readonly machine: Machine;
  readonly line: SerialLine;
  readonly pulses: PulseInput;
  /** Cycles of its crystal in a true second. */
  readonly cyclesPerSecond: number;
  readonly #sent: number[] = [];

  constructor({ program, image, random, faults = {}, onData, interpretsOnly }: EmulatedDeviceOptions) {
    const { driftPpm = 0, baudErrorPpm = 0, noise, bounce, endurance } = faults;
    this.cyclesPerSecond = CPU_HZ * (1 + driftPpm * 1e-6);
    const eeprom = new Eeprom({ image, random, ...(endurance === undefined ? {} : { endurance }) });
    this.machine = new Machine({
      ...{ program, eeprom, random, interpretsOnly },
      onTransmit: (byte, cyclesPerBit) => this.line.transmitted(byte, cyclesPerBit),
    });
    this.line = new SerialLine({
      ...{ machine: this.machine, random },
      // A fast device sees the host's bits longer.
      baud: 115_200 / (1 + baudErrorPpm * 1e-6),
      ...(noise === undefined ? {} : { noise }),
      onReceive: (byte) => {
        this.#sent.push(byte);
        if (byte === FRAME_END) onData(Uint8Array.from(this.#sent.splice(0)));
      },
    });
    this.pulses = new PulseInput({ machine: this.machine, random, bounce });
    this.setJumper(false);
    this.machine.powerUp();
  }

  setJumper(isSet: boolean): void {
    this.machine.setPin(JUMPER.port, JUMPER.bit, !isSet);
  }

  /** Plans pulses evenly over a stretch of time that begins so many true seconds from now. */
  planPulses(count: number, inSeconds: number, overSeconds: number): void {
    const from = this.machine.now + inSeconds * this.cyclesPerSecond;
    this.pulses.plan(count, from, from + overSeconds * this.cyclesPerSecond);
  }

  /** Lets so many true seconds pass. */
  run(seconds: number): void {
    this.machine.run(this.machine.now + seconds * this.cyclesPerSecond);
  }

  /** Lets time pass until the device sleeps with nothing on its line or in its EEPROM; at most so many seconds. */
  runUntilIdle(mostSeconds: number): void {
    const end = this.machine.now + mostSeconds * this.cyclesPerSecond;
    while (this.machine.now < end && (this.line.waiting > 0 || !this.machine.isIdle)) this.run(IDLE_STEP_SECONDS);
  }
}

/** The line as a stream, as a serial driver gives it: what is written goes to the device as time passes. */
export function streamOf(line: { send: (bytes: Uint8Array) => void }, written: () => void = () => undefined): Duplex {
  return new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      line.send(chunk);
      written();
      done();
    },
  });
}
