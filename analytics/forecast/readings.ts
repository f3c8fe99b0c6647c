/** Series to forecast from a file of readings. */
import { ReadingsError, type ReadingsRow, scanReadings } from "../../billing/readings-file.ts";
import type { LoadSeries } from "../../learning/index.ts";

export interface FleetReadings {
  /** Every meter by itself, in the order of their ids. */
  readonly meters: readonly LoadSeries[];
  /** Which meters a feeder has; `all` where the file names none. A meter that moved stands where it was last. */
  readonly feeders: ReadonlyMap<string, readonly string[]>;
}

export interface ReadOptions {
  readonly slotSeconds: number;
  /** Told after every row how many bytes of the file are read. */
  readonly onRow?: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** The feeder of rows that name none. */
const ALL = "all";
/** Of a quarter hour a century: a file with two rows further apart has a wrong date in it. */
const MOST_SLOTS = 3_600_000;

interface Growing {
  feeder: string;
  readonly slots: number[];
  readonly energyWh: number[];
}

/** Reads what the meters took from the grid. Throws ReadingsError that names the line. */
export async function readFleet(file: string, { slotSeconds, onRow, signal }: ReadOptions): Promise<FleetReadings> {
  const byMeter = new Map<string, Growing>();
  let rows = 0;
  await scanReadings(file, slotSeconds, (row) => {
    signal?.throwIfAborted();
    takeRow(byMeter, row);
    rows += 1;
    onRow?.(row.bytes);
  });
  if (rows === 0) throw new ReadingsError(`${file} has no readings`);
  const ids = [...byMeter.keys()].sort();
  const feeders = new Map<string, string[]>();
  for (const id of ids) {
    const { feeder } = byMeter.get(id)!;
    feeders.set(feeder, [...(feeders.get(feeder) ?? []), id]);
  }
  return { meters: ids.map((id) => seriesOf(id, byMeter.get(id)!, file, slotSeconds)), feeders };
}

function takeRow(byMeter: Map<string, Growing>, { meter, slot, feeder, energy, fail }: ReadingsRow): void {
  if (meter === "") fail("meter: expected the name of a meter, got nothing");
  const value = energy("import");
  let own = byMeter.get(meter);
  if (own === undefined) byMeter.set(meter, (own = { feeder: ALL, slots: [], energyWh: [] }));
  own.feeder = feeder === "" ? ALL : feeder;
  // An empty field is a gap, as a missing row is.
  if (value === undefined) return;
  own.slots.push(slot);
  own.energyWh.push(value);
}

function seriesOf(id: string, { slots, energyWh }: Growing, file: string, slotSeconds: number): LoadSeries {
  let firstSlot = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const slot of slots) {
    firstSlot = Math.min(firstSlot, slot);
    last = Math.max(last, slot);
  }
  if (slots.length === 0) throw new ReadingsError(`${file}: energy_wh of meter ${id} is empty in every row`);
  if (last - firstSlot > MOST_SLOTS) {
    const date = (slot: number): string => new Date(slot * slotSeconds * 1_000).toISOString().slice(0, 10);
    throw new ReadingsError(
      `${file}: slot_start of meter ${id} goes from ${date(firstSlot)} to ${date(last)}; is a date wrong?`,
    );
  }
  const series = new Float64Array(last - firstSlot + 1).fill(Number.NaN);
  for (const [i, slot] of slots.entries()) {
    if (!Number.isNaN(series[slot - firstSlot])) {
      const start = new Date(slot * slotSeconds * 1_000).toISOString();
      throw new ReadingsError(`${file}: meter ${id} has two values of energy_wh for slot_start ${start}`);
    }
    series[slot - firstSlot] = energyWh[i]!;
  }
  return { id, firstSlot, energyWh: series };
}
