/**
 * Believes a register only when the next look at it agrees: a digit that noise has changed, or a tariff that is missing
 * from a sum, is gone again in the next telegram, an exchanged meter stays. So no spike and no dip reaches the readings,
 * also from meters that send no checksum. A register that is lower than before has to stay so for a while: telegrams
 * that something on the line kept back or plays again would otherwise let energy be counted twice.
 */
import type { Registers } from "../readers/reader.ts";

/** Registers as they stood at `time` (Unix seconds), in whole watt-hours. */
export interface TimedRegisters {
  readonly time: number;
  readonly importWh: number;
  readonly exportWh?: number;
}

export interface RegisterFilterOptions {
  /** Most energy that can flow in a second, in watt-hours: more between two looks is not believed. */
  readonly mostWhPerSecond: number;
  /** How long a lower register has to stay until it is that of another meter, or of one that was reset. */
  readonly patienceSeconds: number;
  /** A look was not believed: `backwards` or `jump`, compared with the one after it or the last that was. */
  readonly refused: (code: "register-backwards" | "register-jump") => void;
}

/** A register that stood still may be a whole unit further on. */
const STEP_WH = 1_000;

export class RegisterFilter {
  readonly #options: RegisterFilterOptions;
  #waiting: TimedRegisters | undefined;
  #believed: TimedRegisters | undefined;
  /** Since when the register has been lower than what was believed. */
  #lowerSince: number | undefined;

  constructor(options: RegisterFilterOptions) {
    this.#options = options;
  }

  /** Takes a look; returns the one before it when the two agree. Times rise. */
  take(next: TimedRegisters): TimedRegisters | undefined {
    const waiting = this.#waiting;
    this.#waiting = next;
    if (waiting === undefined) return undefined;
    const seconds = Math.max(0, next.time - waiting.time);
    const fault =
      this.#fault(waiting.importWh, next.importWh, seconds) ?? this.#fault(waiting.exportWh, next.exportWh, seconds);
    if (fault !== undefined || this.#isTooSoon(waiting, next.time)) {
      this.#options.refused(fault ?? "register-backwards");
      return undefined;
    }
    this.#believed = waiting;
    return waiting;
  }

  /** A register that is lower than it was, and has not been so for long. */
  #isTooSoon({ time, importWh, exportWh = 0 }: TimedRegisters, now: number): boolean {
    const last = this.#believed;
    if (last === undefined || (importWh >= last.importWh && exportWh >= (last.exportWh ?? 0))) {
      this.#lowerSince = undefined;
      return false;
    }
    this.#lowerSince ??= time;
    if (now - this.#lowerSince < this.#options.patienceSeconds) return true;
    this.#lowerSince = undefined;
    return false;
  }

  #fault(
    before: number | undefined,
    after: number | undefined,
    seconds: number,
  ): "register-backwards" | "register-jump" | undefined {
    // A direction that comes or goes with a telegram is not one to be believed yet.
    if (before === undefined || after === undefined) return before === after ? undefined : "register-jump";
    if (after < before) return "register-backwards";
    return after - before > STEP_WH + seconds * this.#options.mostWhPerSecond ? "register-jump" : undefined;
  }
}

/** The registers of a telegram with their time, or undefined where it has none of import. */
export function timedRegisters(time: number, { importWh, exportWh }: Registers): TimedRegisters | undefined {
  if (importWh === undefined) return undefined;
  return exportWh === undefined ? { time, importWh } : { time, importWh, exportWh };
}
