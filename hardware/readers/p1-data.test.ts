/** P1 telegrams of real meters and of specifications, with the verdicts and values that their manifest states. */
import assert from "node:assert/strict";
import test from "node:test";
import { z } from "zod";
import { P1Reader } from "./p1.ts";
import type { ObisValue, ReaderEvent, Telegram } from "./reader.ts";
import { forEachShared } from "./testing/shared-data.ts";

const manifestSchema = z.array(
  z.object({
    file: z.string(),
    crc_in_file: z.string().nullable(),
    crc_valid: z.boolean().nullable(),
    header: z.string(),
    expect: z.string().optional(),
    obis_lines: z.record(z.string(), z.array(z.array(z.string()))),
  }),
);
type Entry = z.infer<typeof manifestSchema>[number];

/** What each expectation of the manifest means here: the codes of the faults, and how many telegrams are good. */
const EXPECTATIONS: Readonly<Record<string, { faults: string[]; good: number }>> = {
  "reject: CRC mismatch": { faults: ["bad-crc"], good: 0 },
  "reject: ParseError / never completes": { faults: ["truncated"], good: 0 },
  "reject: CRC not hex": { faults: ["bad-crc"], good: 0 },
  "three telegrams: V2_2, V4_2, V2_2": { faults: [], good: 3 },
};

forEachShared("p1", manifestSchema, (entry, read) => {
  test(`${entry.file}: verdict and values as stated`, () => compare(entry, read(entry.file)));
});

function compare(entry: Entry, file: Buffer): void {
  // Some files end at `!`: their last line break is cut off, which on a line would mean a cut-off checksum.
  const bytes = Buffer.concat([file, Buffer.from(entry.crc_valid === null ? "\r\n" : "")]);
  const events = readAll(new P1Reader(), bytes);
  const good = events.filter((event) => event.type === "telegram");
  const faults = events.flatMap((event) => (event.type === "fault" && event.code !== "noise" ? [event.code] : []));
  const expected = EXPECTATIONS[entry.expect ?? ""] ?? {
    faults: entry.crc_valid === false ? ["bad-crc"] : [],
    good: entry.crc_valid === false ? 0 : 1,
  };
  assert.deepEqual([faults, good.length], [expected.faults, expected.good]);
  if (good.length === 1) assert.equal(good[0]?.check, entry.crc_valid === true ? "valid" : "absent");
  // A wrong checksum is reported; the values are compared all the same, as someone would look at them.
  const shown = good[0] ?? readAll(new P1Reader({ showBad: true }), bytes).find((event) => event.type === "telegram");
  if (shown === undefined) {
    assert.equal(expected.faults[0], "truncated");
    return;
  }
  assert.equal(`/${shown.model}`, entry.header);
  for (const [obis, lines] of Object.entries(entry.obis_lines)) compareLines(shown, obis, lines);
}

function readAll(reader: P1Reader, bytes: Uint8Array): ReaderEvent[] {
  return [...reader.push(bytes), ...reader.end()];
}

/** Every group that the manifest lists is a value, with or without its unit. Times have tests of their own. */
function compareLines(telegram: Telegram, obis: string, lines: readonly (readonly string[])[]): void {
  const gas = lines.flat().find((group) => group.endsWith(":24.2.1")); // DSMR 2 and 3 name the code inside the line
  const told = telegram.values
    .filter((value) => [value.obis, value.log].includes(obis) || value.obis === gas)
    .flatMap((value) => [written(value, ""), written(value, `*${value.unit ?? ""}`)]);
  const groups = lines.flatMap((line) => (gas !== undefined || isLog(obis) ? quantities(line) : line));
  for (const group of groups.filter((text) => !/^\d{12}[SW]?$/.test(text))) {
    assert.ok(told.includes(canonical(group)), `${obis}: ${group} is not among ${told.join(", ")}`);
  }
}

const isLog = (obis: string): boolean => /:9[89]\.\d+\.0$/.test(obis);

/** What a log or an old gas line measured: all that has a decimal point or a unit. */
const quantities = (line: readonly string[]): string[] => line.filter((group) => /^-?\d+\.\d+$|\*/.test(group));

/** Numbers without leading zeros, so that both sides can be compared as texts. */
const canonical = (text: string): string => text.replace(/^(-?)0+(?=\d)/, "$1");

function written({ value, unit }: ObisValue, suffix: string): string {
  if (typeof value === "string") return canonical(value);
  const digits = String(value.digits)
    .replace("-", "")
    .padStart(1 - value.exponent, "0");
  const point = digits.length + value.exponent;
  const number = value.exponent === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
  return `${value.digits < 0n ? "-" : ""}${number}${unit === undefined ? "" : suffix}`;
}
