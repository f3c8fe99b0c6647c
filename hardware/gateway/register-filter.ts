/**
 * Believes a register only when the next look at it agrees: a digit that noise has changed, or a tariff that is missing
 * from a sum, is gone again in the next telegram, an exchanged meter stays. So no spike and no dip reaches the readings,
 * also from meters that send no checksum.
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
  /** A look was not believed: `backwards` or `jump`, compared with the one after it. */
  readonly refused: (code: "register-backwards" | "register-jump") => void;
}

/** A register that stood still may be a whole unit further on. */
const STEP_WH = 1_000;

export class RegisterFilter {
  readonly #options: RegisterFilterOptions;
  #waiting: TimedRegisters | undefined;

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
    if (fault === undefined) return waiting;
    this.#options.refused(fault);
    return undefined;
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
