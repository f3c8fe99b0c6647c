/**
 * Which results of ciphertexts a run is due to bring: one for each scheduled job, group and window that lies inside the
 * run, where the group has meters enough all through the window.
 */
import { DateTime } from "luxon";
import type { Config } from "../../config/index.ts";
import type { SeriesSettings } from "../../config/schema-ckks.ts";
import type { FleetPlan } from "./fleet-plan.ts";

export interface OpeningWindow {
  readonly firstSlot: number;
  readonly slots: number;
  /** Its first local day. */
  readonly date: string;
}

export interface DueOpening {
  readonly circuit: string;
  readonly series: readonly string[];
  /** As people call the group: a feeder, several, or `fleet`. */
  readonly label: string;
  readonly feeders: readonly string[];
  readonly window: OpeningWindow;
  /** The name under which analytics schedules it. */
  readonly key: string;
}

/** Empty where nothing is encrypted. */
export function dueOpenings(config: Config, plan: FleetPlan): DueOpening[] {
  if (!config.homomorphic.enabled) return [];
  return openingWindows(config, plan).flatMap((window) => {
    const whole = settledFeeders(plan, window, config.release.minMeters);
    return config.analytics.jobs
      .filter(({ everyWindows }) => ordinal(window, config) % everyWindows === 0)
      .flatMap((job) =>
        groupsOf(job.group, whole).flatMap(({ label, feeders }): DueOpening[] => {
          if (feeders.length === 0 || !feeders.every((feeder) => whole.get(feeder) === true)) return [];
          const { circuit, parameters } = job;
          const series = [job.series].flat();
          const key = [circuit, JSON.stringify(parameters), series.join(","), label, window.firstSlot].join(" ");
          return [{ circuit, series, label, feeders, window, key }];
        }),
      );
  });
}

/**
 * Slots before which the clock waits until the meters have encrypted the window that is over: real time would leave them
 * its grace for that. Empty where batches hold readings back for longer.
 */
export function windowHolds(config: Config, plan: FleetPlan): ReadonlySet<number> {
  const { enabled, graceSlots } = config.homomorphic;
  if (!enabled || config.meter.batchSlots > graceSlots) return new Set();
  return new Set(openingWindows(config, plan).map(({ firstSlot, slots }) => firstSlot + slots + graceSlots - 1));
}

/** What meters put into ciphertexts of a series. Throws RangeError for one that is not configured. */
export function seriesSettings(config: Config, series: string): SeriesSettings {
  const settings = (config.homomorphic.series as Readonly<Record<string, SeriesSettings>>)[series];
  if (settings === undefined) throw new RangeError(`series: ${series} is not configured (homomorphic.series)`);
  return settings;
}

const DAY_SECONDS = 86_400;

function dayNumber(date: string): number {
  return Math.round(DateTime.fromISO(date, { zone: "utc" }).toSeconds() / DAY_SECONDS);
}

function ordinal({ date }: OpeningWindow, { homomorphic }: Config): number {
  return Math.floor(dayNumber(date) / homomorphic.windowDays);
}

/** Windows whose slots have all been run. */
function openingWindows({ system, homomorphic }: Config, { range }: FleetPlan): OpeningWindow[] {
  const { slotSeconds, timezone } = system;
  const { windowDays } = homomorphic;
  const midnight = (day: number): number => {
    const date = DateTime.fromSeconds(day * DAY_SECONDS, { zone: "utc" }).toFormat("yyyy-MM-dd");
    return Math.ceil(DateTime.fromISO(date, { zone: timezone }).toSeconds() / slotSeconds);
  };
  const first = DateTime.fromSeconds(range.from * slotSeconds, { zone: timezone }).toFormat("yyyy-MM-dd");
  const windows: OpeningWindow[] = [];
  for (let day = Math.floor(dayNumber(first) / windowDays) * windowDays; midnight(day) < range.to; day += windowDays) {
    const [from, to] = [midnight(day), midnight(day + windowDays)];
    if (from < range.from || to > range.to) continue;
    const date = DateTime.fromSeconds(day * DAY_SECONDS, { zone: "utc" }).toFormat("yyyy-MM-dd");
    windows.push({ firstSlot: from, slots: to - from, date });
  }
  return windows;
}

/**
 * Feeders with a meter in the window, and whether a job can take them: whole feeders only, so nobody comes or goes in
 * between, and as many meters as a release asks for.
 */
function settledFeeders(
  { source }: FleetPlan,
  { firstSlot, slots }: OpeningWindow,
  minMeters: number,
): ReadonlyMap<string, boolean> {
  const meters = new Map<string, number>();
  const moved = new Set<string>();
  for (const index of source.meters.keys()) {
    const places = new Set<string>();
    for (let slot = firstSlot; slot < firstSlot + slots; slot++) places.add(source.feederOf(index, slot));
    for (const feeder of places) {
      meters.set(feeder, (meters.get(feeder) ?? 0) + 1);
      if (places.size > 1) moved.add(feeder);
    }
  }
  return new Map([...meters].map(([feeder, count]) => [feeder, count >= minMeters && !moved.has(feeder)]));
}

function groupsOf(
  group: Config["analytics"]["jobs"][number]["group"],
  feeders: ReadonlyMap<string, boolean>,
): { label: string; feeders: string[] }[] {
  const all = [...feeders.keys()].sort();
  if (group === "feeders") return all.map((feeder) => ({ label: feeder, feeders: [feeder] }));
  if (group === "fleet") return [{ label: "fleet", feeders: all }];
  return [{ label: group.join("+"), feeders: [...group].sort() }];
}
