/** The newest day whose loads are released to its end, hour by hour: what the grid took, as far as feeders tell. */
import type { OperationPlan } from "./plan.ts";
import type { StoredLoad } from "./store.ts";

export interface ReleasedDay {
  /** YYYY-MM-DD in UTC. */
  readonly date: string;
  /** Of each of its 24 hours, all feeders together, times `grid.loadFactor`. */
  readonly mw: readonly number[];
  /** Whose loads these are. */
  readonly feeders: readonly string[];
}

const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 24 * HOUR_SECONDS;
/** Loads are released some while after their slot, and those of older days say little of this one. */
const DAYS_BACK = 2;

/**
 * `time` is of the state, Unix seconds. Undefined where some feeder that has loads lacks a slot of every such day, or slots do not
 * make hours.
 */
export function releasedDay(
  { slotSeconds, settings }: Pick<OperationPlan, "slotSeconds" | "settings">,
  feeders: readonly string[],
  time: number,
  loadsOf: (feeder: string, from: number, to: number) => readonly Pick<StoredLoad, "slotStart" | "netWh">[],
): ReleasedDay | undefined {
  if (feeders.length === 0 || HOUR_SECONDS % slotSeconds !== 0) return undefined;
  const today = Math.floor(time / DAY_SECONDS) * DAY_SECONDS;
  for (let back = 0; back <= DAYS_BACK; back++) {
    const start = today - back * DAY_SECONDS;
    const wh = new Float64Array(DAY_SECONDS / HOUR_SECONDS);
    const isWhole = feeders.every((feeder) => {
      const loads = loadsOf(feeder, start, start + DAY_SECONDS);
      for (const { slotStart, netWh } of loads) wh[Math.floor((slotStart - start) / HOUR_SECONDS)]! += netWh;
      return loads.length === DAY_SECONDS / slotSeconds;
    });
    if (!isWhole) continue;
    // An hour: so many Wh are so many watts.
    const mw = Array.from(wh, (energy) => (energy / 1e6) * settings.loadFactor);
    return { date: new Date(start * 1_000).toISOString().slice(0, 10), mw, feeders };
  }
  return undefined;
}
