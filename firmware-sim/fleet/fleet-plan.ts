/** What a fleet run simulates: which meters, which slots, from which source. Pure but for reading the replayed file. */
import { DateTime } from "luxon";
import type { Config } from "../../config/index.ts";
import { UsageError } from "../../config/runtime/role.ts";
import { MOST_DAYS } from "../../config/schema.ts";
import type { SlotRange } from "../../protocol/slots.ts";
import type { MeterPlace, ReadingsSource } from "../loads/index.ts";
import type { TrueLine } from "../feeder/head-model.ts";
import { parseThefts } from "../feeder/thefts.ts";
import { headPlaces } from "../feeder/with-heads.ts";
import { emulatedMeters } from "./emulated-plan.ts";
import { openFeed } from "./feed.ts";
import type { FeedPlan } from "./host-messages.ts";

/** A local date range, half open: `YYYY-MM-DD`. */
export interface DateRange {
  readonly from: string;
  readonly to: string;
}

export interface FleetPlan {
  readonly feed: FeedPlan;
  readonly source: ReadingsSource;
  /** Indices of the meters that are emulated devices. */
  readonly emulated: readonly number[];
  /** Meters at the heads of feeders; none where they are not simulated. */
  readonly heads: readonly MeterPlace[];
  /** The slots of this run; the source may begin earlier, where earlier runs did. */
  readonly range: SlotRange;
  /** The local dates that the run covers. */
  readonly dates: DateRange;
  /** The date before which every day is over: the end of `dates`, unless the run was ended early. */
  readonly completeTo: string;
  /** False where the run was ended early: a bill for the whole of it will not come. */
  readonly isWhole: boolean;
  /** The slot at which the last of those dates ends. */
  readonly periodEnd: number;
}

/** Remembered in the data folder, so that the next run goes on where this one ended. */
export interface FleetHistory {
  readonly firstDate: string;
  readonly nextDate: string;
}

/** Meter ids wide enough to sort: m-001 to m-050, or m-0001 for a fleet of thousands. */
export function meterNames(count: number): string[] {
  const width = Math.max(3, String(count).length);
  return Array.from({ length: count }, (_, index) => `m-${String(index + 1).padStart(width, "0")}`);
}

/** Spreads meters in turn over feeders, as `npm run enrol -- --meters` does. */
export function spreadOverFeeders(meters: readonly string[], feeders: number): { id: string; feeder: string }[] {
  return meters.map((id, index) => ({ id, feeder: `f-${(index % feeders) + 1}` }));
}

/** The first slot of a local day. Throws RangeError where days do not begin on slot boundaries. */
export function firstSlotOf(date: string, config: Config): number {
  const { timezone, slotSeconds } = config.system;
  const start = DateTime.fromISO(date, { zone: timezone });
  if (!start.isValid) throw new RangeError(`date: expected YYYY-MM-DD, got ${date}`);
  const slot = start.toSeconds() / slotSeconds;
  if (!Number.isInteger(slot)) throw new RangeError(`slotSeconds: ${date} in ${timezone} begins inside a slot`);
  return slot;
}

/** How many local days a range of dates covers. */
export function daysOf({ from, to }: DateRange): number {
  const day = (date: string): DateTime => DateTime.fromISO(date, { zone: "utc" });
  return Math.round(day(to).diff(day(from), "days").days);
}

function addDays(date: string, days: number): string {
  const day = DateTime.fromISO(date, { zone: "utc" }).plus({ days });
  return day.toFormat("yyyy-MM-dd");
}

/** Simulated households: `simulation.days` local days from the start, or from where the last run ended. */
export async function planGenerated(config: Config, history: FleetHistory | undefined): Promise<FleetPlan> {
  const { simulation, system } = config;
  const firstDate = history?.firstDate ?? simulation.start;
  const from = history?.nextDate ?? simulation.start;
  const to = addDays(from, simulation.days);
  const meters = spreadOverFeeders(meterNames(simulation.meters), simulation.feeders);
  const range = { from: firstSlotOf(from, config), to: firstSlotOf(to, config) };
  const feed: FeedPlan = {
    kind: "generated",
    seed: simulation.seed,
    meters,
    // Registers count from the very first day: a run that continues must not look like a meter reset.
    range: { from: firstSlotOf(firstDate, config), to: range.to },
    slotSeconds: system.slotSeconds,
    timezone: system.timezone,
    ...feederPlan(config, meters),
  };
  const source = await openFeed(feed);
  return {
    feed,
    source,
    heads: simulation.heads ? headPlaces(source) : [],
    emulated: emulatedMeters(source, simulation.emulated),
    range,
    dates: { from, to },
    completeTo: to,
    isWhole: true,
    periodEnd: range.to,
  };
}

/** Heads and thefts of simulated feeders. Throws TheftError. */
function feederPlan(
  { simulation, balance }: Config,
  meters: readonly MeterPlace[],
): Pick<GeneratedFeed, "thefts" | "heads"> {
  const thefts = parseThefts(
    simulation.theft,
    meters.map(({ id }) => id),
    simulation.days,
  );
  const lines = [...new Set(meters.map(({ feeder }) => feeder))].map((feeder): [string, TrueLine] => {
    const own = balance.feeders[feeder];
    const { ohm = balance.ohm, voltageV = balance.voltageV, noLoadW = balance.noLoadW } = own ?? {};
    return [feeder, { ohm, voltageV, noLoadW }];
  });
  return {
    ...(thefts.length === 0 ? {} : { thefts }),
    ...(simulation.heads ? { heads: Object.fromEntries(lines) } : {}),
  };
}

type GeneratedFeed = Exclude<FeedPlan, { kind: "replayed" }>;

/** The part of a plan that was run when feeding stopped before slot `to`: what lies after it was never fed. */
export function planUntil(plan: FleetPlan, config: Config, to: number): FleetPlan {
  if (to >= plan.range.to) return plan;
  const { slotSeconds, timezone } = config.system;
  const last = DateTime.fromSeconds((Math.max(to, plan.range.from + 1) - 1) * slotSeconds, { zone: timezone });
  const dates = { from: plan.dates.from, to: addDays(last.toFormat("yyyy-MM-dd"), 1) };
  const periodEnd = firstSlotOf(dates.to, config);
  const completeTo = to === periodEnd ? dates.to : addDays(dates.to, -1);
  return { ...plan, range: { from: plan.range.from, to }, dates, completeTo, isWhole: false, periodEnd };
}

/** A file of readings, whole. Throws UsageError for one of too many days, as it is with one wrong year. */
export async function planReplay(config: Config, file: string): Promise<FleetPlan> {
  const { slotSeconds, timezone } = config.system;
  const feed: FeedPlan = { kind: "replayed", file, slotSeconds };
  const source = await openFeed(feed);
  const { range } = source;
  const local = (slot: number): string =>
    DateTime.fromSeconds(slot * slotSeconds, { zone: timezone }).toFormat("yyyy-MM-dd");
  const dates = { from: local(range.from), to: addDays(local(range.to - 1), 1) };
  if (daysOf(dates) > MOST_DAYS) {
    const from = `has readings from ${dates.from} to ${local(range.to - 1)}`;
    throw new UsageError(`--readings ${file}: ${from}, ${daysOf(dates)} days; expected at most ${MOST_DAYS}`);
  }
  const periodEnd = firstSlotOf(dates.to, config);
  return { feed, source, emulated: [], heads: [], range, dates, completeTo: dates.to, isWhole: true, periodEnd };
}
