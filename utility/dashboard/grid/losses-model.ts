/** Losses over time as a chart. Simulated time may stand still, or run faster than proposals for its loads can be worked out. */
import type { GridHistoryRow, GridStatistics } from "../../../protocol/grid/index.ts";
import type { Axis, ChartModel, Series } from "../charts/model.ts";
import { duration, figure, fixed, percent } from "../format.ts";

type Row = Pick<GridHistoryRow, "time" | "technicalMw" | "bestKw" | "optimumKw" | "gapPercent">;

/** In order, one for each moment: the last, with the proposal that was made for it. */
export function momentsOf<R extends Row>(rows: readonly R[]): readonly R[] {
  const byTime = new Map<number, R>();
  for (const row of rows) {
    const before = byTime.get(row.time);
    const keeps = before !== undefined && row.bestKw === null && before.bestKw !== null;
    const { bestKw, optimumKw, gapPercent } = keeps ? before : row;
    byTime.set(row.time, { ...row, bestKw, optimumKw, gapPercent });
  }
  return [...byTime.values()].sort((a, b) => a.time - b.time);
}

/** A line where neighbours are known, else dots: a line of points that stand alone would not be seen. */
function kindOf(values: readonly (number | null)[]): "line" | "dots" {
  const known = values.filter((value) => value !== null).length;
  const pairs = values.filter((value, i) => value !== null && typeof values[i + 1] === "number").length;
  return 2 * pairs >= known && pairs > 0 ? "line" : "dots";
}

export function lossChart(rows: readonly Row[], x: Axis & { readonly time?: boolean }): ChartModel {
  const moments = momentsOf(rows);
  const proposed = moments.filter(({ bestKw }) => bestKw !== null);
  const same = proposed.every(
    ({ bestKw, optimumKw }) => Math.abs((optimumKw ?? 0) - bestKw!) <= 1e-6 * Math.abs(bestKw!),
  );
  const series = (name: string, values: readonly (number | null)[], more: Pick<Series, "colour"> & Partial<Series>) => {
    const kind = kindOf(values);
    const points = moments.map(({ time }, i) => ({ x: time, y: values[i] ?? null }));
    return { name, kind, points: kind === "line" ? points : points.filter(({ y }) => y !== null), ...more };
  };
  const now = moments.at(-1)!.technicalMw * 1_000;
  const last = proposed.at(-1);
  const told =
    last === undefined
      ? " No proposal for the switches is known of any moment shown: loads changed faster than one is worked out."
      : proposed.length === moments.length
        ? ""
        : ` Proposals are known of ${proposed.length} of ${moments.length} moments.`;
  return {
    title: "Losses",
    summary:
      last === undefined || last !== moments.at(-1)
        ? `${figure(now)} kW now.${told}`
        : `${figure(now)} kW now, ${figure(last.bestKw!)} kW with the best switches that are known.${told}`,
    series: [
      {
        ...series(
          "Now",
          moments.map(({ technicalMw }) => technicalMw * 1_000),
          { colour: 1, area: true },
        ),
        kind: "line",
      },
      ...(proposed.length === 0
        ? []
        : [
            series(
              same ? "Best switches known, and the optimum" : "Best switches known",
              moments.map(({ bestKw }) => bestKw),
              { colour: 3, dash: [6, 3] },
            ),
          ]),
      ...(proposed.length === 0 || same
        ? []
        : [
            series(
              "Optimum",
              moments.map(({ optimumKw }) => optimumKw),
              { colour: 2, dash: [2, 3] },
            ),
          ]),
    ],
    x,
    y: { name: "Losses", unit: "kW", digits: 3, format: (value) => figure(value), fromZero: true },
  };
}

export function gapChart(rows: readonly Row[], x: Axis & { readonly time?: boolean }): ChartModel | undefined {
  const known = momentsOf(rows).filter(({ gapPercent }) => gapPercent !== null);
  if (known.length === 0) return undefined;
  return {
    title: "Gap",
    summary: `${fixed(known.at(-1)!.gapPercent!, 2)} % at last${known.length === 1 ? ", the only moment with a proposal" : ""}.`,
    series: [
      {
        ...{ name: "Gap", kind: known.length < 3 ? "dots" : "line", colour: 4, step: true },
        points: known.map(({ time, gapPercent }) => ({ x: time, y: gapPercent })),
      },
    ],
    x,
    y: { name: "Above the optimum", unit: "%", digits: 3, format: (value) => figure(value), fromZero: true },
  };
}

/** Of which time figures are, and how much of it scans cover: what lies between two of them too far apart is in no sum. */
export function coverage({ from, to, coveredSeconds }: Pick<GridStatistics, "from" | "to" | "coveredSeconds">): string {
  if (from === null || to === null || to <= from) return "one moment";
  const share = coveredSeconds / (to - from);
  const whole = duration(to - from);
  return share > 0.995 ? `${whole}, without a gap` : `${duration(coveredSeconds)} of ${whole} (${percent(share, 0)})`;
}
