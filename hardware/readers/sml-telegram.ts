/** What an SML list of values says: OBIS codes, scaled integers and DLMS units become values as other protocols give them. */
import { powerWOf, registersOf, showsOnlyKilowattHours } from "./quantities.ts";
import type { ObisValue, Skipped, Telegram } from "./reader.ts";
import type { SmlListResponse } from "./sml-messages.ts";
import type { SmlElement } from "./sml-tree.ts";

/** DLMS units (IEC 62056-6-2) that meters at home use. */
const UNITS: Readonly<Record<number, string>> = {
  7: "s",
  8: "deg",
  9: "degC",
  13: "m3",
  27: "W",
  28: "VA",
  29: "var",
  30: "Wh",
  31: "VAh",
  32: "varh",
  33: "A",
  35: "V",
  44: "Hz",
};
/** 255: a number without a unit. */
const NO_UNIT = 255n;
const MODEL_CODES = ["1-0:96.50.1*1", "129-129:199.130.3"];
const ID_CODES = ["1-0:96.1.0", "1-0:0.0.9"];
const CURRENT = 0xff;

/** Throws RegisterError when a register cannot be believed. */
export function interpretSml(list: SmlListResponse, unknown: readonly string[]): Telegram {
  const values: ObisValue[] = [];
  const skipped: Skipped[] = unknown.map((kind) => ({ code: "unknown-type", at: `message ${kind}` }));
  for (const [index, entry] of list.entries.entries()) {
    const result = entryOf(entry, index);
    if ("code" in result) skipped.push(result);
    else values.push(result);
  }
  const model = MODEL_CODES.map((code) => textAt(values, code)).find((text) => text !== undefined) ?? "";
  const id =
    list.serverId === undefined
      ? ID_CODES.map((code) => textAt(values, code)).find(Boolean)
      : serverName(list.serverId);
  const time = unixTime(list.sensorTime);
  const powerW = powerWOf(values);
  return {
    type: "telegram",
    protocol: "sml",
    check: "valid",
    model,
    ...(id === undefined ? {} : { meterId: id }),
    ...(time === undefined ? {} : { time }),
    values,
    registers: registersOf(values, skipped),
    ...(powerW === undefined ? {} : { powerW }),
    subMeters: [],
    locked: showsOnlyKilowattHours(values),
    skipped,
  };
}

function textAt(values: readonly ObisValue[], obis: string): string | undefined {
  const found = values.find((value) => value.obis === obis)?.value;
  return typeof found === "string" ? found : undefined;
}

/** Name, status, time, unit, scaler, value, signature. */
function entryOf(entry: SmlElement, index: number): ObisValue | Skipped {
  const place = `entry ${index + 1}`;
  if (!Array.isArray(entry) || entry.length !== 7) return { code: "bad-value", at: place };
  const [name, , , unit, scaler, value] = entry as SmlElement[];
  if (!(name instanceof Uint8Array) || name.length !== 6) return { code: "bad-value", at: place };
  const obis = obisOf(name);
  if (typeof value === "bigint") return numberOf(obis, value, unit, scaler);
  if (value instanceof Uint8Array)
    return { obis, value: /:96\.1\.0$|:0\.0\.9$/.test(obis) ? serverName(value) : octetsOf(value) };
  if (typeof value === "boolean") return { obis, value: String(value) };
  return { code: value === undefined ? "bad-value" : "unknown-type", at: obis };
}

function numberOf(obis: string, digits: bigint, unit: SmlElement, scaler: SmlElement): ObisValue | Skipped {
  if (scaler !== undefined && (typeof scaler !== "bigint" || scaler < -30n || scaler > 30n))
    return { code: "bad-value", at: obis };
  const value = { digits, exponent: Number(scaler ?? 0n) };
  if (unit === undefined || unit === NO_UNIT) return { obis, value };
  const name = typeof unit === "bigint" ? UNITS[Number(unit)] : undefined;
  return name === undefined ? { code: "unknown-type", at: obis } : { obis, value, unit: name };
}

function obisOf([a, b, c, d, e, f]: Uint8Array): string {
  return `${a}-${b}:${c}.${d}.${e}${f === CURRENT ? "" : `*${f}`}`;
}

function octetsOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("latin1");
  return /^[\x20-\x7e]+$/.test(text) ? text.trim() : Buffer.from(bytes).toString("hex");
}

/**
 * A meter's number by DIN 43863-5: 0a, the medium, three letters of the maker, a block, and a number, printed on the
 * meter as 1 ISK 00 12345678. Others as hexadecimal.
 */
function serverName(bytes: Uint8Array): string {
  const [length, medium, ...rest] = bytes;
  const maker = Buffer.from(rest.slice(0, 3)).toString("latin1");
  if (bytes.length !== 10 || length !== 0x0a || medium! > 9 || !/^[A-Z]{3}$/.test(maker)) return octetsOf(bytes);
  const number = Buffer.from(rest.slice(4)).readUInt32BE();
  return `${medium}${maker}${rest[3]!.toString(16).padStart(2, "0").toUpperCase()}${String(number).padStart(8, "0")}`;
}

/** Seconds since the meter was switched on are no time of day; only the other two kinds of time are. */
function unixTime(time: SmlElement): number | undefined {
  if (!Array.isArray(time) || time.length !== 2) return undefined;
  const [kind, value] = time as SmlElement[];
  const stamp = kind === 3n && Array.isArray(value) ? (value as SmlElement[])[0] : value;
  return (kind === 2n || kind === 3n) && typeof stamp === "bigint" ? Number(stamp) : undefined;
}
