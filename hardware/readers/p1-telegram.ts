/**
 * What a P1 telegram says (DSMR 2.2 to 5, eMUCS, and their Luxembourgish, Swedish and Hungarian relatives), once its
 * bytes are known to be whole. Lines that are not understood are named in `skipped`.
 */
import { type DataSet, parseDataLine, valuesOf } from "./data-lines.ts";
import { parseP1Time } from "./p1-time.ts";
import { plainId, powerWOf, registersOf } from "./quantities.ts";
import type { ObisValue, Skipped, SubMeter, Telegram } from "./reader.ts";

/** The code of a line whose rest may be broken. */
const BEGINNING = /^\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3}(?!\d)/;
/** Where meters keep their own number: DSMR and eMUCS, Hungary, Luxembourg. */
const METER_IDS = ["0-0:96.1.1", "0-0:96.1.0", "0-0:42.0.0"];
const SUB_METER = /^0-([1-9]\d*):(24\.1\.0|24\.2\.\d+|96\.1\.[01])$/;

export interface P1Text {
  readonly header: string;
  readonly sets: readonly DataSet[];
  /** Lines that are no data lines, by their code or number. */
  readonly bad: readonly Skipped[];
}

/** Splits a telegram, from `/` up to `!`, into its lines. */
export function splitP1(text: string): P1Text {
  const [header = "", ...lines] = text.split(/\r?\n/);
  const sets: DataSet[] = [];
  const bad: Skipped[] = [];
  for (const [index, line] of lines.entries()) {
    if (line === "") continue;
    // The value of an old gas meter stands on a line of its own.
    const whole = line.startsWith("(") && sets.length > 0 ? `${asText(sets.at(-1)!)}${line}` : line;
    const set = parseDataLine(whole);
    if (set === undefined) bad.push({ code: "bad-line", at: BEGINNING.exec(line)?.[0] ?? `line ${index + 2}` });
    else if (whole === line) sets.push(set);
    else sets[sets.length - 1] = set;
  }
  return { header: header.slice(1).trimEnd(), sets, bad };
}

function asText({ obis, groups }: DataSet): string {
  return `${obis}${groups.map((group) => `(${group})`).join("")}`;
}

/** Whether this version of the standard has a checksum: all that give their version have. */
export function namesItsVersion({ sets }: P1Text): boolean {
  return sets.some(({ obis }) => obis === "1-3:0.2.8" || obis === "0-0:96.1.4");
}

/** The telegram's values. Throws RegisterError when a register cannot be believed. */
export function interpretP1({ header, sets, bad }: P1Text, check: Telegram["check"]): Telegram {
  const understood = sets.map(valuesOf);
  const values = understood.flatMap((set) => set.values);
  const skipped = [...bad, ...understood.flatMap((set) => set.skipped)];
  const clock = textOf(values, "0-0:1.0.0");
  const time = clock === undefined ? undefined : parseP1Time(clock);
  if (clock !== undefined && time === undefined) skipped.push({ code: "bad-time", at: "0-0:1.0.0" });
  const id = METER_IDS.map((obis) => textOf(values, obis)).find((found) => found !== undefined && found !== "");
  const powerW = powerWOf(values);
  return {
    type: "telegram",
    protocol: "p1",
    check,
    model: header,
    ...(id === undefined ? {} : { meterId: plainId(id) }),
    ...(time === undefined ? {} : { time }),
    values,
    registers: registersOf(values, skipped),
    ...(powerW === undefined ? {} : { powerW }),
    subMeters: subMetersOf(values),
    locked: false,
    skipped,
  };
}

function textOf(values: readonly ObisValue[], obis: string): string | undefined {
  const found = values.find((value) => value.obis === obis && value.log === undefined)?.value;
  return typeof found === "string" ? found : undefined;
}

function subMetersOf(values: readonly ObisValue[]): SubMeter[] {
  const channels = new Map<number, SubMeter>();
  for (const value of values) {
    const match = value.log === undefined ? SUB_METER.exec(value.obis) : null;
    if (match === null) continue;
    const [, digits = "", code = ""] = match;
    const channel = Number(digits);
    const before = channels.get(channel) ?? { channel };
    channels.set(channel, { ...before, ...partOf(code, value, before) });
  }
  // A channel that only says "no device" has nothing to report.
  return [...channels.values()]
    .filter(({ id, reading }) => id !== undefined || reading !== undefined)
    .sort((one, other) => one.channel - other.channel);
}

function partOf(code: string, value: ObisValue, before: SubMeter): Partial<SubMeter> {
  const { value: content } = value;
  if (code === "24.1.0")
    return typeof content === "string" && /^\d{1,3}$/.test(content) ? { medium: Number(content) } : {};
  if (code.startsWith("96.")) return typeof content === "string" && content !== "" ? { id: plainId(content) } : {};
  // The first reading that has a unit; without one nobody knows what was counted.
  if (before.reading !== undefined || typeof content === "string" || value.unit === undefined) return {};
  return { reading: value };
}
