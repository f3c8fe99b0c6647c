/**
 * Works a bill out anew from readings, the published tariff and the bill's own gaps, and says where it differs. Needs
 * no key, no aggregator and nothing that the utility computed. Pure.
 */
import { hasMember } from "../protocol/bitmap.ts";
import type { CustomerKindName } from "../protocol/units.ts";
import { invoice } from "./invoice.ts";
import type { MeterReadings } from "./readings-file.ts";
import { type BillColumn, billColumns } from "./tariffs/band-masks.ts";
import { localDate } from "./tariffs/local-time.ts";
import { type Period, periodOf } from "./tariffs/periods.ts";
import type { Tariff } from "./tariffs/tariff.ts";
import { type BillTotals, collectTotals, type PeriodTotals, withLateEnergy } from "./totals.ts";

export interface Difference {
  readonly meter: string;
  readonly periodStart: string;
  /** A row of the bill, or `total`. */
  readonly row: string;
  readonly what: "energyWh" | "amountMicro";
  readonly bill: number;
  readonly expected: number;
}

/** Slots of a kind, in Unix seconds, half-open. */
export interface SlotRange {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
}

/** What a bill charges of an earlier period. */
export interface LateEnergy {
  readonly periodStart: string;
  readonly periodEnd: string;
  /** Slots of that period that this bill charges. */
  readonly billed: readonly SlotRange[];
  /** Slots of that period that neither this bill nor an earlier one charges. */
  readonly missing: readonly SlotRange[];
}

export interface CheckedBill {
  readonly meter: string;
  readonly periodStart: string;
  readonly periodEnd: string;
  readonly energyWh: number | null;
  readonly amountMicro: number | null;
  readonly rows: readonly { readonly band: string; readonly energyWh: number; readonly amountMicro: number }[];
  /** Slots of its own period that it does not charge. */
  readonly gaps: readonly SlotRange[];
  readonly late: readonly LateEnergy[];
}

export interface BillCheck {
  readonly bill: CheckedBill;
  readonly readings: MeterReadings;
  readonly tariff: Tariff;
  readonly slotSeconds: number;
}

type Wanted = (kind: CustomerKindName, slot: number) => boolean;

/**
 * Where a bill differs from what its readings and tariff give. Late energy that joined a band of the bill's own period,
 * or stands in rows of its own, is told by the bill's rows.
 */
export function checkBill({ bill, readings, tariff, slotSeconds }: BillCheck): Difference[] {
  const sumOf = (period: Period, late: boolean, wanted: Wanted): PeriodTotals =>
    sum({ tariff, readings, slotSeconds }, period, late, wanted);
  const within = (name: string, ranges: readonly SlotRange[], period: Period): Wanted => {
    const stray = ranges.find(({ from, to }) => from < period.startsAt || to > period.endsAt);
    if (stray === undefined) return holds(ranges, slotSeconds);
    throw new RangeError(`${name}: ${stray.from} to ${stray.to} is not within ${period.startsAt} to ${period.endsAt}`);
  };
  const ownPeriod = periodFor(bill, tariff, slotSeconds);
  const inGap = within("gaps", bill.gaps, ownPeriod);
  const own = sumOf(ownPeriod, false, (kind, slot) => !inGap(kind, slot));
  const late = bill.late.map((source) => {
    const period = periodFor(source, tariff, slotSeconds);
    const billed = within("billed", source.billed, period);
    const missing = within("missing", source.missing, period);
    const before = sumOf(period, true, (kind, slot) => !billed(kind, slot) && !missing(kind, slot));
    return goOn(sumOf(period, true, billed), before);
  });
  const apart = late.reduce<BillTotals>((totals, one) => withLateEnergy(totals, one), { own, late: [] });
  const candidates = late.length === 0 ? [apart] : [apart, { own: late.reduce(joined, own), late: [] }];
  const found = candidates.map((totals) => differences(bill, tariff, totals));
  return found.find((list) => list.length === 0) ?? found[hasDatedRows(bill, late) ? 0 : found.length - 1] ?? [];
}

/** Is there any reading of a bill's own period? Where there is none, every row of the bill would differ. */
export function hasReadings({ bill, readings, tariff, slotSeconds }: BillCheck): boolean {
  const { from, to } = periodFor(bill, tariff, slotSeconds).slots;
  const within = (slot: number): boolean => slot >= from && slot < to;
  return Object.values(readings).some((slots) => [...slots.keys()].some(within));
}

/** Does any reading lie in a slot that the bill charges? Where none does, nothing was compared, whatever it says. */
export function comparesAny({ bill, readings, tariff, slotSeconds }: BillCheck): boolean {
  const { from, to } = periodFor(bill, tariff, slotSeconds).slots;
  const inGap = holds(bill.gaps, slotSeconds);
  const billed = bill.late.map((source) => holds(source.billed, slotSeconds));
  return (Object.keys(readings) as CustomerKindName[]).some((kind) =>
    [...readings[kind].keys()].some((slot) => {
      const own = slot >= from && slot < to && !inGap(kind, slot);
      return own || billed.some((wanted) => wanted(kind, slot));
    }),
  );
}

function periodFor(
  { periodStart, periodEnd }: Pick<CheckedBill, "periodStart" | "periodEnd">,
  { timezone }: Tariff,
  slotSeconds: number,
): Period {
  return periodOf(localDate(periodStart), localDate(periodEnd), { timezone, slotSeconds });
}

/** Looks a slot up among the ranges, which are never expanded: their ends are the utility's to choose. */
function holds(ranges: readonly SlotRange[], slotSeconds: number): Wanted {
  const byKind = new Map<string, { from: number; to: number }[]>();
  for (const { kind, from, to } of [...ranges].sort((a, b) => a.from - b.from)) {
    const own = byKind.get(kind) ?? [];
    byKind.set(kind, own);
    const last = own.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else own.push({ from, to });
  }
  return (kind, slot) => {
    const own = byKind.get(kind) ?? [];
    const at = slot * slotSeconds;
    let [low, high] = [0, own.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((own[middle]?.to ?? 0) <= at) low = middle + 1;
      else high = middle;
    }
    return (own[low]?.from ?? Infinity) <= at;
  };
}

function sum(
  { tariff, readings, slotSeconds }: Omit<BillCheck, "bill">,
  period: Period,
  late: boolean,
  wanted: Wanted,
): PeriodTotals {
  const columns = billColumns(tariff, period.slots, slotSeconds, late);
  const { from, to } = period.slots;
  // By the period's slots, once for all columns: how many periods and bands there are is the utility's to choose.
  const held = new Map<CustomerKindName, [slot: number, energyWh: bigint][]>();
  for (const kind of new Set(columns.map((column) => column.kind))) {
    const own: [number, bigint][] = [];
    for (let slot = from; slot < to; slot++) {
      const value = readings[kind].get(slot);
      if (value !== undefined && wanted(kind, slot)) own.push([slot, value]);
    }
    held.set(kind, own);
  }
  const values = columns.map(({ kind, mask }: BillColumn) => {
    let energyWh = 0n;
    for (const [slot, value] of held.get(kind) ?? []) if (hasMember(mask, slot - from)) energyWh += value;
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

function hasDatedRows(bill: CheckedBill, late: readonly PeriodTotals[]): boolean {
  return late.some(({ from }) => bill.rows.some(({ band }) => band.endsWith(`@${from}`)));
}

function differences(bill: CheckedBill, tariff: Tariff, totals: BillTotals): Difference[] {
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
