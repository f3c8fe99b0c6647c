/** A chart's model as ECharts wants it, in the colours of the page. */
import type { EChartsCoreOption } from "echarts/core";
import { colourOf } from "../ui/ink.ts";
import { type ChartModel, cornersOf, type Point, pointAt, type Series } from "./model.ts";

const FONT = 12;

interface Ink {
  readonly text: string;
  readonly muted: string;
  readonly line: string;
  readonly surface: string;
  readonly font: string;
  readonly series: readonly string[];
}

function inkOf(style: CSSStyleDeclaration): Ink {
  return {
    text: colourOf("text"),
    muted: colourOf("muted"),
    line: colourOf("line"),
    surface: colourOf("surface"),
    font: style.fontFamily,
    series: [1, 2, 3, 4, 5].map((i) => colourOf(`series-${i}`)),
  };
}

export function optionOf(model: ChartModel, style: CSSStyleDeclaration): EChartsCoreOption {
  const ink = inkOf(style);
  const { x, y } = model;
  const label = { color: ink.muted, fontSize: FONT, fontFamily: ink.font, hideOverlap: true };
  const tip = (value: number): string => (y.unit === "" ? y.format(value) : `${y.format(value)} ${y.unit}`);
  return {
    animation: false,
    textStyle: { fontFamily: ink.font },
    grid: { left: 4, right: 14, top: 28, bottom: x.time === true ? 4 : 24, containLabel: true },
    tooltip: {
      trigger: "axis",
      // Drawn, not written into the page: styles inside of HTML are forbidden here.
      renderMode: "richText",
      confine: true,
      backgroundColor: ink.surface,
      borderColor: ink.line,
      textStyle: { color: ink.text, fontSize: 13, fontFamily: ink.font },
      axisPointer: { lineStyle: { color: ink.muted } },
      formatter: (given: unknown) => tipText(model, given, tip),
    },
    xAxis: {
      type: x.time === true ? "time" : x.log === true ? "log" : "value",
      name: x.time === true ? "" : x.unit === "" ? x.name : `${x.name}, ${x.unit}`,
      nameLocation: "middle",
      nameGap: 28,
      nameTextStyle: label,
      scale: true,
      ...(x.log === true ? { min: "dataMin", max: "dataMax" } : {}),
      axisLabel: { ...label, formatter: (value: number) => x.format(x.time === true ? value / 1_000 : value) },
      axisLine: { show: true, lineStyle: { color: ink.line } },
      axisTick: { show: false },
      splitLine: { show: false },
    },
    yAxis: {
      type: "value",
      name: y.unit === "" ? y.name : `${y.name}, ${y.unit}`,
      nameTextStyle: { ...label, align: "left" },
      nameGap: 12,
      scale: y.fromZero !== true,
      splitNumber: 4,
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { ...label, formatter: y.format },
      splitLine: { lineStyle: { color: ink.line } },
    },
    series: model.series.flatMap((one) => drawn(one, ink, x.time === true)),
  };
}

function drawn(series: Series, ink: Ink, time: boolean): object[] {
  const { name, kind, points, colour, dash, step, area } = series;
  const paint = ink.series[colour - 1] ?? ink.text;
  const at = (point: Point): number => (time ? point.x * 1_000 : point.x);
  if (kind === "band") return [bandOf(series, paint, at)];
  if (kind === "dots") {
    return [
      { name, type: "scatter", symbolSize: 9, itemStyle: { color: paint }, data: points.map((p) => [at(p), p.y]) },
    ];
  }
  if (kind === "bars") {
    const data = points.map((p) => [at(p), p.y]);
    return [{ name, type: "bar", barMaxWidth: 26, itemStyle: { color: paint, borderRadius: [3, 3, 0, 0] }, data }];
  }
  return [
    {
      name,
      type: "line",
      step: step === true ? "end" : false,
      lineStyle: { color: paint, width: 2, ...(dash === undefined ? {} : { type: [...dash] }) },
      itemStyle: { color: paint },
      ...(area === true ? { areaStyle: { color: paint, opacity: 0.1 } } : {}),
      data: cornersOf(series).map((p, i, all) => {
        // A line of one point has no length.
        const alone = step !== true && (all[i - 1]?.y ?? null) === null && (all[i + 1]?.y ?? null) === null;
        return { value: [at(p), p.y], symbol: alone ? "circle" : "none", symbolSize: 6 };
      }),
    },
  ];
}

/** An area between two curves, as one polygon. */
function bandOf({ name, points }: Series, paint: string, at: (point: Point) => number): object {
  const corners = points.filter(({ low, high }) => low !== undefined && high !== undefined);
  const data = corners.map((point) => [at(point), point.low, point.high]);
  return {
    name,
    type: "custom",
    silent: true,
    z: 0,
    data,
    encode: { x: 0, y: [1, 2] },
    renderItem: ({ dataIndex }: { dataIndex: number }, api: { coord: (value: number[]) => number[] }) => {
      if (dataIndex !== 0) return null;
      const along = (i: 1 | 2): number[][] => data.map((row) => api.coord([row[0] ?? 0, row[i] ?? 0]));
      return {
        type: "polygon",
        shape: { points: [...along(1), ...along(2).reverse()] },
        style: { fill: paint, opacity: 0.2 },
      };
    },
  };
}

interface TipItem {
  readonly seriesName: string;
  readonly value: readonly (number | null)[];
}

function tipText({ x, series }: ChartModel, given: unknown, tip: (value: number) => string): string {
  const items = (Array.isArray(given) ? given : [given]) as TipItem[];
  const head = items[0]?.value[0];
  if (head === null || head === undefined) return "";
  const at = x.time === true ? head / 1_000 : head;
  let shown = at;
  const lines = items.map(({ seriesName, value: [, low, high] }) => {
    if (high !== undefined && high !== null && typeof low === "number")
      return `${seriesName}: ${tip(low)} to ${tip(high)}`;
    const own = series.find(({ name, holds }) => name === seriesName && holds !== undefined);
    // Where a slot ends the drawing has its value once more; the next one may have none.
    const point = own === undefined ? undefined : pointAt(own, at);
    if (point !== undefined) shown = point.x;
    const value = own === undefined ? low : point?.y;
    return `${seriesName}: ${typeof value === "number" ? tip(value) : "–"}`;
  });
  return [x.format(shown), ...lines].join("\n");
}
