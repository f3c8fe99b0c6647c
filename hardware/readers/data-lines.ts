/**
 * Lines of IEC 62056-21 data readouts, `1-0:1.8.1(001581.123*kWh)`, as P1 and D0 have them: an OBIS code and groups in
 * brackets. Text goes in, values come out; what is not understood is named, not guessed.
 */
import { parseDecimal } from "./decimal.ts";
import { parseP1Time } from "./p1-time.ts";
import type { ObisValue, Skipped } from "./reader.ts";

export interface DataSet {
  readonly obis: string;
  readonly groups: readonly string[];
}

/** Printable, and neither brackets nor the characters that frame a telegram. */
const GROUPS = /\(([^()/!]*)\)/g;
const LINE = /^(\d{1,3}-\d{1,3}:[0-9A-Z]{1,3}\.\d{1,3}\.\d{1,3}(?:\*\d{1,3})?)((?:\([^()/!]*\))+)$/;
const OBIS = /^\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3}$/;
const QUANTITY = /^(-?\d+(?:\.\d+)?)\*([A-Za-z0-9]{1,6})$/;
/** Electrical quantities and counts of events are numbers even without a unit; other bare digits are names or states. */
const COUNTS = /^(?:1-\d+:(?!0\.)|\d+-\d+:96\.7\.)/;

/** One line; undefined when it is not built like one. `*255` means "now" and is left out. */
export function parseDataLine(line: string): DataSet | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, obis = "", groups = ""] = match;
  return { obis: obis.replace(/\*255$/, ""), groups: [...groups.matchAll(GROUPS)].map(([, group = ""]) => group) };
}

export interface Understood {
  readonly values: readonly ObisValue[];
  readonly skipped: readonly Skipped[];
}

/** The values of one data set. */
export function valuesOf({ obis, groups }: DataSet): Understood {
  if (/:99\.97\.0$|:98\.1\.0$/.test(obis)) return logOf(obis, groups);
  if (obis.endsWith(":24.3.0") && groups.length === 7) return oldSubMeterOf(obis, groups);
  const [first = "", ...rest] = groups;
  if (rest.length === 0) return { values: [valueOf(obis, first)], skipped: [] };
  // A time and what was measured then: sub-meters, peaks.
  if (!/^\d{12}[SW]?$/.test(first)) return { values: groups.map((group) => valueOf(obis, group)), skipped: [] };
  const time = parseP1Time(first);
  const values = rest.map((group) => ({ ...valueOf(obis, group), ...(time === undefined ? {} : { time }) }));
  return { values, skipped: time === undefined ? [{ code: "bad-time", at: obis }] : [] };
}

/** One group: a number with or without a unit, else a text. */
export function valueOf(obis: string, group: string): ObisValue {
  const quantity = QUANTITY.exec(group);
  if (quantity !== null) {
    const value = parseDecimal(quantity[1]!);
    if (value !== undefined) return { obis, value, unit: quantity[2]! };
  }
  const plain = COUNTS.test(obis) || group.includes(".") ? parseDecimal(group) : undefined;
  return { obis, value: plain ?? group };
}

/**
 * A log: how many entries, the codes of what is logged, then per entry one or more times and the values. Hungarian
 * meters give the registers at the end of the month in the same place: one time, then values without codes.
 */
function logOf(obis: string, groups: readonly string[]): Understood {
  const bad: Understood = { values: [], skipped: [{ code: "bad-value", at: obis }] };
  const [first = "", ...rest] = groups;
  if (first === "" && rest.length === 0) return { values: [], skipped: [] };
  if (/^\d{12}[SW]$/.test(first)) return rowOf(obis, [], groups) ?? bad;
  if (!/^\d{1,3}$/.test(first)) return bad;
  const count = Number(first);
  const columns = rest.slice(0, rest.findIndex((group) => !OBIS.test(group)) >>> 0);
  const entries = rest.slice(columns.length);
  if (count === 0) return entries.length === 0 ? { values: [], skipped: [] } : bad;
  if (entries.length === 0 || entries.length % count !== 0) return bad;
  const width = entries.length / count;
  const rows = Array.from({ length: count }, (_, row) =>
    rowOf(obis, columns, entries.slice(row * width, (row + 1) * width)),
  );
  if (rows.includes(undefined)) return bad;
  return {
    values: rows.flatMap((row) => row?.values ?? []),
    skipped: rows.flatMap((row) => row?.skipped ?? []),
  };
}

/** One entry of a log; the last of its times is that of the values. */
function rowOf(log: string, columns: readonly string[], row: readonly string[]): Understood | undefined {
  const times = row.slice(0, row.findIndex((group) => !/^\d{12}[SW]$/.test(group)) >>> 0);
  const values = row.slice(times.length);
  if (times.length === 0 || values.length === 0) return undefined;
  const time = parseP1Time(times.at(-1)!);
  return {
    values: values.map((group, column) => ({
      ...valueOf(columns[column] ?? log, group),
      log,
      ...(time === undefined ? {} : { time }),
    })),
    skipped: time === undefined ? [{ code: "bad-time", at: log }] : [],
  };
}

/** DSMR 2 and 3: time, status, period, number of values, code, unit, and on the next line the value. */
function oldSubMeterOf(obis: string, groups: readonly string[]): Understood {
  const [, , , count, code = "", unit = "", number = ""] = groups;
  const value = parseDecimal(number);
  // Its time says neither summer nor winter, so it stands for two instants in one hour of the year, and is left out.
  if (count !== "1" || !OBIS.test(code) || unit === "" || value === undefined) {
    return { values: [], skipped: [{ code: "bad-value", at: obis }] };
  }
  return { values: [{ obis: code, value, unit }], skipped: [] };
}
