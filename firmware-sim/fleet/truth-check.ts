/**
 * Compares what the utility's database says with what was fed: bills to the watt-hour, feeder loads to the watt-hour.
 * It reads the database as any user would, and knows the readings from the source alone.
 */
import type { Database } from "better-sqlite3";
import { DateTime } from "luxon";
import type { SlotRange } from "../../protocol/slots.ts";
import type { ReadingsSource } from "../loads/index.ts";

export interface BillRow {
  readonly meter_id: string;
  readonly period_start: string;
  readonly period_end: string;
  readonly energy_wh: number;
  readonly amount_micro: number;
  readonly currency: string;
  readonly status: string;
}

export interface LoadRow {
  readonly feeder_id: string;
  readonly slot_start: number;
  readonly energy_wh: number | null;
  readonly export_wh: number | null;
  readonly meters: number;
  readonly status: string;
}

export interface Difference {
  readonly what: string;
  readonly expectedWh: number;
  readonly gotWh: number;
}

export interface CheckResult {
  readonly bills: number;
  readonly billsFinal: number;
  readonly billsExact: boolean;
  readonly loads: number;
  readonly loadsFinal: number;
  readonly loadsExact: boolean;
  /** Why bills or loads are not final, and how many. */
  readonly withheld: Readonly<Record<string, number>>;
  /** The first few that do not agree. */
  readonly differences: readonly Difference[];
}

const MOST_DIFFERENCES = 10;

export function readBills(database: Database): BillRow[] {
  return database
    .prepare<[], BillRow>(
      `SELECT meter_id, period_start, period_end, energy_wh, amount_micro, currency, status FROM current_bills
       ORDER BY meter_id, period_start`,
    )
    .all();
}

export function readLoads(database: Database, fromTime: number, toTime: number): LoadRow[] {
  return database
    .prepare<[number, number], LoadRow>(
      `SELECT feeder_id, slot_start, energy_wh, export_wh, meters, status FROM feeder_loads
       WHERE slot_start >= ? AND slot_start < ? ORDER BY feeder_id, slot_start`,
    )
    .all(fromTime, toTime);
}

/** Checks all bills and loads that lie inside the run. */
export function checkAgainstTruth(
  source: ReadingsSource,
  range: SlotRange,
  timezone: string,
  bills: readonly BillRow[],
  loads: readonly LoadRow[],
): CheckResult {
  const differences: Difference[] = [];
  const withheld: Record<string, number> = {};
  const note = (difference: Difference): void => {
    if (differences.length < MOST_DIFFERENCES) differences.push(difference);
  };
  const hold = (status: string): void => {
    withheld[status] = (withheld[status] ?? 0) + 1;
  };
  const indexOf = new Map(source.meters.map(({ id }, index) => [id, index]));
  let billsExact = bills.length > 0;
  let billsFinal = 0;
  for (const bill of bills) {
    if (bill.status !== "final") {
      hold(bill.status);
      billsExact = false;
      continue;
    }
    billsFinal += 1;
    const index = indexOf.get(bill.meter_id);
    const expectedWh = index === undefined ? 0 : importOver(source, index, periodSlots(bill, timezone, source));
    if (expectedWh === bill.energy_wh) continue;
    billsExact = false;
    note({ what: `bill of ${bill.meter_id} from ${bill.period_start}`, expectedWh, gotWh: bill.energy_wh });
  }
  const truth = feederTruth(source, range);
  let loadsExact = true;
  let loadsFinal = 0;
  for (const load of loads) {
    if (load.status !== "final") {
      hold(load.status);
      continue;
    }
    loadsFinal += 1;
    const expected = truth.get(`${load.feeder_id}/${load.slot_start}`) ?? { importWh: 0, exportWh: 0 };
    const what = `load of ${load.feeder_id} at ${load.slot_start}`;
    if (load.energy_wh !== expected.importWh) {
      loadsExact = false;
      note({ what, expectedWh: expected.importWh, gotWh: load.energy_wh ?? 0 });
    }
    if (load.export_wh !== null && load.export_wh !== expected.exportWh) {
      loadsExact = false;
      note({ what: `export ${what}`, expectedWh: expected.exportWh, gotWh: load.export_wh });
    }
  }
  return {
    bills: bills.length,
    billsFinal,
    billsExact,
    loads: loads.length,
    loadsFinal,
    loadsExact,
    withheld,
    differences,
  };
}

function periodSlots(bill: BillRow, timezone: string, source: ReadingsSource): SlotRange {
  const slot = (date: string): number => DateTime.fromISO(date, { zone: timezone }).toSeconds() / source.slotSeconds;
  const { from, to } = source.range;
  return { from: Math.max(from, slot(bill.period_start)), to: Math.min(to, slot(bill.period_end)) };
}

function importOver(source: ReadingsSource, index: number, range: SlotRange): number {
  let total = 0;
  for (let slot = range.from; slot < range.to; slot++) total += source.read(index, slot)?.importWh ?? 0;
  return total;
}

/** Sums per feeder and slot, by `feeder/slotStart`. */
function feederTruth(source: ReadingsSource, range: SlotRange): Map<string, { importWh: number; exportWh: number }> {
  const totals = new Map<string, { importWh: number; exportWh: number }>();
  for (const index of source.meters.keys()) {
    for (let slot = range.from; slot < range.to; slot++) {
      const energy = source.read(index, slot);
      if (energy === undefined) continue;
      const key = `${source.feederOf(index, slot)}/${slot * source.slotSeconds}`;
      const total = totals.get(key) ?? { importWh: 0, exportWh: 0 };
      total.importWh += energy.importWh;
      total.exportWh += energy.exportWh;
      totals.set(key, total);
    }
  }
  return totals;
}
