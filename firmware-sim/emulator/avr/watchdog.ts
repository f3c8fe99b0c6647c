/** The watchdog: its own oscillator, its interrupt, its reset, and the timed sequence that changes it. */
import type { CPU } from "avr8js";
import { type Agenda, Alarm } from "./agenda.ts";
import { MCUSR, RESET_FLAGS } from "./registers.ts";

const WDTCSR = 0x60;
const VECTOR = 0x0c;
const WDIF = 0x80;
const WDIE = 0x40;
const WDCE = 0x10;
const WDE = 0x08;
const PRESCALER = 0x27;
/** Cycles of the watchdog's oscillator (128 kHz) in the shortest period. */
const SHORTEST = 2_048;
const OSCILLATOR_HZ = 128_000;
const CHANGE_CYCLES = 4;

export interface WatchdogOptions {
  readonly cpu: CPU;
  readonly agenda: Agenda;
  readonly now: () => number;
  readonly cpuHz: number;
  /** Ends what runs: the chip starts again with WDRF set. */
  readonly reset: () => void;
}

export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #alarm: Alarm;
  readonly #interrupt = {
    ...{ address: VECTOR, flagRegister: WDTCSR, flagMask: WDIF, enableRegister: WDTCSR, enableMask: WDIE },
  };
  #changeUntil = 0;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    const { cpu, agenda, now } = options;
    this.#alarm = agenda.add(new Alarm(() => this.#expired()));
    cpu.onWatchdogReset = () => this.#restart();
    // After a watchdog reset it stays on, with the shortest period, until MCUSR and WDE are cleared.
    if ((cpu.data[MCUSR]! & RESET_FLAGS.watchdog) !== 0) cpu.data[WDTCSR] = WDE;
    cpu.writeHooks[WDTCSR] = (value) => {
      const old = cpu.data[WDTCSR]!;
      cpu.clearInterruptByFlag(this.#interrupt, value);
      let next = (old & WDIF & ~value) | (value & WDIE);
      if ((value & (WDCE | WDE)) === (WDCE | WDE)) {
        this.#changeUntil = now() + CHANGE_CYCLES;
        next |= (old & PRESCALER) | WDE;
      } else if (now() <= this.#changeUntil) next |= value & (PRESCALER | WDE);
      else next |= (old & (PRESCALER | WDE)) | (value & WDE);
      if ((cpu.data[MCUSR]! & RESET_FLAGS.watchdog) !== 0) next |= WDE;
      cpu.data[WDTCSR] = next;
      cpu.updateInterruptEnable(this.#interrupt, next);
      this.#restart();
      return true;
    };
    this.#restart();
  }

  #restart(): void {
    const { cpu, agenda, now, cpuHz } = this.#options;
    const control = cpu.data[WDTCSR]!;
    const exponent = (control & 7) | ((control & 0x20) >> 2);
    const period = ((SHORTEST * 2 ** exponent) / OSCILLATOR_HZ) * cpuHz;
    agenda.set(this.#alarm, (control & (WDE | WDIE)) === 0 ? Number.POSITIVE_INFINITY : now() + Math.round(period));
  }

  #expired(): void {
    const { cpu, reset } = this.#options;
    const control = cpu.data[WDTCSR]!;
    if ((control & WDIE) !== 0) {
      cpu.setInterruptFlag(this.#interrupt);
      // Interrupt first, reset the next time.
      if ((control & WDE) !== 0) cpu.data[WDTCSR] = cpu.data[WDTCSR]! & ~WDIE;
      this.#restart();
    } else reset();
  }
}
