/** What a chart shows, before anything is drawn. */

export interface Point {
  readonly x: number;
  /** null: a gap, drawn as one. */
  readonly y: number | null;
  /** Of a band. */
  readonly low?: number;
  readonly high?: number;
}

export interface Series {
  readonly name: string;
  readonly kind: "line" | "band" | "dots" | "bars";
  readonly points: readonly Point[];
  /** Which of the five colours of tokens.css. */
  readonly colour: 1 | 2 | 3 | 4 | 5;
  /** Besides the colour, so that series can be told apart without it. */
  readonly dash?: readonly [number, number];
  readonly step?: boolean;
  /** How long a value holds, in units of x: the last one, and one before a gap, is drawn that far. */
  readonly holds?: number;
  /** false: it is not in the legend. */
  readonly legend?: boolean;
  readonly area?: boolean;
}

export interface Axis {
  readonly name: string;
  readonly unit: string;
  /** For axes and tips. */
  readonly format: (value: number) => string;
  /** In the table all numbers have as many decimals, as many as give the largest so many figures; without it `format` does. */
  readonly digits?: number;
}

export interface ChartModel {
  readonly title: string;
  /** What one would say of it in a sentence. */
  readonly summary: string;
  readonly series: readonly Series[];
  readonly x: Axis & { readonly time?: boolean; readonly log?: boolean };
  readonly y: Axis & { readonly fromZero?: boolean };
}

/** The corners that a line is drawn through: a value that holds ends where its slot does, not where the next one begins. */
export function cornersOf({ points, holds }: Pick<Series, "points" | "holds">): readonly Point[] {
  if (holds === undefined) return points;
  return points.flatMap((point, i): readonly Point[] => {
    const next = points[i + 1];
    const ends = point.y !== null && (next === undefined || next.y === null);
    return ends ? [point, { x: point.x + holds, y: point.y }] : [point];
  });
}

/** The point that says what a series has at `x`: that of a slot holds also after its beginning. */
export function pointAt({ points, holds = 0 }: Pick<Series, "points" | "holds">, x: number): Point | undefined {
  return points.findLast((point) => point.x <= x && x <= point.x + holds);
}
