/**
 * Turns released sums and a tariff into a bill, exact to the micro-unit. Each row is rounded half-even for itself, the
 * bill rounds the exact sum once, and a `rounding` row says what the rows would otherwise be off by.
 */
import { type MicroUnits, microUnits, type WattHours, wattHours } from "../protocol/units.ts";
import { add, multiply, negate, type Rational, rational, roundHalfEven, sum, ZERO } from "./tariffs/rational.ts";
import { type Tariff, type TariffVersion, versionAt } from "./tariffs/tariff.ts";
import { priceOf, priceOfBand } from "./pricing.ts";
import type { BillTotals, PeriodTotals, VersionTotals } from "./totals.ts";

/** `import` rows are bands; the other rows bear their reserved names. */
export type RowKind = "import" | "catchup" | "standing" | "export" | "catchup-export" | "tax" | "rounding";

export interface InvoiceRow {
  readonly kind: RowKind;
  /** Unique in the bill: the band (`peak`, `peak@2025-04-01` where it counts from a later or earlier date) or a kind. */
  readonly band: string;
  readonly energyWh: WattHours;
  /** Negative for a credit. */
  readonly amountMicro: MicroUnits;
}

export interface Invoice {
  readonly currency: string;
  readonly rows: readonly InvoiceRow[];
  /** The sum of the import rows. Catch-up energy is a row of its own outside it, as it is outside feeder loads. */
  readonly energyWh: WattHours;
  readonly catchupWh: WattHours;
  readonly exportWh: WattHours;
  readonly catchupExportWh: WattHours;
  /** The exact sum rounded once; always the sum of the rows. */
  readonly amountMicro: MicroUnits;
  readonly exactMicro: Rational;
}

/** A database's signed 64-bit integer. */
const MAX_AMOUNT = 2n ** 63n - 1n;

/** A row before it is rounded. */
interface ExactRow {
  readonly kind: RowKind;
  readonly band: string;
  readonly energyWh: bigint;
  readonly exact: Rational;
}

/**
 * The bill for these sums. Bands appear in the order of the tariff file, also with no energy, late ones last; other rows only
 * where they have energy or an amount. Throws RangeError on a band the tariff does not have, a negative energy or an
 * amount beyond 64 bits; TariffError `not-valid` where no version is valid.
 */
export function invoice(tariff: Tariff, totals: BillTotals): Invoice {
  const all = [{ period: totals.own, late: false }, ...totals.late.map((period) => ({ period, late: true }))];
  const rows: ExactRow[] = [];
  const other = new Map<RowKind, ExactRow>();
  for (const { period, late } of all) {
    for (const part of period.parts) {
      const version = versionAt(tariff, part.from);
      const bands = bandRows(version, period, part, late || part.from !== totals.own.from);
      rows.push(...bands);
      for (const row of otherRows(version, part, bands, late)) {
        const before = other.get(row.kind);
        const energyWh = (before?.energyWh ?? 0n) + row.energyWh;
        other.set(row.kind, { ...row, energyWh, exact: add(before?.exact ?? ZERO, row.exact) });
      }
    }
  }
  for (const kind of ["catchup", "standing", "export", "catchup-export", "tax"] as const) {
    const row = other.get(kind);
    if (row !== undefined && (row.energyWh !== 0n || row.exact.num !== 0n)) rows.push(row);
  }
  return roundOnce(tariff.currency, rows);
}

function bandRows(version: TariffVersion, period: PeriodTotals, part: VersionTotals, dated: boolean): ExactRow[] {
  const stray = [...part.bandsWh.keys()].find((name) => !version.bands.some((band) => band.name === name));
  if (stray !== undefined) throw new RangeError(`bandsWh: the tariff valid from ${part.from} has no band ${stray}`);
  const proration = { days: part.days, periodDays: period.days };
  return version.bands.flatMap((band): ExactRow[] => {
    const energyWh = part.bandsWh.get(band.name);
    // A band that never held in the period was never asked for.
    if (energyWh === undefined) return [];
    assertEnergy(band.name, energyWh);
    const billedWh = part.billedBandsWh?.get(band.name) ?? 0n;
    assertEnergy(`billed ${band.name}`, billedWh);
    const whole = priceOfBand(band, billedWh + energyWh, proration);
    const exact = add(whole, negate(priceOfBand(band, billedWh, proration)));
    return [{ kind: "import", band: dated ? `${band.name}@${part.from}` : band.name, energyWh, exact }];
  });
}

function otherRows(version: TariffVersion, part: VersionTotals, bands: readonly ExactRow[], late: boolean): ExactRow[] {
  assertEnergy("exportWh", part.exportWh);
  assertEnergy("catchupWh", part.catchupWh);
  assertEnergy("catchupExportWh", part.catchupExportWh);
  const catchup = energyRow("catchup", part.catchupWh, priceOf(part.catchupWh, version.catchupMicroPerKwh));
  const days = late ? 0 : part.days;
  const standing = energyRow("standing", 0n, rational(version.standingMicroPerDay * BigInt(days)));
  const credit = version.exportMicroPerKwh;
  const exported = energyRow("export", part.exportWh, negate(priceOf(part.exportWh, credit)));
  const lateExport = energyRow("catchup-export", part.catchupExportWh, negate(priceOf(part.catchupExportWh, credit)));
  // What the customer is sold bears tax; what the customer sells lowers it only where the tariff says `net`.
  const taxed = [...bands, catchup, standing, ...(version.tax.exportCredit === "net" ? [exported, lateExport] : [])];
  const tax = energyRow("tax", 0n, multiply(sum(taxed.map((row) => row.exact)), version.tax.rate));
  return [catchup, standing, exported, lateExport, tax];
}

function energyRow(kind: Exclude<RowKind, "import">, energyWh: bigint, exact: Rational): ExactRow {
  return { kind, band: kind, energyWh, exact };
}

function roundOnce(currency: string, exactRows: readonly ExactRow[]): Invoice {
  const names = new Set<string>();
  const duplicate = exactRows.find(({ band }) => names.size === names.add(band).size);
  if (duplicate !== undefined) throw new RangeError(`totals: two rows are named ${duplicate.band}`);
  const exactMicro = sum(exactRows.map((row) => row.exact));
  const amount = roundHalfEven(exactMicro);
  const rows = exactRows.map(({ kind, band, energyWh, exact }) => row(kind, band, energyWh, roundHalfEven(exact)));
  const rest = amount - rows.reduce((total, { amountMicro }) => total + amountMicro, 0n);
  if (rest !== 0n) rows.push(row("rounding", "rounding", 0n, rest));
  const energyOf = (kind: RowKind): WattHours =>
    wattHours(rows.reduce((total, entry) => (entry.kind === kind ? total + entry.energyWh : total), 0n));
  return {
    currency,
    rows,
    energyWh: energyOf("import"),
    catchupWh: energyOf("catchup"),
    exportWh: energyOf("export"),
    catchupExportWh: energyOf("catchup-export"),
    amountMicro: inRange("amount", amount),
    exactMicro,
  };
}

function row(kind: RowKind, band: string, energyWh: bigint, amount: bigint): InvoiceRow {
  return { kind, band, energyWh: wattHours(energyWh), amountMicro: inRange(band, amount) };
}

function inRange(name: string, amount: bigint): MicroUnits {
  if (amount > MAX_AMOUNT || amount < -MAX_AMOUNT) {
    throw new RangeError(`${name}: expected an amount within 64 bits, got ${amount} micro-units`);
  }
  return microUnits(amount);
}

function assertEnergy(name: string, energyWh: bigint): void {
  if (energyWh < 0n) throw new RangeError(`${name}: expected at least 0 Wh, got ${energyWh}`);
}
