/**
 * What a bill is computed from: released sums, one per band and tariff version, never a slot. Sums come in as
 * (column, value) pairs and go out grouped by the prices they get.
 */
import type { UnixSeconds } from "../protocol/units.ts";
import { versionSpans } from "./tariffs/band-runs.ts";
import type { BillColumn } from "./tariffs/band-masks.ts";
import { countDays, dateAt, type LocalDate } from "./tariffs/local-time.ts";
import type { Tariff } from "./tariffs/tariff.ts";

/** The released sums, in watt-hours, of the part of a period in which one tariff version holds. */
export interface VersionTotals {
  /** Local dates [from, to) of the part; `from` finds the version. */
  readonly from: LocalDate;
  readonly to: LocalDate;
  readonly days: number;
  /** Import energy by the name of its band. */
  readonly bandsWh: ReadonlyMap<string, bigint>;
  /** Late energy only: what earlier bills of the period charged in each band, for tiers go on from there. */
  readonly billedBandsWh?: ReadonlyMap<string, bigint>;
  readonly exportWh: bigint;
  readonly catchupWh: bigint;
  readonly catchupExportWh: bigint;
}

/** One period's sums. `days` is the length of the whole period, over which tier thresholds count. */
export interface PeriodTotals {
  readonly from: LocalDate;
  readonly to: LocalDate;
  readonly days: number;
  readonly parts: readonly VersionTotals[];
}

/** A bill's sums: its own period's, and late energy of earlier periods, which bears no standing charge again. */
export interface BillTotals {
  readonly own: PeriodTotals;
  readonly late: readonly PeriodTotals[];
}

/** The dates of a period and the seconds they cover; a `Period` of the tariffs folder is one. */
export interface PeriodSpan {
  readonly from: LocalDate;
  readonly to: LocalDate;
  readonly startsAt: UnixSeconds;
  readonly endsAt: UnixSeconds;
}

/**
 * Groups one meter's released values by tariff version; `values[i]` belongs to `columns[i]` (from billColumns).
 * Throws RangeError on another number of values, a negative value, or a column whose version has no part here.
 */
export function collectTotals(
  tariff: Tariff,
  period: PeriodSpan,
  columns: readonly BillColumn[],
  values: readonly bigint[],
): PeriodTotals {
  if (values.length !== columns.length) {
    throw new RangeError(`values: expected ${columns.length}, one per column, got ${values.length}`);
  }
  const spans = versionSpans(tariff, period.startsAt, period.endsAt);
  const unknown = columns.find((column) => !spans.some((span) => span.version === column.version));
  if (unknown !== undefined) {
    throw new RangeError(`columns: version ${unknown.version} of ${unknown.row} is not valid in the period`);
  }
  const parts = spans.map((span, index): VersionTotals => {
    const from = index === 0 ? period.from : dateAt(span.from, tariff.timezone);
    const to = index === spans.length - 1 ? period.to : dateAt(span.to, tariff.timezone);
    const bandsWh = new Map<string, bigint>();
    const other = { export: 0n, catchup: 0n, catchupExport: 0n };
    columns.forEach((column, position) => {
      if (column.version !== span.version) return;
      const value = values[position] ?? 0n;
      if (value < 0n) throw new RangeError(`values: expected at least 0 Wh for ${column.row}, got ${value}`);
      if (column.kind === "import") bandsWh.set(column.band ?? column.row, value);
      else other[column.kind] = value;
    });
    return {
      from,
      to,
      days: countDays(from, to, tariff.timezone),
      bandsWh,
      exportWh: other.export,
      catchupWh: other.catchup,
      catchupExportWh: other.catchupExport,
    };
  });
  return { from: period.from, to: period.to, days: countDays(period.from, period.to, tariff.timezone), parts };
}

/**
 * Adds late energy of an earlier period to a bill. Several late releases of one period add up when they are cut into
 * the same parts. Throws RangeError when they are not, or when the period is not earlier than the bill's own.
 */
export function withLateEnergy(totals: BillTotals, late: PeriodTotals): BillTotals {
  if (late.to > totals.own.from) {
    throw new RangeError(`late: expected a period that ended by ${totals.own.from}, got one until ${late.to}`);
  }
  const same = totals.late.find((period) => period.from === late.from && period.to === late.to);
  const others = totals.late.filter((period) => period !== same);
  const overlapping = others.find((period) => period.from < late.to && late.from < period.to);
  if (overlapping !== undefined) {
    throw new RangeError(`late: ${late.from} to ${late.to} overlaps ${overlapping.from} to ${overlapping.to}`);
  }
  const merged = same === undefined ? late : addPeriods(same, late);
  const all = [...others, merged].sort((a, b) => (a.from < b.from ? -1 : 1));
  return { own: totals.own, late: all };
}

/** Adds the sums of a second release of the same period; `billedBandsWh` stays that of the first. */
function addPeriods(a: PeriodTotals, b: PeriodTotals): PeriodTotals {
  const parts = a.parts.map((part, index): VersionTotals => {
    const other = b.parts[index];
    if (other?.from !== part.from || other.to !== part.to || a.parts.length !== b.parts.length) {
      throw new RangeError(`late: two releases of ${a.from} to ${a.to} are cut into different parts`);
    }
    return {
      ...part,
      bandsWh: addEnergies(part.bandsWh, other.bandsWh),
      exportWh: part.exportWh + other.exportWh,
      catchupWh: part.catchupWh + other.catchupWh,
      catchupExportWh: part.catchupExportWh + other.catchupExportWh,
    };
  });
  return { ...a, parts };
}

/** Adds energies name by name. */
export function addEnergies(a: ReadonlyMap<string, bigint>, b: ReadonlyMap<string, bigint>): Map<string, bigint> {
  const total = new Map(a);
  for (const [name, energyWh] of b) total.set(name, (total.get(name) ?? 0n) + energyWh);
  return total;
}
