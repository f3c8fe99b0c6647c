/**
 * A microcontroller on its board: supply, pins and serial line outlive what runs on it. Time is counted in cycles since
 * the first power-up and goes on without power. Everything random comes from the given generator.
 */
import { type Agenda, Alarm } from "./agenda.ts";
import { Chip, type CpuState, type PortName } from "./chip.ts";
import type { Eeprom } from "./eeprom.ts";
import { RESET_FLAGS, type ResetCause } from "./registers.ts";

export const CPU_HZ = 16_000_000;
const RAM_BYTES = 2_048;
/** From power to the first instruction: crystal and fuses for a slowly rising supply. */
const START_SECONDS = 0.065;

export interface MachineOptions {
  /** Words of flash, shared by all machines that run it. */
  readonly program: Uint16Array;
  readonly eeprom: Eeprom;
  readonly cpuHz?: number;
  /** Uniform in [0, 1): what the RAM holds after power-up. */
  readonly random: () => number;
  /** A byte left the UART at this moment; each bit took so many cycles. */
  readonly onTransmit?: (byte: number, cyclesPerBit: number) => void;
  /** Translates nothing: for comparisons. */
  readonly interpretsOnly?: boolean | undefined;
}

export class Machine {
  readonly eeprom: Eeprom;
  readonly cpuHz: number;
  readonly #options: MachineOptions;
  readonly #alarms: Alarm[] = [];
  readonly #pins = new Map<string, { port: PortName; bit: number; level: boolean }>();
  #chip: Chip | undefined;
  #now = 0;
  #slept = 0;
  #overruns = 0;
  /** Starts since the first power-up, by their cause. */
  readonly resets: Record<ResetCause, number> = { power: 0, external: 0, brownOut: 0, watchdog: 0 };

  constructor(options: MachineOptions) {
    this.#options = options;
    this.eeprom = options.eeprom;
    this.cpuHz = options.cpuHz ?? CPU_HZ;
  }

  /** Cycles since the first power-up. */
  get now(): number {
    return this.#chip?.now ?? this.#now;
  }

  get isPowered(): boolean {
    return this.#chip !== undefined;
  }

  /** Asleep, with nothing being sent and no EEPROM cell being written: it waits for time, a pulse or the line. */
  get isIdle(): boolean {
    return this.#chip?.isIdle ?? true;
  }

  /** Cycles in which the CPU computed, since the first power-up. */
  get busyCycles(): number {
    return this.now - this.#slept - (this.#chip?.sleptCycles ?? 0);
  }

  /** Bytes that the receiver lost because the program did not fetch them in time. */
  get overruns(): number {
    return this.#overruns + (this.#chip?.uart.overruns ?? 0);
  }

  /** Cycles per bit of the UART; undefined while it does not receive. */
  get receiverCyclesPerBit(): number | undefined {
    const uart = this.#chip?.uart;
    return uart?.isReceiving === true ? uart.cyclesPerBit : undefined;
  }

  /** What the CPU holds, for comparisons; undefined without power. */
  get cpuState(): CpuState | undefined {
    return this.#chip?.state();
  }

  /** What surrounds the chip sets such an alarm with `schedule`. */
  addAlarm(fire: () => void): Alarm {
    const alarm = new Alarm(fire);
    this.#alarms.push(alarm);
    this.#chip?.agenda.add(alarm);
    return alarm;
  }

  schedule(alarm: Alarm, due: number): void {
    const agenda: Agenda | undefined = this.#chip?.agenda;
    if (agenda === undefined) alarm.due = due;
    else agenda.set(alarm, due);
  }

  /** A frame has ended at the receiver's pin. */
  receive(byte: number, framingError: boolean): void {
    this.#chip?.uart.receive(byte, framingError);
  }

  setPin(port: PortName, bit: number, level: boolean): void {
    this.#pins.set(`${port}${bit}`, { port, bit, level });
    this.#chip?.setPin(port, bit, level);
  }

  /** Power comes back, or comes for the first time. No effect while there is power. */
  powerUp(): void {
    if (this.#chip !== undefined) return;
    this.#now += Math.round(START_SECONDS * this.cpuHz);
    this.#slept += Math.round(START_SECONDS * this.cpuHz);
    const ram = Uint8Array.from({ length: RAM_BYTES }, () => Math.floor(this.#options.random() * 256));
    this.#start("power", ram, 0);
  }

  /** The supply fails at this very cycle. No effect without power. */
  powerDown(): void {
    const chip = this.#chip;
    if (chip === undefined) return;
    chip.eepromPort.tear();
    this.#leave(chip);
    this.#chip = undefined;
  }

  /** The reset pin, or a brown-out too short to lose what is in RAM. */
  reset(cause: "external" | "brownOut"): void {
    if (this.#chip !== undefined) this.#restart(this.#chip, cause);
  }

  /** Runs up to a cycle; without power only time passes. */
  run(until: number): void {
    while (this.now < until) {
      const chip = this.#chip;
      if (chip === undefined) this.#passOff(until);
      else {
        chip.run(until);
        // It may have been switched off by an alarm meanwhile.
        if (chip.hasReset && this.#chip === chip) this.#restart(chip, "watchdog");
      }
    }
  }

  #passOff(until: number): void {
    const due = this.#alarms.filter((alarm) => alarm.due <= until).sort((a, b) => a.due - b.due);
    const [first] = due;
    const to = Math.max(this.#now, first?.due ?? until);
    this.#slept += to - this.#now;
    this.#now = to;
    if (first === undefined) return;
    first.due = Number.POSITIVE_INFINITY;
    first.fire();
  }

  #restart(chip: Chip, cause: ResetCause): void {
    chip.eepromPort.finish();
    const { ram, resetFlags } = { ram: chip.ram(), resetFlags: chip.resetFlags };
    this.#leave(chip);
    this.#start(cause, ram, resetFlags);
  }

  #leave(chip: Chip): void {
    chip.hasReset = true;
    this.#now = chip.now;
    this.#slept += chip.sleptCycles;
    this.#overruns += chip.uart.overruns;
  }

  #start(cause: ResetCause, ram: Uint8Array, flags: number): void {
    const { program, interpretsOnly, onTransmit = () => undefined } = this.#options;
    this.resets[cause] += 1;
    const { eeprom, cpuHz } = this;
    const startAt = this.#now;
    const resetFlags = flags | RESET_FLAGS[cause];
    this.#chip = new Chip({
      ...{ program, eeprom, cpuHz, startAt, resetFlags, ram, onTransmit, interpretsOnly },
      alarms: this.#alarms,
    });
    for (const { port, bit, level } of this.#pins.values()) this.#chip.setPin(port, bit, level);
  }
}
