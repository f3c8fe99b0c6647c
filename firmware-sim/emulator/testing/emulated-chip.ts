/** The emulated chip with the commands of the simulated one (`hardware/firmware/simavr`), so that one bench works both. */
import type { BenchChip } from "../../../hardware/firmware/simavr/bench.ts";
import type { PulseTrain, Ran } from "../../../hardware/firmware/simavr/simulator.ts";
import { Eeprom } from "../avr/eeprom.ts";
import { CPU_HZ, Machine } from "../avr/machine.ts";
import { SerialLine } from "../serial-line.ts";

/** What 115,200 is at 16 MHz, for both. */
const BAUD = CPU_HZ / (17 * 8);
const BYTE_CYCLES = (10 * CPU_HZ) / BAUD;
/** RAM that was never written, as simavr's runner has it. */
const PAINT = 0xa5;

const cyclesOf = (milliseconds: number): number => Math.round((milliseconds * CPU_HZ) / 1_000);

export class EmulatedChip implements BenchChip {
  readonly machine: Machine;
  readonly #line: SerialLine;
  readonly #origin: number;
  #sent: number[] = [];

  constructor(program: Uint16Array) {
    const random = (): number => PAINT / 256;
    this.machine = new Machine({
      ...{ program, random, eeprom: new Eeprom({ random }) },
      onTransmit: (byte, cyclesPerBit) => this.#line.transmitted(byte, cyclesPerBit),
    });
    const { machine } = this;
    this.#line = new SerialLine({ machine, random, baud: BAUD, onReceive: (byte) => this.#sent.push(byte) });
    // Open contacts, held up.
    for (const bit of [2, 4]) machine.setPin("D", bit, true);
    machine.powerUp();
    this.#origin = machine.now;
  }

  send(bytes: Uint8Array): Promise<void> {
    this.#line.send(bytes);
    return Promise.resolve();
  }

  runMs(milliseconds: number): Promise<Ran> {
    this.machine.run(this.machine.now + cyclesOf(milliseconds));
    return Promise.resolve(this.#ran());
  }

  runToFrame(milliseconds: number): Promise<Ran> {
    const { machine } = this;
    const end = machine.now + cyclesOf(milliseconds);
    for (const before = this.#sent.length; machine.now < end && !this.#sent.includes(0, before); ) {
      machine.run(machine.now + BYTE_CYCLES / 10);
    }
    return Promise.resolve(this.#ran());
  }

  pulses({ count, lowMs, highMs }: PulseTrain): Promise<Ran> {
    for (let i = 0; i < count; i++) {
      for (const [level, milliseconds] of [
        [false, lowMs],
        [true, highMs],
      ] as const) {
        this.machine.setPin("D", 2, level);
        this.machine.run(this.machine.now + cyclesOf(milliseconds));
      }
    }
    return Promise.resolve(this.#ran());
  }

  drive(pin: string, level: 0 | 1): Promise<void> {
    this.machine.setPin(pin.charAt(0) as "B" | "C" | "D", Number(pin.slice(1)), level === 1);
    return Promise.resolve();
  }

  #ran(): Ran {
    const sent = Buffer.from(this.#sent);
    this.#sent = [];
    return { cycle: this.machine.now - this.#origin, sent };
  }
}
