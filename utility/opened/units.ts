/** Units of what circuits give, in words that stand in the database and, without signs, in the names of JSON fields. */
import type { SeriesShape } from "../../config/ckks-series.ts";

const SQUARES = new Set(["variance", "covariance"]);
const NO_UNIT = new Set(["loadFactor", "peakToAverage", "peakSlot"]);

/** What a series' numbers are in: `Wh`, `Wh2`, or `meters` for counts. */
function unitOfSeries({ content }: Pick<SeriesShape, "content">): string {
  if (content === "buckets") return "meters";
  return content === "squares" ? "Wh2" : "Wh";
}

/** The unit of one named result of a circuit. */
export function unitOf(circuit: string, name: string, series: Pick<SeriesShape, "content">): string {
  // The circuit `buckets` names bounds of its edges, and counts in the histogram.
  if (circuit === "buckets") return name === "histogram" ? "meters" : "Wh";
  if (NO_UNIT.has(name)) return "";
  const unit = unitOfSeries(series);
  if (SQUARES.has(name)) return unit === "Wh2" ? "Wh4" : `${unit}2`;
  return name === "slope" ? `${unit}/slot` : unit;
}

/** A field's name with its unit: `sumWh`, `slopeWhPerSlot`, `histogramMeters`. */
export function fieldName(name: string, unit: string): string {
  const suffix = unit.replace("/slot", "PerSlot");
  return `${name}${suffix.slice(0, 1).toUpperCase()}${suffix.slice(1)}`;
}
