/** Units of what circuits give, in words that stand in databases and, without signs, in the names of JSON fields. */

/** What one number of a series is in: energy, its square, or a count. */
export type SeriesUnit = "Wh" | "Wh2" | "meters";

const SQUARES: ReadonlySet<string> = new Set(["variance", "covariance"]);
const NO_UNIT: ReadonlySet<string> = new Set(["loadFactor", "peakToAverage", "peakSlot"]);
/** Counts above levels and in buckets; everything else that these circuits give is the edge of a bucket. */
const COUNT = /^(above|bucket)-/;
const COUNTING: ReadonlySet<string> = new Set(["buckets", "compare"]);

/**
 * The unit of one named result of a circuit: "Wh", "Wh2", "Wh4", "meters", with "/slot" for slopes, or "" for ratios.
 * A weighted sum is in the series' unit times that of its weights, which nobody states; it stays the series'.
 */
export function resultUnit(circuit: string, name: string, series: SeriesUnit): string {
  if (COUNTING.has(circuit)) return COUNT.test(name) ? "meters" : series === "meters" ? "Wh" : series;
  if (NO_UNIT.has(name)) return "";
  if (SQUARES.has(name)) return series === "Wh2" ? "Wh4" : `${series}2`;
  return name === "slope" ? `${series}/slot` : series;
}
