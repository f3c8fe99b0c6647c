/** Released loads of feeders as a chart. */
import type { Item } from "../api/client.ts";
import { clock, day, figure } from "../format.ts";
import type { Axis, ChartModel, Point, Series } from "./model.ts";

type Load = Item<"listLoads">;

/** Mean power of a slot in kW; gaps where nothing was released. */
function loadPoints(rows: readonly Load[]): Point[] {
  return rows.map(({ slotStart, powerW }) => ({ x: slotStart, y: powerW === null ? null : powerW / 1_000 }));
}

/** The sum over feeders, in slots that all of them have. */
function totalPoints(feeders: readonly (readonly Load[])[]): Point[] {
  const sums = new Map<number, { watts: number; feeders: number }>();
  for (const { slotStart, powerW } of feeders.flat()) {
    if (powerW === null) continue;
    const sum = sums.get(slotStart) ?? { watts: 0, feeders: 0 };
    sums.set(slotStart, { watts: sum.watts + powerW, feeders: sum.feeders + 1 });
  }
  return [...sums]
    .sort(([a], [b]) => a - b)
    .map(([x, sum]) => ({ x, y: sum.feeders === feeders.length ? sum.watts / 1_000 : null }));
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
  const total: Series = {
    ...{ name: "All feeders", kind: "line", colour: 1, area: true, step: true },
    points: totalPoints(feeders.map(({ rows }) => rows)),
  };
  const each = feeders.length > COLOURS.length || feeders.length < 2 ? [] : feeders;
  const series = each.map(({ feeder, rows }, i): Series => {
    return {
      name: feeder,
      kind: "line",
      points: loadPoints(rows),
      colour: COLOURS[i] ?? 5,
      dash: DASHES[i] ?? [6, 3],
    };
  });
  const known = total.points.filter((point): point is { x: number; y: number } => point.y !== null);
  const most = known.reduce<(typeof known)[number] | undefined>(
    (best, p) => (best === undefined || p.y > best.y ? p : best),
    undefined,
  );
  const last = known.at(-1);
  return {
    title: "Load",
    summary:
      last === undefined || most === undefined
        ? "No slot is released by all feeders yet."
        : `${figure(last.y)} kW at ${clock(last.x, zone)}; most: ${figure(most.y)} kW at ${clock(most.x, zone)}, ${day(most.x, zone)}.`,
    series: [total, ...series],
    x: timeAxis(zone),
    y: { name: "Mean power", unit: "kW", format: (value) => figure(value), fromZero: true },
  };
}

/** Hours, and the day where one begins. */
export function timeAxis(zone: string): Axis & { readonly time: true } {
  return {
    ...{ name: "Time", unit: "", time: true },
    format: (seconds) => (clock(seconds, zone) === "00:00" ? day(seconds, zone) : clock(seconds, zone)),
  };
}
