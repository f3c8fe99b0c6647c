/** Released loads of feeders as a chart. */
import type { Item } from "../api/client.ts";
import { clock, day, figure } from "../format.ts";
import type { Axis, ChartModel, Point, Series } from "./model.ts";

type Load = Item<"listLoads">;

interface Slots {
  /** Unix seconds: the first slot that anybody has a row of, and the end of the last. */
  readonly from: number;
  readonly to: number;
  readonly seconds: number;
}

/** The slots that rows are about; undefined without a row. */
function slotsOf(rows: readonly Load[]): Slots | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const starts = rows.map(({ slotStart }) => slotStart);
  const seconds = first.slotSeconds;
  return { from: Math.min(...starts), to: Math.max(...starts) + seconds, seconds };
}

/** A point for every slot, null where nothing is known of it: a slot without a row is a gap like one that was withheld. */
function everySlot({ from, to, seconds }: Slots, kilowatts: ReadonlyMap<number, number>): Point[] {
  const points: Point[] = [];
  for (let x = from; x < to; x += seconds) points.push({ x, y: kilowatts.get(x) ?? null });
  return points;
}

/** Mean power in kW by the slot's start, of those that were released. */
function kilowattsOf(rows: readonly Load[]): Map<number, number> {
  return new Map(rows.flatMap(({ slotStart, powerW }) => (powerW === null ? [] : [[slotStart, powerW / 1_000]])));
}

/** The sum over feeders, in slots that all of them have. */
function totalOf(feeders: readonly ReadonlyMap<number, number>[]): Map<number, number> {
  const total = new Map<number, number>();
  const [first, ...others] = feeders;
  for (const [slot, own] of first ?? []) {
    const more = others.map((feeder) => feeder.get(slot));
    if (more.every((one) => one !== undefined))
      total.set(
        slot,
        more.reduce((sum, one) => sum + one, own),
      );
  }
  return total;
}

const COLOURS = [2, 3, 4, 5] as const;
const DASHES = [
  [6, 3],
  [2, 3],
  [9, 4],
  [4, 2],
] as const;

/** The total first; single feeders beside it while they can be told apart. */
export function loadChart(
  feeders: readonly { readonly feeder: string; readonly rows: readonly Load[] }[],
  zone: string,
): ChartModel {
  const slots = slotsOf(feeders.flatMap(({ rows }) => rows));
  const known = feeders.map(({ rows }) => kilowattsOf(rows));
  // Each value is the mean of its slot and holds until the slot ends: of the total as of every feeder.
  const stepped = (kilowatts: ReadonlyMap<number, number>) =>
    slots === undefined
      ? { points: [], step: true }
      : { points: everySlot(slots, kilowatts), step: true, holds: slots.seconds };
  const total: Series = { name: "All feeders", kind: "line", colour: 1, area: true, ...stepped(totalOf(known)) };
  const each = feeders.length > COLOURS.length || feeders.length < 2 ? [] : feeders;
  const series = each.map(({ feeder }, i): Series => {
    return {
      name: feeder,
      kind: "line",
      colour: COLOURS[i] ?? 5,
      dash: DASHES[i] ?? [6, 3],
      ...stepped(known[i]!),
    };
  });
  return {
    title: "Load",
    summary: summaryOf(total.points, zone),
    series: [total, ...series],
    x: timeAxis(zone),
    y: { name: "Mean power", unit: "kW", digits: 3, format: (value) => figure(value), fromZero: true },
  };
}

function summaryOf(points: readonly Point[], zone: string): string {
  const known = points.filter((point): point is { x: number; y: number } => point.y !== null);
  const most = known.reduce<(typeof known)[number] | undefined>(
    (best, p) => (best === undefined || p.y > best.y ? p : best),
    undefined,
  );
  const last = known.at(-1);
  if (last === undefined || most === undefined) return "No slot is released by all feeders yet.";
  const gaps = points.length - known.length;
  const lacking =
    gaps === 0
      ? ""
      : ` ${gaps} ${gaps === 1 ? "slot is a gap" : "slots are gaps"}: not all feeders have released ${gaps === 1 ? "it" : "them"}.`;
  return `${figure(last.y)} kW at ${clock(last.x, zone)}; most: ${figure(most.y)} kW at ${clock(most.x, zone)}, ${day(most.x, zone)}.${lacking}`;
}

/** Hours, and the day where one begins. */
export function timeAxis(zone: string): Axis & { readonly time: true } {
  return {
    ...{ name: "Time", unit: "", time: true },
    format: (seconds) => (clock(seconds, zone) === "00:00" ? day(seconds, zone) : clock(seconds, zone)),
  };
}
