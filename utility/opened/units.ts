/** Units of what circuits give, in words that stand in the database and, without signs, in the names of JSON fields. */
import type { SeriesShape } from "../../config/ckks-series.ts";
import { resultUnit, type SeriesUnit } from "../../protocol/ckks/circuits/units.ts";

/** What a series' numbers are in: counts are of meters. */
function unitOfSeries({ content }: Pick<SeriesShape, "content">): SeriesUnit {
  if (content === "buckets") return "meters";
  return content === "squares" ? "Wh2" : "Wh";
}

/** The unit of one named result of a circuit. */
export function unitOf(circuit: string, name: string, series: Pick<SeriesShape, "content">): string {
  return resultUnit(circuit, name, unitOfSeries(series));
}

/** A field's name with its unit: `sumWh`, `slopeWhPerSlot`, `histogramMeters`. */
export function fieldName(name: string, unit: string): string {
  const suffix = unit.replace("/slot", "PerSlot");
  return `${name}${suffix.slice(0, 1).toUpperCase()}${suffix.slice(1)}`;
}
