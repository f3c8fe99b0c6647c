/**
 * Compares what the utility's database says with what was fed: bills to the watt-hour, feeder loads to the watt-hour.
 * It reads the database as any user would, and knows the readings from the source alone.
 */
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { DateTime } from "luxon";
import type { SlotRange } from "../../protocol/slots.ts";
import type { ReadingsSource, SlotEnergy } from "../loads/index.ts";
import { type FedOtherwise, NOTHING_OTHERWISE } from "./fed-otherwise.ts";
import type { Measured, MeasuredEnergy } from "./measured.ts";

export interface BillRow {
  readonly meter_id: string;
  readonly period_start: string;
  readonly period_end: string;
  readonly energy_wh: number | null;
  readonly catchup_wh: number | null;
  readonly export_wh: number | null;
  readonly amount_micro: number | null;
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
  /** Is a final bill, or a final load, other than what was fed? */
  readonly billsDiffer: boolean;
  readonly loadsDiffer: boolean;
  /** Final ones about slots of which `npm run meters` has fed something else than the source holds: not compared. */
  readonly billsLeftOut: number;
  readonly loadsLeftOut: number;
  /** Why bills or loads are not final, and how many. */
  readonly withheld: Readonly<Record<string, number>>;
  /** The first few that do not agree. */
  readonly differences: readonly Difference[];
}

const MOST_DIFFERENCES = 10;

export function readBills(database: SqlDatabase): BillRow[] {
  return database
    .prepare<[], BillRow>(
      `SELECT meter_id, period_start, period_end, energy_wh, catchup_wh, export_wh, amount_micro, currency, status
       FROM current_bills ORDER BY meter_id, period_start`,
    )
    .all();
}

export function readLoads(database: SqlDatabase, fromTime: number, toTime: number): LoadRow[] {
  return database
    .prepare<[number, number], LoadRow>(
      `SELECT feeder_id, slot_start, energy_wh, export_wh, meters, status FROM feeder_loads
       WHERE slot_start >= ? AND slot_start < ? ORDER BY feeder_id, slot_start`,
    )
    .all(fromTime, toTime);
}

/** Slots of a meter that its bill lacks, in Unix seconds, [start, end). */
export interface GapRow {
  readonly meter_id: string;
  readonly kind: string;
  readonly period_start: string;
  readonly slot_start: number;
  readonly slot_end: number;
  /** `missing`, or the release rule that holds them back. */
  readonly reason: string;
  /** First date of the later bill that they entered. */
  readonly billed_period_start: string | null;
}

export function readGaps(database: SqlDatabase): GapRow[] {
  return database
    .prepare<[], GapRow>(
      "SELECT meter_id, kind, period_start, slot_start, slot_end, reason, billed_period_start FROM gaps",
    )
    .all();
}

/** What is compared with what. */
export interface CheckInput {
  readonly source: ReadingsSource;
  readonly measured: Measured;
  readonly range: SlotRange;
  readonly timezone: string;
  readonly bills: readonly BillRow[];
  readonly loads: readonly LoadRow[];
  readonly gaps: readonly GapRow[];
  /** What the source does not hold of what was fed; nothing where it is left out. */
  readonly otherwise?: FedOtherwise;
}

/** Checks all bills and loads that lie inside the run. */
export function checkAgainstTruth(input: CheckInput): CheckResult {
  const differences: Difference[] = [];
  const withheld: Record<string, number> = {};
  const bills = checkBills(input, differences, withheld);
  const ofBills = differences.length;
  const loads = checkLoads(input, differences, withheld);
  return {
    bills: input.bills.length,
    billsFinal: bills.final,
    billsExact: bills.exact,
    loads: input.loads.length,
    loadsFinal: loads.final,
    loadsExact: loads.exact,
    billsLeftOut: bills.leftOut,
    loadsLeftOut: loads.leftOut,
    billsDiffer: ofBills > 0,
    loadsDiffer: differences.length > ofBills,
    withheld,
    differences: differences.slice(0, MOST_DIFFERENCES),
  };
}

interface Verdict {
  readonly final: number;
  readonly exact: boolean;
  readonly leftOut: number;
}

function checkBills(input: CheckInput, differences: Difference[], withheld: Record<string, number>): Verdict {
  const indexOf = new Map(input.source.meters.map(({ id }, index) => [id, index]));
  const gapsOf = new Map<string, GapRow[]>();
  for (const gap of input.gaps) {
    const known = gapsOf.get(gap.meter_id);
    if (known === undefined) gapsOf.set(gap.meter_id, [gap]);
    else known.push(gap);
  }
  const { otherwise = NOTHING_OTHERWISE } = input;
  let final = 0;
  let exact = true;
  let leftOut = 0;
  for (const bill of input.bills) {
    if (bill.status !== "final") {
      withheld[bill.status] = (withheld[bill.status] ?? 0) + 1;
      exact = false;
      continue;
    }
    final += 1;
    if (otherwise.of(bill.meter_id, slotsOf(bill, input))) {
      leftOut += 1;
      continue;
    }
    const index = indexOf.get(bill.meter_id);
    const gaps = gapsOf.get(bill.meter_id) ?? [];
    const { truth, held } = index === undefined ? NOTHING : billTruth(input, bill, index, gaps);
    if (held) {
      exact = false;
      withheld["part-of-bill"] = (withheld["part-of-bill"] ?? 0) + 1;
    }
    const what = `bill of ${bill.meter_id} from ${bill.period_start}`;
    for (const [name, expectedWh, gotWh] of [
      [what, truth.importWh, bill.energy_wh ?? 0],
      [`export in the ${what}`, truth.exportWh, bill.export_wh ?? 0],
      [`catch-up in the ${what}`, truth.catchupImportWh, bill.catchup_wh ?? 0],
    ] as const) {
      if (expectedWh === gotWh) continue;
      exact = false;
      differences.push({ what: name, expectedWh, gotWh });
    }
  }
  return { final, exact, leftOut };
}

const NOTHING = { truth: { importWh: 0, exportWh: 0, catchupImportWh: 0, catchupExportWh: 0 }, held: false };

/**
 * What a bill must say: what was measured in its period, without what release rules hold back or a later bill has, and
 * with what it has from earlier periods. `held`: something is held back.
 */
function billTruth(
  { source, measured, timezone }: CheckInput,
  bill: BillRow,
  index: number,
  gaps: readonly GapRow[],
): { truth: MeasuredEnergy; held: boolean } {
  const truth = { ...measured.over(index, periodSlots(bill, timezone, source)) };
  let held = false;
  for (const gap of gaps) {
    const waits = gap.billed_period_start === null;
    const own = gap.period_start === bill.period_start && (!waits || gap.reason !== "missing");
    const late = gap.billed_period_start === bill.period_start;
    if (!own && !late) continue;
    const range = { from: gap.slot_start / source.slotSeconds, to: gap.slot_end / source.slotSeconds };
    const energy = measured.over(index, range);
    const sign = late ? 1 : -1;
    const name = ENERGY_OF_KIND[gap.kind];
    if (name === undefined) continue;
    truth[name] += sign * energy[name];
    held ||= own && waits;
  }
  return { truth, held };
}

const ENERGY_OF_KIND: Readonly<Record<string, keyof MeasuredEnergy>> = {
  import: "importWh",
  export: "exportWh",
  catchup: "catchupImportWh",
  catchupExport: "catchupExportWh",
};

function checkLoads(
  { source, measured, range, loads, otherwise = NOTHING_OTHERWISE }: CheckInput,
  differences: Difference[],
  withheld: Record<string, number>,
): Verdict {
  const truth = feederTruth(source, measured, range);
  let final = 0;
  let exact = true;
  let leftOut = 0;
  for (const load of loads) {
    if (load.status !== "final") {
      withheld[load.status] = (withheld[load.status] ?? 0) + 1;
      exact = false;
      continue;
    }
    final += 1;
    if (otherwise.feedersAt(load.slot_start / source.slotSeconds).has(load.feeder_id)) {
      leftOut += 1;
      continue;
    }
    const expected = truth.get(`${load.feeder_id}/${load.slot_start}`) ?? { importWh: 0, exportWh: 0 };
    const what = `load of ${load.feeder_id} at ${load.slot_start}`;
    if (load.energy_wh !== expected.importWh) {
      exact = false;
      differences.push({ what, expectedWh: expected.importWh, gotWh: load.energy_wh ?? 0 });
    }
    if (load.export_wh !== null && load.export_wh !== expected.exportWh) {
      exact = false;
      differences.push({ what: `export ${what}`, expectedWh: expected.exportWh, gotWh: load.export_wh });
    }
  }
  return { final, exact, leftOut };
}

function slotsOf(bill: BillRow, { timezone, source }: Pick<CheckInput, "timezone" | "source">): SlotRange {
  const slot = (date: string): number => DateTime.fromISO(date, { zone: timezone }).toSeconds() / source.slotSeconds;
  return { from: slot(bill.period_start), to: slot(bill.period_end) };
}

/** The slots of a bill that the source is about. */
function periodSlots(bill: BillRow, timezone: string, source: ReadingsSource): SlotRange {
  const { from, to } = slotsOf(bill, { timezone, source });
  return { from: Math.max(source.range.from, from), to: Math.min(source.range.to, to) };
}

/** Sums per feeder and slot, by `feeder/slotStart`. */
function feederTruth(source: ReadingsSource, measured: Measured, range: SlotRange): Map<string, SlotEnergy> {
  const totals = new Map<string, { importWh: number; exportWh: number }>();
  for (const index of source.meters.keys()) {
    for (let slot = range.from; slot < range.to; slot++) {
      const energy = measured.read(index, slot);
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
