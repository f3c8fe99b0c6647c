/**
 * Works bills out anew from readings, the published tariff and the bills' own gaps, and says where they differ. Needs
 * no key, no aggregator and nothing that the utility computed. Pure.
 */
import { hasMember } from "../../protocol/bitmap.ts";
import type { KindName } from "../../protocol/units.ts";
import { type BillTotals, collectTotals, invoice, type PeriodTotals, withLateEnergy } from "../billing/index.ts";
import { billColumns, localDate, type Period, periodOf, type Tariff } from "../tariffs/index.ts";
import type { ListedBill } from "./list.ts";
import type { MeterReadings } from "./readings-file.ts";

export interface Difference {
  readonly meter: string;
  readonly periodStart: string;
  /** A row of the bill, or `total`. */
  readonly row: string;
  readonly what: "energyWh" | "amountMicro";
  readonly bill: number;
  readonly expected: number;
}

/** All current bills of one meter in the order of their periods. */
export interface MeterCheck {
  readonly bills: readonly ListedBill[];
  readonly readings: MeterReadings;
  readonly tariffOf: (bill: ListedBill) => Tariff;
  readonly slotSeconds: number;
}

type Wanted = (kind: KindName, slot: number) => boolean;

/**
 * Checks the final bills of a meter. Late energy that joined a band of the later period, or stands in rows of its own,
 * is told by the bill's rows.
 */
export function checkMeter({ bills, readings, tariffOf, slotSeconds }: MeterCheck): Difference[] {
  const periods = new Map(
    bills.map((bill) => [bill, (tariff: Tariff): Period => periodFor(bill, tariff, slotSeconds)]),
  );
  return bills.flatMap((bill) => {
    if (bill.status !== "final") return [];
    const tariff = tariffOf(bill);
    const period = periodFor(bill, tariff, slotSeconds);
    const sources = bills.filter(({ gaps }) => gaps.some((gap) => gap.billedPeriodStart === bill.periodStart));
    const own = sum(tariff, period, readings, slotSeconds, false, outsideGaps(bill, slotSeconds));
    const late = sources.map((source) => {
      const sourcePeriod = periods.get(source)?.(tariff) ?? period;
      const cells = filledGaps(source, bill.periodStart, slotSeconds);
      const before = chargedBefore(source, bill, slotSeconds);
      const fresh = sum(tariff, sourcePeriod, readings, slotSeconds, true, cells);
      const charged = sum(tariff, sourcePeriod, readings, slotSeconds, true, before);
      return goOn(fresh, charged);
    });
    const apart: BillTotals = late.reduce<BillTotals>((totals, one) => withLateEnergy(totals, one), {
      own,
      late: [],
    });
    const candidates = late.length === 0 ? [apart] : [apart, { own: late.reduce(joined, own), late: [] }];
    const found = candidates.map((totals) => differences(bill, tariff, totals));
    return found.find((list) => list.length === 0) ?? found[hasDatedRows(bill, late) ? 0 : found.length - 1] ?? [];
  });
}

/** Is there any reading of a bill's own period? Where there is none, every row of the bill would differ. */
export function hasReadings(bill: ListedBill, { readings, tariffOf, slotSeconds }: MeterCheck): boolean {
  const { from, to } = periodFor(bill, tariffOf(bill), slotSeconds).slots;
  const within = (slot: number): boolean => slot >= from && slot < to;
  return Object.values(readings).some((slots) => [...slots.keys()].some(within));
}

function periodFor(bill: ListedBill, { timezone }: Tariff, slotSeconds: number): Period {
  return periodOf(localDate(bill.periodStart), localDate(bill.periodEnd), { timezone, slotSeconds });
}

function inGap(bill: ListedBill, kind: KindName, slot: number, slotSeconds: number, billed?: string): boolean {
  const at = slot * slotSeconds;
  return bill.gaps.some(
    (gap) =>
      gap.kind === kind && gap.from <= at && at < gap.to && (billed === undefined || gap.billedPeriodStart === billed),
  );
}

function outsideGaps(bill: ListedBill, slotSeconds: number): Wanted {
  return (kind, slot) => !inGap(bill, kind, slot, slotSeconds);
}

function filledGaps(source: ListedBill, by: string, slotSeconds: number): Wanted {
  return (kind, slot) => inGap(source, kind, slot, slotSeconds, by);
}

/** What bills before `bill` charged of the period of `source`. */
function chargedBefore(source: ListedBill, bill: ListedBill, slotSeconds: number): Wanted {
  const fillers = new Set(
    source.gaps.flatMap(({ billedPeriodStart }) =>
      billedPeriodStart !== null && billedPeriodStart < bill.periodStart ? [billedPeriodStart] : [],
    ),
  );
  return (kind, slot) =>
    !inGap(source, kind, slot, slotSeconds) ||
    [...fillers].some((start) => inGap(source, kind, slot, slotSeconds, start));
}

function sum(
  tariff: Tariff,
  period: Period,
  readings: MeterReadings,
  slotSeconds: number,
  late: boolean,
  wanted: Wanted,
): PeriodTotals {
  const columns = billColumns(tariff, period.slots, slotSeconds, late);
  const values = columns.map((column) => {
    let energyWh = 0n;
    for (const [slot, value] of readings[column.kind]) {
      if (slot < period.slots.from || slot >= period.slots.to || !wanted(column.kind, slot)) continue;
      if (hasMember(column.mask, slot - period.slots.from)) energyWh += value;
    }
    return energyWh;
  });
  return collectTotals(tariff, period, columns, values);
}

/** Tiers of late energy go on from what earlier bills charged. */
function goOn(late: PeriodTotals, charged: PeriodTotals): PeriodTotals {
  const parts = late.parts.map((part, i) => ({ ...part, billedBandsWh: charged.parts[i]?.bandsWh ?? new Map() }));
  return { ...late, parts };
}

/** Late energy in the own bands of the same name, as a bill has it where too few slots are late for a sum of their own. */
function joined(own: PeriodTotals, late: PeriodTotals): PeriodTotals {
  const extra = late.parts.flatMap(({ bandsWh }) => [...bandsWh]);
  const parts = own.parts.map((part, i) => {
    if (i > 0) return part;
    const bandsWh = new Map(part.bandsWh);
    for (const [band, energyWh] of extra) bandsWh.set(band, (bandsWh.get(band) ?? 0n) + energyWh);
    const total = (key: "exportWh" | "catchupWh" | "catchupExportWh"): bigint =>
      late.parts.reduce((all, one) => all + one[key], part[key]);
    return {
      ...part,
      bandsWh,
      exportWh: total("exportWh"),
      catchupWh: total("catchupWh"),
      catchupExportWh: total("catchupExportWh"),
    };
  });
  return { ...own, parts };
}

function hasDatedRows(bill: ListedBill, late: readonly PeriodTotals[]): boolean {
  return late.some(({ from }) => bill.rows.some(({ band }) => band.endsWith(`@${from}`)));
}

function differences(bill: ListedBill, tariff: Tariff, totals: BillTotals): Difference[] {
  const expected = invoice(tariff, totals);
  const rows = new Map(expected.rows.map((row) => [row.band, row]));
  const billed = new Map(bill.rows.map((row) => [row.band, row]));
  const found: Difference[] = [];
  const compare = (row: string, what: Difference["what"], is: number, wanted: bigint): void => {
    if (BigInt(is) === wanted) return;
    const { meter, periodStart } = bill;
    found.push({ meter, periodStart, row, what, bill: is, expected: Number(wanted) });
  };
  for (const band of new Set([...rows.keys(), ...billed.keys()])) {
    compare(band, "energyWh", billed.get(band)?.energyWh ?? 0, rows.get(band)?.energyWh ?? 0n);
    compare(band, "amountMicro", billed.get(band)?.amountMicro ?? 0, rows.get(band)?.amountMicro ?? 0n);
  }
  compare("total", "energyWh", bill.energyWh ?? 0, expected.energyWh);
  compare("total", "amountMicro", bill.amountMicro ?? 0, expected.amountMicro);
  return found;
}
