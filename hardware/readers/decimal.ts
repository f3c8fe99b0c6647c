/** Exact decimal numbers of meters: no register passes through a binary fraction. */
import type { Decimal } from "./reader.ts";

/** Digits of the longest number that a meter can mean; longer ones are noise, and would cost time. */
const MAX_DIGITS = 20;
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;
/** Powers of ten that one unit is of its base. */
const ENERGY_EXPONENTS: Readonly<Record<string, number>> = { Wh: 0, kWh: 3, MWh: 6 };
const POWER_EXPONENTS: Readonly<Record<string, number>> = { W: 0, kW: 3, MW: 6 };

/** The number that `text` is (`-063`, `001581.123`); undefined when it is none, or has over 20 digits. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, sign = "", whole = "", fraction = ""] = match;
  if (whole.length + fraction.length > MAX_DIGITS) return undefined;
  return { digits: BigInt(`${sign}${whole}${fraction}`), exponent: 0 - fraction.length };
}

/** `value` in watt-hours, not yet rounded; undefined when `unit` is none of energy. */
export function energyOf(value: Decimal, unit: string | undefined): Decimal | undefined {
  return scaled(value, ENERGY_EXPONENTS[unit ?? ""]);
}

/** `value` in watts; undefined when `unit` is none of power. */
export function powerOf(value: Decimal, unit: string | undefined): Decimal | undefined {
  return scaled(value, POWER_EXPONENTS[unit ?? ""]);
}

function scaled(value: Decimal, exponent: number | undefined): Decimal | undefined {
  return exponent === undefined ? undefined : { digits: value.digits, exponent: value.exponent + exponent };
}

/** The exact sum; 0 for none. */
export function sum(values: readonly Decimal[]): Decimal {
  const exponent = values.reduce((least, value) => Math.min(least, value.exponent), 0);
  const digits = values.reduce((total, value) => total + value.digits * 10n ** BigInt(value.exponent - exponent), 0n);
  return { digits, exponent };
}

/** Rounds towards minus infinity. */
export function floorOf({ digits, exponent }: Decimal): bigint {
  if (exponent >= 0) return digits * 10n ** BigInt(exponent);
  const divisor = 10n ** BigInt(-exponent);
  const quotient = digits / divisor;
  return digits < 0n && quotient * divisor !== digits ? quotient - 1n : quotient;
}

/** Rounds to the nearest integer, halves away from zero. */
export function roundOf({ digits, exponent }: Decimal): bigint {
  const magnitude = floorOf(
    sum([
      { digits: digits < 0n ? -digits : digits, exponent },
      { digits: 5n, exponent: -1 },
    ]),
  );
  return digits < 0n ? -magnitude : magnitude;
}
