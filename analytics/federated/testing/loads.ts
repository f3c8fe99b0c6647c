/** Homes with habits, made from a seed: hourly loads that a little learning can forecast better than averages do. */
import type { LoadSeries } from "../../../learning/index.ts";
import { seededBytes } from "../../../protocol/ckks/ring/sample.ts";
import { RandomBits } from "../../../protocol/noise/index.ts";
import { uniform } from "../rounds.ts";

export const HOURLY = { slotSeconds: 3_600, timezone: "UTC" } as const;
/** A Monday. */
const FIRST_SLOT = Date.UTC(2025, 0, 6) / 3_600_000;

export function seeded(label: string): RandomBits {
  return new RandomBits(seededBytes(new Uint8Array(32).fill(9), label));
}

/** Loads of whole days: an evening peak of its own height, less on days after a day away, and single kettles. */
export function habits(homes: number, days: number, seed: number): LoadSeries[] {
  const bits = seeded(`habits ${seed}`);
  return Array.from({ length: homes }, (_, home) => {
    const size = 120 + 400 * uniform(bits);
    const peak = 17 + Math.floor(4 * uniform(bits));
    const energyWh = new Float64Array(24 * days);
    let away = false;
    for (let day = 0; day < days; day += 1) {
      // Who is away stays away: yesterday says something of today.
      away = uniform(bits) < (away ? 0.7 : 0.08);
      for (let hour = 0; hour < 24; hour += 1) {
        const evening = Math.exp(-((hour - peak) ** 2) / 8);
        const kettle = uniform(bits) < 0.12 ? 2 * uniform(bits) : 0;
        const habit = away ? 0.25 : 0.5 + 1.6 * evening + kettle;
        energyWh[24 * day + hour] = Math.round(size * habit * (0.8 + 0.4 * uniform(bits)));
      }
    }
    return { id: `m-${home}`, firstSlot: FIRST_SLOT, energyWh };
  });
}
