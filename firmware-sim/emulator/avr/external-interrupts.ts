/**
 * INT0 and INT1. The flag is set by an edge whether or not the interrupt is enabled, so that enabling it later finds the
 * edge that came meanwhile: a program that forgets to clear it counts a pulse twice, as on the chip.
 */
import type { CPU } from "avr8js";

const EICRA = 0x69;
const EIMSK = 0x3d;
const EIFR = 0x3c;
const MODES = { low: 0, change: 1, falling: 2, rising: 3 } as const;

interface Source {
  readonly number: 0 | 1;
  readonly interrupt: {
    readonly address: number;
    readonly flagRegister: number;
    readonly flagMask: number;
    readonly enableRegister: number;
    readonly enableMask: number;
    constant: boolean;
  };
  level: boolean;
}

export class ExternalInterrupts {
  readonly #cpu: CPU;
  readonly #sources: readonly Source[];

  constructor(cpu: CPU) {
    this.#cpu = cpu;
    this.#sources = ([0, 1] as const).map((number) => ({
      number,
      level: true,
      interrupt: {
        ...{ address: 2 + 2 * number, flagRegister: EIFR, flagMask: 1 << number },
        ...{ enableRegister: EIMSK, enableMask: 1 << number, constant: false },
      },
    }));
    cpu.writeHooks[EICRA] = (value) => {
      cpu.data[EICRA] = value;
      for (const source of this.#sources) this.#followLevel(source);
      return true;
    };
    cpu.writeHooks[EIMSK] = (value) => {
      cpu.data[EIMSK] = value;
      for (const { interrupt } of this.#sources) cpu.updateInterruptEnable(interrupt, value);
      return true;
    };
    cpu.writeHooks[EIFR] = (value) => {
      for (const source of this.#sources) {
        cpu.clearInterruptByFlag(source.interrupt, value);
        this.#followLevel(source);
      }
      return true;
    };
  }

  /** The level of the pin of INT0 or INT1 is now this. */
  setPin(number: 0 | 1, level: boolean): void {
    const source = this.#sources[number]!;
    if (source.level === level) return;
    source.level = level;
    const mode = this.#modeOf(source);
    if (mode === MODES.low) this.#followLevel(source);
    else if (mode === MODES.change || (mode === MODES.rising) === level) this.#cpu.setInterruptFlag(source.interrupt);
  }

  #followLevel(source: Source): void {
    source.interrupt.constant = this.#modeOf(source) === MODES.low;
    if (!source.interrupt.constant) return;
    if (source.level) this.#cpu.clearInterrupt(source.interrupt);
    else this.#cpu.setInterruptFlag(source.interrupt);
  }

  #modeOf({ number }: Source): number {
    return (this.#cpu.data[EICRA]! >> (2 * number)) & 3;
  }
}
