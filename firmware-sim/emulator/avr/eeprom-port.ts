/** The registers through which a program reads and writes its EEPROM, with the times that a write takes. */
import type { CPU } from "avr8js";
import { type Agenda, Alarm } from "./agenda.ts";
import type { Eeprom } from "./eeprom.ts";

const EECR = 0x3f;
const EEDR = 0x40;
const EEARL = 0x41;
const EEARH = 0x42;
const EERE = 0x01;
const EEPE = 0x02;
const EEMPE = 0x04;
const EERIE = 0x08;
const EEPM0 = 0x10;
const EEPM1 = 0x20;
/** Half of an erase-and-write, which takes 3.4 ms. */
const HALF_SECONDS = 0.0017;
/** Erasing only, or programming only. */
const SINGLE_SECONDS = 0.0018;
const ARMED_CYCLES = 4;

type Step = "erase" | "program";

export interface EepromPortOptions {
  readonly cpu: CPU;
  readonly agenda: Agenda;
  readonly now: () => number;
  readonly cpuHz: number;
  readonly eeprom: Eeprom;
}

export class EepromPort {
  readonly #options: EepromPortOptions;
  readonly #alarm: Alarm;
  readonly #ready = {
    ...{ address: 0x2c, flagRegister: EECR, flagMask: EEPE, enableRegister: EECR, enableMask: EERIE },
    ...{ constant: true, inverseFlag: true },
  };
  #armedUntil = -1;
  #steps: readonly Step[] = [];
  #address = 0;
  #value = 0;

  constructor(options: EepromPortOptions) {
    this.#options = options;
    const { cpu, agenda, now, eeprom } = options;
    const { data } = cpu;
    this.#alarm = agenda.add(new Alarm(() => this.#stepDone()));
    cpu.readHooks[EECR] = () => (now() < this.#armedUntil ? data[EECR]! | EEMPE : data[EECR]! & ~EEMPE);
    cpu.writeHooks[EECR] = (value) => {
      const isArmed = now() < this.#armedUntil;
      const isBusy = this.#steps.length > 0;
      data[EECR] = (value & (EERIE | EEPM0 | EEPM1)) | (isBusy ? EEPE : 0);
      if ((value & EEPE) === 0 && (value & EEMPE) !== 0) this.#armedUntil = now() + ARMED_CYCLES + 1;
      if (!isBusy && (value & EERE) !== 0) {
        data[EEDR] = eeprom.read(this.#addressed());
        cpu.cycles += 4;
      } else if (!isBusy && isArmed && (value & EEPE) !== 0) this.#start(value);
      cpu.updateInterruptEnable(this.#ready, data[EECR]);
      return true;
    };
  }

  get isBusy(): boolean {
    return this.#steps.length > 0;
  }

  #addressed(): number {
    const { data } = this.#options.cpu;
    return (data[EEARH]! & 3) * 256 + data[EEARL]!;
  }

  #start(control: number): void {
    const { cpu } = this.#options;
    this.#armedUntil = -1;
    this.#address = this.#addressed();
    this.#value = cpu.data[EEDR]!;
    const mode = control & (EEPM0 | EEPM1);
    this.#steps = mode === EEPM0 ? ["erase"] : mode === EEPM1 ? ["program"] : ["erase", "program"];
    cpu.data[EECR]! |= EEPE;
    cpu.cycles += 2;
    this.#schedule(this.#steps.length === 2 ? HALF_SECONDS : SINGLE_SECONDS);
  }

  #schedule(seconds: number): void {
    const { agenda, now, cpuHz } = this.#options;
    agenda.set(this.#alarm, now() + Math.round(seconds * cpuHz));
  }

  #stepDone(): void {
    this.#perform();
    if (this.#steps.length > 0) this.#schedule(HALF_SECONDS);
    else this.#options.cpu.setInterruptFlag(this.#ready);
  }

  #perform(): void {
    const { eeprom } = this.#options;
    const [step, ...rest] = this.#steps;
    this.#steps = rest;
    if (step === "erase") eeprom.erase(this.#address);
    else if (step === "program") eeprom.program(this.#address, this.#value);
  }

  /** A reset does not stop a write as long as there is power. */
  finish(): void {
    while (this.#steps.length > 0) this.#perform();
  }

  /** The supply fails: what is under way stays half done. */
  tear(): void {
    const { eeprom } = this.#options;
    const [step] = this.#steps;
    this.#steps = [];
    if (step === "erase") eeprom.tearErasure(this.#address);
    else if (step === "program") eeprom.tearProgram(this.#address, this.#value);
  }
}
