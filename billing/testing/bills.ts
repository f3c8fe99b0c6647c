/** Tariffs and released sums small enough to work a bill out by hand. */
import { localDate } from "../tariffs/local-time.ts";
import { parseTariff, type Tariff } from "../tariffs/tariff.ts";
import type { BillTotals, PeriodTotals, VersionTotals } from "../totals.ts";

export const ALWAYS = { from: "2000-01-01" };

export function tariffOf(...versions: readonly Record<string, unknown>[]): Tariff {
  return parseTariff({ id: "t", currency: "EUR", timezone: "Europe/Berlin", versions });
}

export function flat(priceMicroPerKwh: bigint, rest: Record<string, unknown> = {}): Tariff {
  return tariffOf({ ...ALWAYS, import: { flat: { priceMicroPerKwh } }, ...rest });
}

export function twoBands(day: bigint, night: bigint, rest: Record<string, unknown> = {}): Tariff {
  const bands = [
    { name: "day", priceMicroPerKwh: day, when: [{ from: "06:00", to: "22:00" }] },
    { name: "night", priceMicroPerKwh: night, when: [{ from: "22:00", to: "06:00" }] },
  ];
  return tariffOf({ ...ALWAYS, import: { bands }, ...rest });
}

export function part(from: string, to: string, days: number, bandsWh: Record<string, bigint>): VersionTotals {
  const other = { exportWh: 0n, catchupWh: 0n, catchupExportWh: 0n };
  return { from: localDate(from), to: localDate(to), days, bandsWh: new Map(Object.entries(bandsWh)), ...other };
}

export function periodTotals(...parts: [VersionTotals, ...VersionTotals[]]): PeriodTotals {
  const days = parts.reduce((total, one) => total + one.days, 0);
  return { from: parts[0].from, to: parts.at(-1)?.to ?? parts[0].to, days, parts };
}

/** June 2025, 30 days, one version. */
export function june(bandsWh: Record<string, bigint>, other: Partial<VersionTotals> = {}): BillTotals {
  return { own: periodTotals({ ...part("2025-06-01", "2025-07-01", 30, bandsWh), ...other }), late: [] };
}

export const TIERS = {
  tiers: [
    { uptoWh: 1_000n, priceMicroPerKwh: 100_000n },
    { uptoWh: 3_000n, priceMicroPerKwh: 200_000n },
    { priceMicroPerKwh: 400_000n },
  ],
};
