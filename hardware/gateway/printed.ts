/** What `--dry-run` prints of a telegram: with `--json` all of it, else one line. */
import type { Decimal, Telegram } from "../readers/reader.ts";

/** A telegram as JSON shows it. */
export function printedTelegram(meter: string, telegram: Telegram, time: number): Readonly<Record<string, unknown>> {
  const { registers, powerW, values, ...rest } = telegram;
  return {
    ...{ time: Math.round(time * 1_000) / 1_000, meter, ...registers },
    ...(powerW === undefined ? {} : { powerW }),
    ...{ protocol: rest.protocol, model: rest.model, check: rest.check, locked: rest.locked },
    ...(rest.meterId === undefined ? {} : { meterId: rest.meterId }),
    ...(rest.time === undefined ? {} : { meterTime: rest.time }),
    values: values.map(({ obis, value, unit, time: at, log }) => ({
      obis,
      value: typeof value === "string" ? value : decimalText(value),
      ...(unit === undefined ? {} : { unit }),
      ...(at === undefined ? {} : { time: at }),
      ...(log === undefined ? {} : { log }),
    })),
    subMeters: rest.subMeters.map(({ reading, ...sub }) => ({
      ...sub,
      ...(reading === undefined
        ? {}
        : {
            value: typeof reading.value === "string" ? reading.value : decimalText(reading.value),
            unit: reading.unit,
          }),
    })),
  };
}

/** Exact: digits are moved, nothing is divided. */
function decimalText({ digits, exponent }: Decimal): string {
  if (exponent >= 0) return `${digits * 10n ** BigInt(exponent)}`;
  const text = `${digits < 0n ? -digits : digits}`.padStart(1 - exponent, "0");
  return `${digits < 0n ? "-" : ""}${text.slice(0, exponent)}.${text.slice(exponent)}`;
}

/** One line for a person: time, meter, and what has a unit in its name. */
export function printedLine(what: Readonly<Record<string, unknown>>): string {
  const { time, meter, event, values, subMeters: _subMeters, check: _check, locked, ...rest } = what;
  const clock = typeof time === "number" ? new Date(time * 1_000).toISOString().slice(11, 19) : "";
  const parts = Object.entries(rest)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name} ${String(value)}`);
  const count = Array.isArray(values) ? [`${values.length} values`] : [];
  const pin = locked === true ? ["locked: enter its PIN"] : [];
  return [clock, meter, event, ...parts, ...count, ...pin]
    .filter((part) => part !== undefined && part !== "")
    .join("  ");
}
