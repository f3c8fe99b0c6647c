/** What a simulated meter shows: the truth that its telegrams, of whatever protocol, have to come back to. */
export interface MeterState {
  /** Unix seconds. */
  readonly time: number;
  /** Energy drawn, watt-hours, by tariff (1, 2, ...). */
  readonly importWh: readonly number[];
  /** Energy fed in, watt-hours, by tariff. */
  readonly exportWh: readonly number[];
  /** Watts, positive for import. */
  readonly powerW: number;
  /** A gas meter on M-Bus channel 1: litres, and when they were read. */
  readonly gas?: { readonly litres: number; readonly time: number };
}

export const totalOf = (tariffs: readonly number[]): number => tariffs.reduce((total, energy) => total + energy, 0);

/** An integer of thousandths as a decimal number: fixed(1581123, 6) is `001581.123`. */
export function fixed(thousandths: number, wholeDigits: number, decimals = 3): string {
  const digits = String(Math.floor(Math.abs(thousandths) / 10 ** (3 - decimals))).padStart(wholeDigits + decimals, "0");
  const point = digits.length - decimals;
  return `${thousandths < 0 ? "-" : ""}${digits.slice(0, point)}${decimals > 0 ? "." : ""}${digits.slice(point)}`;
}

/** A state that tells every register, tariff and direction apart. */
export const EXAMPLE_STATE: MeterState = {
  time: Date.UTC(2026, 0, 15, 10, 20, 30) / 1000,
  importWh: [1_581_123, 1_435_706],
  exportWh: [27_001, 4_300_999],
  powerW: -1234,
  gas: { litres: 981_443, time: Date.UTC(2026, 0, 15, 10, 15, 0) / 1000 },
};
