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

/** A level to compare with, drawn across the chart, with its name on it. */
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
  card: ["#060606", "#ffffff"],
} as const;
const SERIES_COLOURS = [PALETTE.s1[0], PALETTE.s2[0], PALETTE.s3[0], PALETTE.s4[0]];
/** About as wide as a chart is on a page: its letters are then as large as the text around it. */
const SIZE = { width: 480, height: 330 };
const FONT_SIZE = 12.5;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

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
    const svg = instance.renderToSVGString();
    return (
      svg
        // The size follows from the page; the proportions from the view box.
        .replace(/ width="\d+" height="\d+"/, ' role="img" style="width:100%;height:auto"')
        // For scripts that the page does not have.
        .replaceAll(/ (?:class|ecmeta_\w+)="[^"]*"/g, "")
        .replaceAll(/<style[\s\S]*?<\/style>/g, "")
    );
  } finally {
    instance.dispose();
  }
}

function optionOf({ xName, yName, labels, lines, levels }: Chart): EChartsCoreOption {
  const text = { color: PALETTE.muted[0], fontSize: FONT_SIZE };
  const range = rangeOf(lines, levels);
  const across = lines.flatMap(({ points }) => points.flatMap(({ x }) => (typeof x === "number" ? [x] : [])));
  const ends = { min: Math.floor(Math.min(...across) * 0.9), max: Math.ceil(Math.max(...across) * 1.02) };
  const name = { nameTextStyle: { ...text, color: PALETTE.ink[0] }, axisLabel: text };
  const quiet = { axisLine: { lineStyle: { color: PALETTE.rule[0] } }, axisTick: { show: false } };
  return {
    animation: false,
    textStyle: { fontFamily: FONT },
    legend: {
      show: lines.length > 1,
      ...{ top: 2, left: 0, itemWidth: 16, itemHeight: 8, itemGap: 18, icon: "roundRect" },
      textStyle: { ...text, color: PALETTE.ink[0] },
      data: lines.map((line) => line.name),
    },
    grid: { left: 46, right: 14, top: lines.length > 1 ? 60 : 34, bottom: 50 },
    xAxis: {
      ...(labels === undefined ? { type: "value", ...ends, splitNumber: 6 } : { type: "category", data: [...labels] }),
      ...name,
      ...quiet,
      // The ends are where the data are, no round numbers.
      ...(labels === undefined ? { axisLabel: { ...text, showMinLabel: false, showMaxLabel: false } } : {}),
      ...{ name: xName, nameLocation: "middle", nameGap: 32, splitLine: { show: false } },
    },
    yAxis: {
      ...name,
      ...{ type: "value", ...range, name: yName, nameLocation: "end", nameGap: 14 },
      nameTextStyle: { ...text, align: "left", padding: [0, 0, 0, -44] },
      axisLine: { show: false },
      splitLine: { lineStyle: { color: PALETTE.rule[0] } },
    },
    series: [...lines.flatMap(seriesOf), levelSeries(levels)],
  };
}

interface Range {
  readonly min: number;
  readonly max: number;
  readonly interval: number;
}

const TICKS = 5;

/** Round numbers around all means and levels; a band of few seeds may reach beyond, and is cut off there. */
function rangeOf(lines: readonly Line[], levels: readonly Level[]): Range {
  const values = [...lines.flatMap(({ points }) => points.map(({ y }) => y)), ...levels.map(({ y }) => y)];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = Math.max(most - least, most * 0.02) * 0.1;
  const rough = (most - least + 2 * room) / TICKS;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const interval = ten * ([1, 2, 5, 10].find((step) => step * ten >= rough) ?? 10);
  const min = Math.max(0, Math.floor((least - room) / interval) * interval);
  return { min, max: Math.ceil((most + room) / interval) * interval, interval };
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
      shape: { points: edge.map((point) => api.coord(point)) },
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
        fontSize: FONT_SIZE,
      },
    })),
  };
  return [...(points.length > 1 ? [band] : []), line];
}

const LINE_HEIGHT = 17;

/** The highest has its name above it, the others below: lines run between them. Of two that meet, one makes room. */
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
      const children = sorted.flatMap(({ name, y }, i) => {
        const at = yOf(api, y, coordSys);
        free = i === 0 ? at - LINE_HEIGHT / 2 : Math.max(at + LINE_HEIGHT / 2, free + LINE_HEIGHT);
        return [
          {
            type: "line",
            shape: { x1: left, y1: at, x2: right, y2: at },
            style: { stroke: PALETTE.level[0], lineWidth: 1.2, lineDash: [5, 4] },
          },
          {
            type: "text",
            style: {
              ...{ x: right - 2, y: free, text: name, align: "right", verticalAlign: "middle" },
              // A border in the colour of the card: what runs behind it does not make it unreadable.
              ...{ fill: PALETTE.muted[0], fontSize: FONT_SIZE, stroke: PALETTE.card[0], lineWidth: 4 },
            },
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
