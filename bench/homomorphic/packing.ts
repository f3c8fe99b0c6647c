/** What a reading costs the meter when ciphertexts hold one reading, a day, or as many as fit. */
import { DAY_SLOTS, dayOf, packedDay } from "./meters.ts";
import type { BenchParty } from "./party.ts";
import { stopwatch, type Timing } from "./stopwatch.ts";

/** 20 is the batch that the prototype's figure is for; 672 is a week. */
const SIZES = [1, 2, 5, 10, 20, 48, DAY_SLOTS, 192, 672];

export interface PackingFigures extends Timing {
  readonly readings: number;
  readonly bytes: number;
  readonly msPerReading: number;
  readonly bytesPerReading: number;
}

/** From numbers to bytes, for 1 to all slots of a ciphertext. */
export function packingSweep(party: BenchParty, budgetMs: number): PackingFigures[] {
  const sizes = [...SIZES.filter((size) => size < party.engine.slots), party.engine.slots];
  return sizes.map((readings) => {
    const values = dayOf(1, readings);
    const bytes = packedDay(party, values).length;
    const timing = stopwatch(budgetMs, () => packedDay(party, values));
    return { readings, bytes, ...timing, msPerReading: timing.ms / readings, bytesPerReading: bytes / readings };
  });
}
