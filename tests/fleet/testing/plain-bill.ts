/**
 * Bills and loads by plain arithmetic from a list of readings and the prices of `config/tariffs/time-of-use.yaml`.
 * Shares no code with the product: clock time comes from Intl, fractions are integers over a common denominator.
 */

export interface Reading {
  readonly meter: string;
  readonly feeder: string;
  /** Unix seconds. */
  readonly start: number;
  readonly importWh: number;
  readonly exportWh: number;
}

/** Micro-units per kWh, per day, and the tax in percent, as printed in the tariff file. */
const PRICES = { night: 214300n, day: 298700n, peak: 412500n, export: 79400n, standing: 351780n, tax: 19n };

const CLOCK = new Intl.DateTimeFormat("en-GB", {
  timeZone: "Europe/Berlin",
  weekday: "short",
  hour: "2-digit",
  hourCycle: "h23",
});

export type BandName = "night" | "day" | "peak";

/** The band of a quarter hour, by the clock on the wall in Berlin. */
function bandAt(start: number): BandName {
  const parts = new Map(CLOCK.formatToParts(new Date(start * 1000)).map(({ type, value }) => [type, value]));
  const hour = Number(parts.get("hour"));
  const weekend = ["Sat", "Sun"].includes(parts.get("weekday") ?? "");
  if (hour >= 22 || hour < 6) return "night";
  return !weekend && hour >= 17 && hour < 21 ? "peak" : "day";
}

/** numerator / denominator, halves to the even neighbour. */
function halfEven(numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n;
  const size = negative ? -numerator : numerator;
  const whole = size / denominator;
  const twice = (size % denominator) * 2n;
  const up = twice > denominator || (twice === denominator && whole % 2n === 1n);
  const rounded = up ? whole + 1n : whole;
  return negative ? -rounded : rounded;
}

export interface PlainRow {
  readonly energyWh: number;
  readonly amountMicro: number;
}

export interface PlainBill {
  readonly energyWh: number;
  readonly amountMicro: number;
  readonly rows: ReadonlyMap<string, PlainRow>;
}

/** The bill of one meter's readings over a number of days. Every amount is over 1000 (Wh per kWh) times 100 (percent). */
export function plainBill(readings: readonly Reading[], days: number): PlainBill {
  const bands: Record<BandName, bigint> = { night: 0n, day: 0n, peak: 0n };
  let exported = 0n;
  for (const { start, importWh, exportWh } of readings) {
    bands[bandAt(start)] += BigInt(importWh);
    exported += BigInt(exportWh);
  }
  const exact = new Map<string, { wh: bigint; amount: bigint }>();
  for (const name of ["night", "day", "peak"] as const) {
    exact.set(name, { wh: bands[name], amount: bands[name] * PRICES[name] * 100n });
  }
  exact.set("standing", { wh: 0n, amount: PRICES.standing * BigInt(days) * 100_000n });
  const taxed = [...exact.values()].reduce((sum, { amount }) => sum + amount, 0n);
  if (exported > 0n) exact.set("export", { wh: exported, amount: -exported * PRICES.export * 100n });
  exact.set("tax", { wh: 0n, amount: (taxed * PRICES.tax) / 100n });
  const total = halfEven(
    [...exact.values()].reduce((sum, { amount }) => sum + amount, 0n),
    100_000n,
  );
  const rows = new Map<string, PlainRow>();
  let sum = 0n;
  for (const [name, { wh, amount }] of exact) {
    const rounded = halfEven(amount, 100_000n);
    sum += rounded;
    rows.set(name, { energyWh: Number(wh), amountMicro: Number(rounded) });
  }
  if (total !== sum) rows.set("rounding", { energyWh: 0, amountMicro: Number(total - sum) });
  return { energyWh: Number(bands.night + bands.day + bands.peak), amountMicro: Number(total), rows };
}

/** Sums by `feeder/start`, and how many meters had a reading. */
export function plainLoads(
  readings: readonly Reading[],
): Map<string, { importWh: number; exportWh: number; meters: number }> {
  const loads = new Map<string, { importWh: number; exportWh: number; meters: number }>();
  for (const { feeder, start, importWh, exportWh } of readings) {
    const key = `${feeder}/${start}`;
    const load = loads.get(key) ?? { importWh: 0, exportWh: 0, meters: 0 };
    load.importWh += importWh;
    load.exportWh += exportWh;
    load.meters += 1;
    loads.set(key, load);
  }
  return loads;
}
