/** Histories from and to CSV: one row a week and asset, rows of an asset together and in order. */
import { CsvError, parse } from "csv-parse/sync";
import { stringify } from "csv-stringify/sync";
import { type AssetHistory, emptyWeeks, KINDS, MEASURES, RANGES, weekCount, WEEKS_PER_YEAR } from "./history.ts";
import { readText } from "../../../config/runtime/text-file.ts";

export const HISTORY_COLUMNS = ["asset", "kind", "week", "age_years", ...MEASURES, "failed", "simulated"] as const;
const DAY_MS = 86_400_000;
const DIGITS = 6;

/** What is wrong with a file of histories; the message names file and line. */
export class HistoryFileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "HistoryFileError";
  }
}

export function historiesCsv(histories: readonly AssetHistory[]): string {
  const rows: string[][] = [[...HISTORY_COLUMNS]];
  for (const history of histories) {
    const { asset, kind, weeks, ageYears, firstDay, failed, simulated } = history;
    const count = weekCount(history);
    for (let week = 0; week < count; week++) {
      const day = new Date((firstDay + 7 * week) * DAY_MS).toISOString().slice(0, 10);
      const values = MEASURES.map((measure) => shown(weeks[measure][week]!));
      const age = String(Number((ageYears + week / WEEKS_PER_YEAR).toFixed(4)));
      rows.push([asset, kind, day, age, ...values, String(failed && week === count - 1), String(simulated)]);
    }
  }
  return stringify(rows);
}

function shown(value: number): string {
  return Number.isNaN(value) ? "" : String(Number(value.toPrecision(DIGITS)));
}

/** Throws HistoryFileError for the first thing that is wrong. */
export function readHistories(file: string): AssetHistory[] {
  let text: string;
  try {
    text = readText(file);
  } catch (error) {
    throw new HistoryFileError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown"})`);
  }
  let records: { record: string[]; info: { lines: number } }[];
  try {
    const options = { bom: true, trim: true, skip_empty_lines: true, relax_column_count: true, info: true } as const;
    records = parse(text, options) as unknown as typeof records;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new HistoryFileError(`${file} is no CSV of ${HISTORY_COLUMNS.join()}`);
  }
  const histories = new Map<string, AssetHistory>();
  let current: AssetHistory | undefined;
  for (const [i, { record, info }] of records.entries()) {
    const fail = (what: string): never => {
      throw new HistoryFileError(`${file}, line ${info.lines}: ${what}`);
    };
    if (i === 0) {
      if (record.join() !== HISTORY_COLUMNS.join()) {
        fail(`expected the columns ${HISTORY_COLUMNS.join()}, got ${record.join().slice(0, 80)}`);
      }
      continue;
    }
    current = readRow(record, current, histories, fail);
  }
  if (histories.size === 0) throw new HistoryFileError(`${file} has no weeks`);
  return [...histories.values()];
}

type Fail = (what: string) => never;

function readRow(
  record: readonly string[],
  current: AssetHistory | undefined,
  histories: Map<string, AssetHistory>,
  fail: Fail,
): AssetHistory {
  if (record.length !== HISTORY_COLUMNS.length) fail(`expected ${HISTORY_COLUMNS.length} fields, got ${record.length}`);
  const field = Object.fromEntries(HISTORY_COLUMNS.map((name, i) => [name, record[i]!])) as Record<string, string>;
  const { asset = "", week = "", failed, simulated } = field;
  if (asset === "") fail("asset: expected a name, got nothing");
  const kind =
    KINDS.find((one) => one === field["kind"]) ?? fail(`kind: expected ${KINDS.join(" or ")}, got ${field["kind"]!}`);
  const day = /^\d{4}-\d\d-\d\d$/.test(week) ? Date.parse(week) / DAY_MS : Number.NaN;
  if (Number.isNaN(day)) fail(`week: expected the date of its first day as 2025-01-06, got ${week}`);
  const ageYears = numberIn(field["age_years"]!, "age_years", 0, 150, fail);
  for (const [name, text] of Object.entries({ failed, simulated })) {
    if (text !== "true" && text !== "false") fail(`${name}: expected true or false, got ${text ?? ""}`);
  }
  let history = current;
  if (history?.asset !== asset) {
    if (histories.has(asset)) fail(`asset: rows of ${asset} do not stand together`);
    history = {
      ...{ asset, kind, ageYears, firstDay: day, weeks: emptyWeeks(), failed: false },
      simulated: simulated === "true",
    };
    histories.set(asset, history);
  }
  const next = history.firstDay + 7 * weekCount(history);
  if (history.failed) fail(`failed: ${asset} failed in the row above; what replaces it needs another name`);
  if (history.kind !== kind) fail(`kind: ${asset} was a ${history.kind} in the row above`);
  if (day !== next) fail(`week: expected ${new Date(next * DAY_MS).toISOString().slice(0, 10)}, got ${week}`);
  for (const measure of MEASURES) {
    const text = field[measure]!;
    const { min, max, optional } = RANGES[measure];
    const value = text === "" && optional ? Number.NaN : numberIn(text, measure, min, max, fail);
    history.weeks[measure].push(value);
  }
  history.failed = failed === "true";
  return history;
}

function numberIn(text: string, name: string, min: number, max: number, fail: Fail): number {
  const value = text === "" ? Number.NaN : Number(text);
  if (!(value >= min && value <= max))
    fail(`${name}: expected ${min} to ${max}, got ${text === "" ? "nothing" : text}`);
  return value;
}
