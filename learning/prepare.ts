/** From a series to rows that a model learns from, the same for a household and for whoever evaluates. */
import type { CalendarOptions } from "./calendar.ts";
import { type Examples, slotExamples } from "./examples.ts";
import { dayInputs } from "./features.ts";
import { type DayTable, loadTable, tabulate } from "./history.ts";
import type { LoadSeries, TemperatureSeries } from "./series.ts";

/** A series with the inputs of each of its days, which are worked out once. */
export interface Prepared {
  readonly table: DayTable;
  /** Per day; undefined where too little is known before it. */
  readonly rows: readonly (Examples | undefined)[];
  /** Per day and slot, in Wh; NaN is a gap. */
  readonly actual: readonly Float64Array[];
}

/** Tables and inputs of series, day by day. Each day's inputs follow from the days before it alone. */
export function prepare(
  series: LoadSeries,
  temperature: TemperatureSeries | undefined,
  options: CalendarOptions,
): Prepared {
  const table = loadTable(series, options);
  const warmth =
    temperature === undefined
      ? undefined
      : tabulate(temperature.firstSlot, temperature.temperatureC, table.days, table.positions);
  const actual = table.days.map(({ firstSlot, positions }) =>
    Float64Array.from(positions, (_, i) => series.energyWh[firstSlot - series.firstSlot + i] ?? Number.NaN),
  );
  const rows = table.days.map((day, d) => {
    const inputs = dayInputs({ load: table, temperature: warmth }, d);
    return inputs === undefined ? undefined : slotExamples(day, inputs, actual[d]!);
  });
  return { table, rows, actual };
}
