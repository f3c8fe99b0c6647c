/**
 * From the telegrams of one real meter to the samples that its agent takes: one for each slot boundary, of registers
 * that two telegrams agree on, by this computer's clock. The meter's own clock only has to agree.
 */
import type { Telegram } from "../readers/reader.ts";
import { BoundarySampler } from "./boundary-sampler.ts";
import type { PortLog } from "./port-log.ts";
import { RegisterFilter, type TimedRegisters, timedRegisters } from "./register-filter.ts";

export interface MeterFeedOptions {
  readonly slotSeconds: number;
  /** How far from a boundary a sample may lie and still stand for it, in seconds. */
  readonly toleranceSeconds: number;
  /** Most energy of one slot, in watt-hours. */
  readonly maxIntervalWh: number;
  /** Furthest that the meter's clock may be off, in seconds; 0 does not compare. */
  readonly clockSeconds: number;
  /** Unix seconds. */
  readonly now: () => number;
  /** A sample for the agent. */
  readonly sample: (sample: TimedRegisters) => void;
  /** Registers that are believed, with the power of the latest telegram: what a household is shown. */
  readonly shown?: (registers: TimedRegisters, powerW: number | undefined) => void;
  readonly log: Pick<PortLog, "refused" | "count">;
}

export class MeterFeed {
  readonly #options: MeterFeedOptions;
  #filter!: RegisterFilter;
  #sampler!: BoundarySampler;
  #last = Number.NEGATIVE_INFINITY;

  constructor(options: MeterFeedOptions) {
    this.#options = options;
    this.#begin();
  }

  #begin(): void {
    const { slotSeconds, toleranceSeconds, maxIntervalWh, sample, log } = this.#options;
    this.#filter = new RegisterFilter({
      mostWhPerSecond: maxIntervalWh / slotSeconds,
      // Longer than all looks that could stand for one boundary.
      patienceSeconds: 2 * toleranceSeconds,
      refused: (code) => log.refused(code),
    });
    this.#sampler = new BoundarySampler({ slotSeconds, toleranceSeconds }, (one) => {
      log.count("samples");
      sample(one);
    });
  }

  take(telegram: Telegram): void {
    const { now, clockSeconds, log, shown } = this.#options;
    const time = now();
    if (telegram.locked) log.refused("locked", "the meter shows whole kilowatt-hours: its PIN has not been entered");
    const off = telegram.time === undefined ? 0 : Math.abs(telegram.time - time);
    if (clockSeconds > 0 && off > clockSeconds) {
      // Slots are taken in order: one from a wrong future would shut out all that follow.
      log.refused("clock", `the meter's clock and this computer's are ${Math.round(off)} s apart`);
      return;
    }
    this.takeRegisters(timedRegisters(time, telegram.registers), telegram.powerW, shown);
  }

  /** Registers without a telegram around them; undefined where there were none. */
  takeRegisters(
    registers: TimedRegisters | undefined,
    powerW: number | undefined,
    shown: MeterFeedOptions["shown"] = this.#options.shown,
  ): void {
    const { log } = this.#options;
    if (registers === undefined) {
      log.refused("no-register", "a telegram without a register of import");
      return;
    }
    if (registers.time < this.#last) {
      log.refused("clock-back", "this computer's clock went back");
      this.#begin();
    }
    this.#last = registers.time;
    const believed = this.#filter.take(registers);
    if (believed === undefined) return;
    this.#sampler.take(believed);
    shown?.(believed, powerW);
  }

  /** The line is down: no nearer look at a boundary will come. */
  flush(): void {
    this.#sampler.flush();
  }
}
