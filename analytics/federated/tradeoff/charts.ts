/** Charts as SVG, in colours that the page around them decides: every colour is a name that is replaced at the end. */
import { CustomChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent } from "echarts/components";
import { init, use, type EChartsCoreOption } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([CustomChart, LineChart, GridComponent, LegendComponent, SVGRenderer]);

export interface ChartPoint {
  /** A number on a value axis, a label on an axis of labels. */
  readonly x: number | string;
  readonly y: number;
  readonly low: number;
  readonly high: number;
  readonly label?: string;
}

export interface Line {
  readonly name: string;
  readonly points: readonly ChartPoint[];
}

/** A level to compare with, drawn across the chart and written at its right end. */
export interface Level {
  readonly name: string;
  readonly y: number;
}

export interface Chart {
  readonly xName: string;
  readonly yName: string;
  /** Labels of the axis in their order; numbers when left out. */
  readonly labels?: readonly string[];
  readonly lines: readonly Line[];
  readonly levels: readonly Level[];
}

/** Stand for `--ink`, `--muted`, `--rule`, `--s1` ... of the page; the second column is what a file of its own gets. */
const PALETTE = {
  ink: ["#010101", "#1c2430"],
  muted: ["#020202", "#5b6676"],
  rule: ["#030303", "#dde2ea"],
  s1: ["#040401", "#0b66c3"],
  s2: ["#040402", "#c2410c"],
  s3: ["#040403", "#0f766e"],
  s4: ["#040404", "#7c3aed"],
  level: ["#050505", "#64748b"],
} as const;
const SERIES_COLOURS = [PALETTE.s1[0], PALETTE.s2[0], PALETTE.s3[0], PALETTE.s4[0]];
const SIZE = { width: 720, height: 380 };
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const ROOM_FOR_LEVELS = 168;

/** For a page that says what the colours are. */
export function inPage(svg: string): string {
  return replaced(svg, (name) => `var(--${name})`);
}

/** For a file of its own: dark on white. */
export function onWhite(svg: string): string {
  const coloured = replaced(svg, (_, colour) => colour);
  return coloured.replace(/(<svg[^>]*>)/, `$1<rect width="100%" height="100%" fill="#ffffff"/>`);
}

function replaced(svg: string, by: (name: string, colour: string) => string): string {
  return Object.entries(PALETTE).reduce((text, [name, [mark, colour]]) => text.replaceAll(mark, by(name, colour)), svg);
}

export function draw(chart: Chart): string {
  const instance = init(null, null, { renderer: "svg", ssr: true, ...SIZE });
  try {
    instance.setOption(optionOf(chart));
    // The size follows from the page; the proportions from the view box.
    return instance
      .renderToSVGString()
      .replace(/ width="\d+" height="\d+"/, ` role="img" style="width:100%;height:auto"`);
  } finally {
    instance.dispose();
  }
}

function optionOf({ xName, yName, labels, lines, levels }: Chart): EChartsCoreOption {
  const text = { color: PALETTE.muted[0], fontSize: 12 };
  const [low, high] = rangeOf(lines, levels);
  const across = lines.flatMap(({ points }) => points.flatMap(({ x }) => (typeof x === "number" ? [x] : [])));
  const ends = { min: Math.floor(Math.min(...across) * 0.9), max: Math.ceil(Math.max(...across) * 1.02) };
  const name = { nameTextStyle: { ...text, color: PALETTE.ink[0] }, axisLabel: text };
  const quiet = { axisLine: { lineStyle: { color: PALETTE.rule[0] } }, axisTick: { show: false } };
  return {
    animation: false,
    textStyle: { fontFamily: FONT },
    legend: {
      show: lines.length > 1,
      ...{ top: 4, left: 56, itemWidth: 18, itemHeight: 8, itemGap: 22, icon: "roundRect" },
      textStyle: { ...text, color: PALETTE.ink[0] },
      data: lines.map((line) => line.name),
    },
    grid: { left: 64, right: levels.length === 0 ? 24 : ROOM_FOR_LEVELS, top: 56, bottom: 54 },
    xAxis: {
      ...(labels === undefined ? { type: "value", ...ends } : { type: "category", data: [...labels] }),
      ...name,
      ...quiet,
      ...{ name: xName, nameLocation: "middle", nameGap: 32, splitLine: { show: false } },
    },
    yAxis: {
      ...name,
      ...{ type: "value", scale: true, min: low, max: high, name: yName, nameLocation: "end", nameGap: 14 },
      nameTextStyle: { ...text, align: "left", padding: [0, 0, 0, -52] },
      splitLine: { lineStyle: { color: PALETTE.rule[0] } },
    },
    series: [...lines.flatMap(seriesOf), levelSeries(levels)],
  };
}

/** Round numbers around all means and levels; a band of few seeds may reach beyond, and is cut off there. */
function rangeOf(lines: readonly Line[], levels: readonly Level[]): [number, number] {
  const values = [...lines.flatMap(({ points }) => points.map(({ y }) => y)), ...levels.map(({ y }) => y)];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = Math.max(most - least, most * 0.02) * 0.12;
  const rough = (most - least + 2 * room) / 5;
  const step = 10 ** Math.floor(Math.log10(rough)) * (rough / 10 ** Math.floor(Math.log10(rough)) >= 5 ? 5 : 1);
  return [Math.max(0, Math.floor((least - room) / step) * step), Math.ceil((most + room) / step) * step];
}

interface CustomApi {
  coord(point: readonly (number | string)[]): number[];
}

function seriesOf({ name, points }: Line, index: number): object[] {
  const color = SERIES_COLOURS[index % SERIES_COLOURS.length]!;
  const edge = [...points.map(({ x, high }) => [x, high]), ...points.toReversed().map(({ x, low }) => [x, low])];
  const band = {
    type: "custom",
    ...{ silent: true, clip: true, data: [0], z: 1 },
    renderItem: (_: unknown, api: CustomApi) => ({
      type: "polygon",
      shape: { points: edge.map((point) => api.coord(point as (number | string)[])) },
      style: { fill: color, opacity: 0.16 },
    }),
  };
  const line = {
    ...{ name, type: "line", z: 3, symbol: "circle", symbolSize: points.length > 12 ? 0 : 7 },
    lineStyle: { color, width: 2 },
    itemStyle: { color },
    data: points.map(({ x, y, label }) => ({
      value: [x, y],
      label: {
        show: label !== undefined,
        formatter: label ?? "",
        position: "top",
        color: PALETTE.muted[0],
        fontSize: 11,
      },
    })),
  };
  return [...(points.length > 1 ? [band] : []), line];
}

const LINE_HEIGHT = 15;

/** Levels close to each other have their names one under the other. */
function levelSeries(levels: readonly Level[]): object {
  return {
    type: "custom",
    ...{ silent: true, data: levels.length === 0 ? [] : [0], z: 2 },
    renderItem: (
      { coordSys }: { coordSys: { x: number; y: number; width: number; height: number } },
      api: CustomApi,
    ) => {
      const [left, right] = [coordSys.x, coordSys.x + coordSys.width];
      const sorted = levels.toSorted((a, b) => b.y - a.y);
      let free = Number.NEGATIVE_INFINITY;
      const children = sorted.flatMap(({ name, y }) => {
        const at = yOf(api, y, coordSys);
        free = Math.max(at, free + LINE_HEIGHT);
        return [
          {
            type: "line",
            shape: { x1: left, y1: at, x2: right, y2: at },
            style: { stroke: PALETTE.level[0], lineWidth: 1.2, lineDash: [5, 4] },
          },
          {
            type: "text",
            style: { x: right + 8, y: free, text: name, fill: PALETTE.muted[0], fontSize: 11, verticalAlign: "middle" },
          },
        ];
      });
      return { type: "group", children };
    },
  };
}

function yOf(api: CustomApi, y: number, { y: top }: { y: number }): number {
  // Labels of an axis count from 0; a value axis may not hold 0, but its height does not depend on it.
  return api.coord([0, y])[1] ?? top;
}
