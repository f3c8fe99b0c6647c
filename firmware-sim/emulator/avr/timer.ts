/**
 * Timers 0, 1 and 2, computed at events instead of counted: a counter's value follows from the cycle and the prescaler.
 * Normal, CTC and fast PWM modes; input capture, output pins and phase-correct modes are not modelled, and a program that
 * needs an interrupt of theirs is refused aloud. The prescaler runs freely from cycle 0, as in the chip.
 */
import type { CPU } from "avr8js";
import { type Agenda, Alarm } from "./agenda.ts";
import { MachineError } from "./machine-error.ts";

export interface TimerConfig {
  readonly name: string;
  readonly bits: 8 | 16;
  readonly TCCRA: number;
  readonly TCCRB: number;
  readonly TCNT: number;
  readonly OCRA: number;
  readonly OCRB: number;
  /** Only of timer 1. */
  readonly ICR: number | undefined;
  readonly TIMSK: number;
  readonly TIFR: number;
  /** Word addresses of the vectors: compare A, compare B, overflow. */
  readonly vectors: readonly [number, number, number];
  readonly dividers: readonly number[];
}

const DIVIDERS = [0, 1, 8, 64, 256, 1024];
const at = (base: number): Pick<TimerConfig, "TCCRA" | "TCCRB"> => ({ TCCRA: base, TCCRB: base + 1 });

export const TIMERS: readonly TimerConfig[] = [
  {
    ...{ name: "timer 0", bits: 8, ...at(0x44), TCNT: 0x46, OCRA: 0x47, OCRB: 0x48, ICR: undefined },
    ...{ TIMSK: 0x6e, TIFR: 0x35, vectors: [0x1c, 0x1e, 0x20], dividers: DIVIDERS },
  },
  {
    ...{ name: "timer 1", bits: 16, ...at(0x80), TCNT: 0x84, OCRA: 0x88, OCRB: 0x8a, ICR: 0x86 },
    ...{ TIMSK: 0x6f, TIFR: 0x36, vectors: [0x16, 0x18, 0x1a], dividers: DIVIDERS },
  },
  {
    ...{ name: "timer 2", bits: 8, ...at(0xb0), TCNT: 0xb2, OCRA: 0xb3, OCRB: 0xb4, ICR: undefined },
    ...{ TIMSK: 0x70, TIFR: 0x37, vectors: [0x0e, 0x10, 0x12], dividers: [0, 1, 8, 32, 64, 128, 256, 1024] },
  },
];

const OCFA = 2;
const OCFB = 4;
const TOV = 1;

type Mode = "normal" | "ctc" | "fast" | "unsupported";

export class EventTimer {
  readonly #cpu: CPU;
  readonly #config: TimerConfig;
  readonly #agenda: Agenda;
  readonly #now: () => number;
  readonly #max: number;
  readonly #alarm: Alarm;
  readonly #interrupts: readonly { flag: number; source: Parameters<CPU["setInterruptFlag"]>[0] }[];
  /** The counter had the value `#count` at prescaler tick `#tick`. */
  #count = 0;
  #tick = 0;
  #divider = 0;
  #mode: Mode = "normal";
  #top: number;
  /** The byte that waits while a 16-bit register is read or written in two steps. */
  #temp = 0;

  constructor(cpu: CPU, agenda: Agenda, now: () => number, config: TimerConfig) {
    this.#cpu = cpu;
    this.#config = config;
    this.#agenda = agenda;
    this.#now = now;
    this.#max = 2 ** config.bits - 1;
    this.#top = this.#max;
    this.#alarm = agenda.add(new Alarm(() => this.#reschedule()));
    const { TIFR: flagRegister, TIMSK: enableRegister, vectors } = config;
    this.#interrupts = [OCFA, OCFB, TOV].map((flag, index) => ({
      flag,
      source: { address: vectors[index]!, flagRegister, flagMask: flag, enableRegister, enableMask: flag },
    }));
    this.#hook();
  }

  #hook(): void {
    const { TCCRA, TCCRB, TCNT, OCRA, OCRB, ICR, TIMSK, TIFR } = this.#config;
    const { data, readHooks, writeHooks } = this.#cpu;
    for (const register of [TCCRA, TCCRB]) {
      writeHooks[register] = (value) => {
        this.#sync();
        data[register] = value;
        this.#configure();
        return true;
      };
    }
    this.#hookCounter(TCNT);
    for (const register of [OCRA, OCRB, ...(ICR === undefined ? [] : [ICR])]) this.#hookCompare(register);
    writeHooks[TIMSK] = (value) => {
      this.#sync();
      data[TIMSK] = value;
      for (const { source } of this.#interrupts) this.#cpu.updateInterruptEnable(source, value);
      this.#reschedule();
      return true;
    };
    readHooks[TIFR] = () => {
      this.#sync();
      return data[TIFR]!;
    };
    writeHooks[TIFR] = (value) => {
      this.#sync();
      for (const { source } of this.#interrupts) this.#cpu.clearInterruptByFlag(source, value);
      return true;
    };
  }

  #hookCounter(register: number): void {
    const { readHooks, writeHooks } = this.#cpu;
    readHooks[register] = () => {
      this.#sync();
      if (this.#config.bits === 16) this.#temp = this.#count >> 8;
      return this.#count & 0xff;
    };
    writeHooks[register] = (value) => {
      this.#sync();
      this.#count = this.#config.bits === 16 ? this.#temp * 256 + value : value;
      this.#reschedule();
      return true;
    };
    if (this.#config.bits === 8) return;
    readHooks[register + 1] = () => this.#temp;
    this.#hookTemp(register + 1);
  }

  #hookCompare(register: number): void {
    const { data, writeHooks } = this.#cpu;
    const isWide = this.#config.bits === 16;
    writeHooks[register] = (value) => {
      this.#sync();
      data[register] = value;
      if (isWide) data[register + 1] = this.#temp;
      this.#configure();
      return true;
    };
    if (isWide) this.#hookTemp(register + 1);
  }

  #hookTemp(register: number): void {
    this.#cpu.writeHooks[register] = (value) => {
      this.#temp = value;
      return true;
    };
  }

  #register(register: number): number {
    const { data } = this.#cpu;
    return this.#config.bits === 16 ? data[register]! + data[register + 1]! * 256 : data[register]!;
  }

  #configure(): void {
    const { TCCRA, TCCRB, OCRA, ICR, bits, dividers, name } = this.#config;
    const a = this.#cpu.data[TCCRA]!;
    const b = this.#cpu.data[TCCRB]!;
    const divider = dividers[b & 7];
    if (divider === undefined) throw new MachineError("timer", `${name}: an external clock is not modelled`);
    this.#divider = divider;
    this.#tick = this.#ticks();
    if (bits === 16) {
      const mode = (a & 3) | ((b >> 1) & 0xc);
      const [kind, top] = this.#wideMode(mode, this.#register(OCRA), ICR === undefined ? 0 : this.#register(ICR));
      this.#mode = kind;
      this.#top = top;
    } else {
      const mode = (a & 3) | ((b >> 1) & 4);
      const kinds: Readonly<Record<number, Mode>> = { 0: "normal", 2: "ctc", 3: "fast", 7: "fast" };
      this.#mode = kinds[mode] ?? "unsupported";
      this.#top = mode === 2 || mode === 7 ? this.#register(OCRA) : this.#max;
    }
    this.#reschedule();
  }

  #wideMode(mode: number, ocra: number, icr: number): [Mode, number] {
    if (mode === 0) return ["normal", this.#max];
    if (mode === 4) return ["ctc", ocra];
    if (mode === 12) return ["ctc", icr];
    if (mode >= 5 && mode <= 7) return ["fast", 2 ** (mode + 3) - 1];
    if (mode === 14) return ["fast", icr];
    if (mode === 15) return ["fast", ocra];
    return ["unsupported", this.#max];
  }

  #ticks(): number {
    return this.#divider === 0 ? 0 : Math.floor(this.#now() / this.#divider);
  }

  /** Brings counter and flags to now. */
  #sync(): void {
    if (this.#divider === 0) return;
    const tick = this.#ticks();
    const elapsed = tick - this.#tick;
    if (elapsed === 0) return;
    for (const { flag, source } of this.#interrupts) {
      if (this.#ticksUntil(flag) <= elapsed) this.#cpu.setInterruptFlag(source);
    }
    this.#count = this.#after(elapsed);
    this.#tick = tick;
  }

  #after(elapsed: number): number {
    // Above the top (it was lowered, or the counter written) it runs on to the end first.
    const toEnd = this.#count > this.#top ? this.#max + 1 - this.#count : 0;
    if (elapsed < toEnd) return this.#count + elapsed;
    if (toEnd > 0) return (elapsed - toEnd) % (this.#top + 1);
    return (this.#count + elapsed) % (this.#top + 1);
  }

  /** Prescaler ticks until a flag is set: a match is flagged when the counter leaves the value. */
  #ticksUntil(flag: number): number {
    if (flag === TOV) {
      if (this.#mode === "ctc") return this.#count > this.#top ? this.#max - this.#count + 1 : Number.POSITIVE_INFINITY;
      return this.#ticksUntilLeaving(this.#count > this.#top ? this.#max : this.#top);
    }
    return this.#ticksUntilLeaving(this.#register(flag === OCFA ? this.#config.OCRA : this.#config.OCRB));
  }

  #ticksUntilLeaving(value: number): number {
    if (this.#count > this.#top) {
      if (value >= this.#count) return value - this.#count + 1;
      return value <= this.#top ? this.#max + 1 - this.#count + value + 1 : Number.POSITIVE_INFINITY;
    }
    if (value > this.#top) return Number.POSITIVE_INFINITY;
    return value >= this.#count ? value - this.#count + 1 : value - this.#count + this.#top + 2;
  }

  #reschedule(): void {
    this.#sync();
    const enabled = this.#cpu.data[this.#config.TIMSK]!;
    let ticks = Number.POSITIVE_INFINITY;
    if (this.#divider !== 0 && enabled !== 0) {
      if (this.#mode === "unsupported" || (enabled & 0x20) !== 0) {
        throw new MachineError("timer", `${this.#config.name}: an interrupt of a mode that is not modelled`);
      }
      for (const { flag } of this.#interrupts) {
        if ((enabled & flag) !== 0) ticks = Math.min(ticks, this.#ticksUntil(flag));
      }
    }
    this.#agenda.set(this.#alarm, ticks === Number.POSITIVE_INFINITY ? ticks : (this.#tick + ticks) * this.#divider);
  }
}
