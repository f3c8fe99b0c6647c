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
  /** false: it is not in the legend. */
  readonly legend?: boolean;
  readonly area?: boolean;
}

export interface Axis {
  readonly name: string;
  readonly unit: string;
  /** For axes, tips and the table. */
  readonly format: (value: number) => string;
}

export interface ChartModel {
  readonly title: string;
  /** What one would say of it in a sentence. */
  readonly summary: string;
  readonly series: readonly Series[];
  readonly x: Axis & { readonly time?: boolean; readonly log?: boolean };
  readonly y: Axis & { readonly fromZero?: boolean };
}
