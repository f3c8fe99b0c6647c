/** A chart with its title, unit, legend and the same numbers as a table: the drawing is for eyes, the table for everybody. */
import { lazy, type ReactNode, Suspense } from "react";
import { alike } from "../format.ts";
import { DataTable } from "../ui/data-table.tsx";
import type { ChartModel } from "./model.ts";

const Canvas = lazy(async () => ({ default: (await import("./canvas.tsx")).ChartCanvas }));
/** More rows than this no one reads. */
const ROWS = 200;

export interface ChartProps {
  readonly model: ChartModel;
  readonly height?: number;
}

export function Chart({ model, height = 260 }: ChartProps): ReactNode {
  const { summary, series, x, y } = model;
  const drawn = series.filter(({ legend }) => legend !== false);
  return (
    <figure className="chart">
      {drawn.length > 1 && <Legend model={model} />}
      <div className="chart-box" role="img" aria-label={summary}>
        <Suspense fallback={<Placeholder height={height} />}>
          <Canvas model={model} height={height} />
        </Suspense>
      </div>
      <figcaption className="chart-foot">
        <span>{summary}</span>
      </figcaption>
      <details>
        <summary>Show as a table</summary>
        <DataTable
          inset
          caption={`${model.title}, in ${y.unit === "" ? "plain numbers" : y.unit}`}
          rows={tableRows(model)}
          keyOf={(row) => row.key}
          columns={[
            { head: x.name, cell: (row) => row.label },
            ...series.map((one, i) => ({
              head: y.unit === "" ? one.name : `${one.name}, ${y.unit}`,
              number: true,
              cell: (row: TableRow) => row.cells[i] ?? "–",
            })),
          ]}
        />
      </details>
    </figure>
  );
}

interface TableRow {
  readonly key: string;
  readonly label: string;
  readonly cells: readonly string[];
}

function tableRows({ series, x, y }: ChartModel): TableRow[] {
  const at = new Map<number, (string | undefined)[]>();
  const values = series.flatMap(({ points }) => points.flatMap((point) => [point.y, point.low, point.high]));
  const known = values.filter((value): value is number => typeof value === "number");
  const show = y.digits === undefined ? y.format : alike(known, y.digits);
  for (const [i, { points }] of series.entries()) {
    for (const { x: key, y: value, low, high } of points) {
      const cells = at.get(key) ?? new Array<string | undefined>(series.length).fill(undefined);
      at.set(key, cells);
      if (low !== undefined && high !== undefined) cells[i] = `${show(low)} to ${show(high)}`;
      else if (value !== null) cells[i] = show(value);
    }
  }
  return [...at]
    .sort(([a], [b]) => b - a)
    .slice(0, ROWS)
    .map(([key, cells]) => ({ key: String(key), label: x.format(key), cells: cells.map((cell) => cell ?? "–") }));
}

function Placeholder({ height }: { readonly height: number }): ReactNode {
  return <div style={{ height }} />;
}

/** A sample of each series, dashed as it is drawn. */
function Legend({ model }: { readonly model: ChartModel }): ReactNode {
  return (
    <ul className="legend">
      {model.series
        .filter(({ legend }) => legend !== false)
        .map(({ name, kind, colour, dash }) => (
          <li key={name}>
            <svg width="22" height="10" aria-hidden="true">
              {kind === "line" ? (
                <line
                  x1="0"
                  x2="22"
                  y1="5"
                  y2="5"
                  stroke={`var(--series-${colour})`}
                  strokeWidth="2.5"
                  strokeDasharray={dash === undefined ? undefined : dash.join(" ")}
                />
              ) : kind === "band" ? (
                <rect width="22" height="10" rx="2" fill={`var(--series-${colour})`} opacity="0.22" />
              ) : (
                <circle cx="11" cy="5" r="4.5" fill={`var(--series-${colour})`} />
              )}
            </svg>
            {name}
          </li>
        ))}
    </ul>
  );
}
