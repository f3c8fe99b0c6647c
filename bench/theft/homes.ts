/** A year of many simulated homes, in memory: feeders are drawn from them, so that many feeders cost little more than one. */
import { LoadGenerator } from "../../firmware-sim/loads/index.ts";
import type { SlotEnergy } from "../../firmware-sim/loads/index.ts";

export const SLOT_SECONDS = 900;
export const PER_DAY = 86_400 / SLOT_SECONDS;
export const YEAR_DAYS = 364;
const FIRST_SLOT = Date.UTC(2026, 0, 5) / 1_000 / SLOT_SECONDS;

export class Homes {
  readonly count: number;
  readonly days: number;
  readonly #importWh: readonly Int32Array[];
  readonly #exportWh: readonly Int32Array[];

  /** `days`: a multiple of 7, at most 364; a home's year begins anew after so many. */
  constructor(count: number, days: number, seed: number, progress: (day: number) => void) {
    this.count = count;
    this.days = days;
    const slots = days * PER_DAY;
    const meters = Array.from({ length: count }, (_, index) => ({ id: `m-${index}`, feeder: "f-1" }));
    const range = { from: FIRST_SLOT, to: FIRST_SLOT + slots };
    const homes = new LoadGenerator({ seed, meters, range, slotSeconds: SLOT_SECONDS });
    this.#importWh = meters.map(() => new Int32Array(slots));
    this.#exportWh = meters.map(() => new Int32Array(slots));
    for (let day = 0; day < days; day++) {
      for (let home = 0; home < count; home++) {
        for (let slot = day * PER_DAY; slot < (day + 1) * PER_DAY; slot++) {
          const energy = homes.read(home, FIRST_SLOT + slot);
          this.#importWh[home]![slot] = energy?.importWh ?? 0;
          this.#exportWh[home]![slot] = energy?.exportWh ?? 0;
        }
      }
      progress(day + 1);
    }
  }

  /** Slot 0 is the first of the year; slots before and after it are those of the years before and after. */
  read(home: number, slot: number): SlotEnergy {
    const slots = this.days * PER_DAY;
    const at = ((slot % slots) + slots) % slots;
    return { importWh: this.#importWh[home]![at]!, exportWh: this.#exportWh[home]![at]! };
  }
}
