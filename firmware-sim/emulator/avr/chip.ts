/**
 * An ATmega328P from one reset to the next: the instructions are avr8js's, the peripherals are computed at events, and
 * sleep skips to the next of them. Flash, EEPROM and what surrounds the chip belong to the machine.
 */
import { AVRIOPort, avrInstruction, CPU, portBConfig, portCConfig, portDConfig } from "avr8js";
import { Agenda, type Alarm } from "./agenda.ts";
import type { Eeprom } from "./eeprom.ts";
import { EepromPort } from "./eeprom-port.ts";
import { ExternalInterrupts } from "./external-interrupts.ts";
import { MachineError } from "./machine-error.ts";
import { MCUSR, RESET_FLAGS, SMCR, SREG } from "./registers.ts";
import { EventTimer, TIMERS } from "./timer.ts";
import { ProgramTraces } from "./traces.ts";
import { OUTCOMES } from "./trace-writer.ts";
import { Uart } from "./uart.ts";
import { Watchdog } from "./watchdog.ts";

const SRAM_BYTES = 2_048;
/** Registers lie below. */
const SRAM_START = 0x100;
const SLEEP = 0x9588;
const SEI = 0x9478;
const RETI = 0x9518;
const INTERRUPTS_ENABLED = 0x80;
const SLEEP_ENABLED = 1;
/** avr8js counts two cycles for an interrupt; the chip takes four, and four more to wake. */
const INTERRUPT_EXTRA_CYCLES = 2;
const WAKE_CYCLES = 4;
/** Counters of cycles stay below these, where they are small integers to the engine. */
const REBASE_CYCLES = 2 ** 29;
const LONGEST_CYCLES = 2 ** 30;

// INT0 and INT1 are our own: avr8js forgets edges while an interrupt is disabled.
const PORTS = { B: portBConfig, C: portCConfig, D: { ...portDConfig, externalInterrupts: [] } };
export type PortName = keyof typeof PORTS;

export interface CpuState {
  /** Counted in words. */
  readonly pc: number;
  readonly data: Uint8Array;
}

export interface ChipOptions {
  readonly program: Uint16Array;
  readonly eeprom: Eeprom;
  readonly cpuHz: number;
  /** The cycle of the reset, counted from the machine's first power-up. */
  readonly startAt: number;
  /** MCUSR after the reset. */
  readonly resetFlags: number;
  /** What the RAM holds. */
  readonly ram: Uint8Array;
  /** Alarms of what surrounds the chip. */
  readonly alarms: readonly Alarm[];
  readonly onTransmit: (byte: number, cyclesPerBit: number) => void;
  /** Translates nothing: for comparisons. */
  readonly interpretsOnly?: boolean | undefined;
}

export class Chip {
  readonly uart: Uart;
  readonly agenda: Agenda;
  readonly eepromPort: EepromPort;
  readonly #cpu: CPU;
  readonly #ports: Readonly<Record<PortName, AVRIOPort>>;
  readonly #external: ExternalInterrupts;
  readonly #traces: ProgramTraces | undefined;
  #base: number;
  #until = 0;
  /** Where the burst of instructions that is under way must look up, in the cycles of the CPU. */
  #limit = 0;
  #asleep = false;
  /** Set by the watchdog: this chip is over. */
  hasReset = false;
  /** Cycles during which the CPU stood still. */
  sleptCycles = 0;

  constructor(options: ChipOptions) {
    const { program, eeprom, cpuHz, startAt, resetFlags, ram, alarms, onTransmit, interpretsOnly } = options;
    const cpu = new CPU(program, SRAM_BYTES);
    this.#cpu = cpu;
    this.#traces = interpretsOnly === true ? undefined : ProgramTraces.of(program);
    this.#base = startAt;
    cpu.data.set(ram, SRAM_START);
    cpu.data[MCUSR] = resetFlags;
    const agenda = new Agenda(() => this.#relimit());
    this.agenda = agenda;
    const now = (): number => this.now;
    this.#ports = {
      B: new AVRIOPort(cpu, PORTS.B),
      C: new AVRIOPort(cpu, PORTS.C),
      D: new AVRIOPort(cpu, PORTS.D),
    };
    this.#external = new ExternalInterrupts(cpu);
    for (const timer of TIMERS) new EventTimer(cpu, agenda, now, timer);
    this.uart = new Uart({ cpu, agenda, now, onTransmit });
    this.eepromPort = new EepromPort({ cpu, agenda, now, cpuHz, eeprom });
    new Watchdog({ cpu, agenda, now, cpuHz, reset: () => this.#end() });
    for (const alarm of alarms) agenda.add(alarm);
  }

  /** Cycles since the machine's first power-up. */
  get now(): number {
    return this.#base + this.#cpu.cycles;
  }

  get isIdle(): boolean {
    return this.#asleep && !this.uart.isSending && !this.eepromPort.isBusy;
  }

  /** A copy of the RAM. */
  ram(): Uint8Array {
    return this.#cpu.data.slice(SRAM_START, SRAM_START + SRAM_BYTES);
  }

  /** What the CPU holds: registers, I/O and RAM by address. A copy. */
  state(): CpuState {
    return { pc: this.#cpu.pc, data: this.#cpu.data.slice() };
  }

  /** MCUSR: a reset adds to what the program has not cleared. */
  get resetFlags(): number {
    return this.#cpu.data[MCUSR]! & Object.values(RESET_FLAGS).reduce((all, flag) => all | flag, 0);
  }

  setPin(port: PortName, bit: number, level: boolean): void {
    this.#ports[port].setPin(bit, level);
    if (port === "D" && (bit === 2 || bit === 3)) this.#external.setPin(bit === 2 ? 0 : 1, level);
  }

  /** Runs up to a cycle, give or take the instruction that is under way then, or up to a reset. */
  run(until: number): void {
    this.#until = until;
    while (this.now < until && !this.hasReset) {
      if (this.#cpu.cycles > REBASE_CYCLES) {
        this.#base += this.#cpu.cycles;
        this.#cpu.cycles = 0;
      }
      this.#relimit();
      if (this.#asleep) this.#sleep();
      else this.#burst();
      if (this.agenda.next <= this.now) this.agenda.fireDue(this.now);
    }
  }

  #relimit(): void {
    const cycles = Math.ceil(Math.min(this.agenda.next, this.#until) - this.#base);
    // A small integer, so that comparing it costs nothing.
    this.#limit = Math.min(cycles, LONGEST_CYCLES);
  }

  #burst(): void {
    const cpu = this.#cpu;
    const { progMem, progBytes, data } = cpu;
    const traces = this.#traces;
    while (cpu.cycles < this.#limit) {
      if (traces !== undefined) {
        const trace = traces.compiled[cpu.pc];
        if (trace === undefined) traces.pass(cpu.pc);
        // A pending interrupt waits for the end of one instruction, not of a trace.
        else if (cpu.cycles + trace.lead < this.#limit && !this.#isInterrupted()) {
          const outcome = trace.run(cpu, data, progBytes, this.#limit - trace.lead);
          if (outcome === OUTCOMES.done) continue;
          if (outcome === OUTCOMES.look) {
            this.#interrupt();
            continue;
          }
        }
      }
      const opcode = progMem[cpu.pc];
      if (opcode === SLEEP && (data[SMCR]! & SLEEP_ENABLED) !== 0) {
        this.#fallAsleep();
        return;
      }
      avrInstruction(cpu);
      // After SEI and RETI one more instruction runs, so that `sei; sleep` cannot sleep through an interrupt.
      if (opcode !== SEI && opcode !== RETI) this.#interrupt();
    }
  }

  /** Begins the first pending interrupt, if interrupts are enabled. */
  #interrupt(): void {
    if (!this.#isInterrupted()) return;
    this.#cpu.tick();
    this.#cpu.cycles += INTERRUPT_EXTRA_CYCLES;
  }

  #isInterrupted(): boolean {
    const cpu = this.#cpu;
    return cpu.nextInterrupt >= 0 && (cpu.data[SREG]! & INTERRUPTS_ENABLED) !== 0;
  }

  #fallAsleep(): void {
    const cpu = this.#cpu;
    const mode = (cpu.data[SMCR]! >> 1) & 7;
    if (mode !== 0) throw new MachineError("sleep", `sleep mode ${mode}: only idle is modelled`);
    cpu.pc += 1;
    cpu.cycles += 1;
    this.#asleep = true;
  }

  #sleep(): void {
    const cpu = this.#cpu;
    if (this.#isInterrupted()) {
      this.#asleep = false;
      cpu.cycles += WAKE_CYCLES;
      this.#interrupt();
      return;
    }
    const skipped = Math.max(0, this.#limit - cpu.cycles);
    cpu.cycles += skipped;
    this.sleptCycles += skipped;
  }

  #end(): void {
    this.hasReset = true;
    this.#limit = 0;
  }
}
