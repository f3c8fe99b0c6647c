/** `npm run bills -- verify`: gathers bills, readings and tariffs, and reports where bills do not follow from them. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { UsageError } from "../../config/runtime/role-command.ts";
import { customerBill } from "../../protocol/messages/bill.ts";
import type { Queries } from "../store/rounds-store.ts";
import { parseTariffYaml, type Tariff, TariffError } from "../../billing/tariffs/index.ts";
import { kilowattHours, money } from "./bills-table.ts";
import { type ListedBill, parsePeriod } from "./list.ts";
import { NO_READINGS, readReadings, ReadingsError } from "../../billing/readings-file.ts";
import { readTariff } from "./tariff-book.ts";
import { checkBill, type Difference, hasReadings, type LateEnergy, type SlotRange } from "../../billing/check.ts";

export interface VerifyRequest {
  readonly bills: readonly ListedBill[];
  readonly readings: string;
  /** The published tariff; by default the text that the database keeps for each bill. */
  readonly tariff: string | undefined;
  readonly slotSeconds: number;
  /** Only bills of this period; the others tell what is late. */
  readonly period?: string | undefined;
}

type Place = Pick<Difference, "meter" | "periodStart" | "row">;

/** A difference; a bill that names another tariff than the one given. */
export type Finding =
  | Difference
  | (Place & { readonly what: "tariff"; readonly bill: string; readonly expected: string });

export interface VerifyReport {
  readonly checked: number;
  /** Final bills that no row of the file is about: whether they follow is unknown. */
  readonly unchecked: readonly Omit<Place, "row">[];
  /** Bills that are not final: there is nothing to check. */
  readonly notFinal: number;
  readonly findings: readonly Finding[];
}

/** Checks all given bills. Throws UsageError for files that cannot be used. */
export async function verifyBills(db: Queries | undefined, request: VerifyRequest): Promise<VerifyReport> {
  const { bills, slotSeconds } = request;
  const readings = await usable(() => readReadings(request.readings, slotSeconds));
  if (bills.length === 0) throw new UsageError("verify: there is no bill yet");
  const given = request.tariff === undefined ? undefined : await usable(() => readTariff(request.tariff ?? ""));
  const known = given === undefined ? await keptTariffs(db, bills) : new Map<string, Tariff>();
  const findings: Finding[] = [];
  const unchecked: Omit<Place, "row">[] = [];
  const period = request.period === undefined ? undefined : parsePeriod(request.period);
  const asked = bills.filter(
    ({ periodStart, periodEnd }) =>
      period === undefined || (periodStart === period.from && periodEnd === (period.to ?? periodEnd)),
  );
  if (asked.length === 0) throw new UsageError(`verify: there is no bill of the period ${request.period ?? ""}`);
  const starts = new Set(asked.map(({ periodStart }) => periodStart));
  const final = asked.filter(({ status }) => status === "final");
  for (const { meter, periodStart, tariff } of final) {
    if (given === undefined || given.id === tariff) continue;
    findings.push({ meter, periodStart, row: "tariff", what: "tariff", bill: tariff, expected: given.id });
  }
  for (const meter of [...new Set(bills.map((bill) => bill.meter))].sort()) {
    const own = bills.filter((bill) => bill.meter === meter);
    const tariffOf = ({ tariff }: ListedBill): Tariff => {
      const found = given?.tariff ?? known.get(tariff);
      if (found === undefined)
        throw new UsageError(`verify: tariff ${tariff} of ${meter} is not here; use --tariff FILE`);
      return found;
    };
    for (const listed of own.filter(({ status, periodStart }) => status === "final" && starts.has(periodStart))) {
      const bill = { ...listed, late: listed.late ?? lateEnergy(listed, own) };
      const check = { bill, readings: readings.get(meter) ?? NO_READINGS, tariff: tariffOf(listed), slotSeconds };
      // A tariff that does not fit the period, or has other bands, is the given one's fault.
      const found = await usable(() => Promise.resolve().then(() => checkBill(check)));
      if (found.length === 0) continue;
      // Where the file says nothing of a bill, its rows say nothing against it.
      if (hasReadings(check)) findings.push(...found);
      else unchecked.push({ meter, periodStart: listed.periodStart });
    }
  }
  const checked = final.length - unchecked.length;
  return { checked, unchecked, notFinal: asked.length - final.length, findings };
}

/** What a bill charges of earlier periods, as the gaps of their bills tell. */
function lateEnergy({ periodStart }: ListedBill, own: readonly ListedBill[]): LateEnergy[] {
  return own.flatMap((source): LateEnergy[] => {
    const gapsWhere = (wanted: (billed: string | null) => boolean): SlotRange[] =>
      source.gaps.filter(({ billedPeriodStart }) => wanted(billedPeriodStart));
    const billed = gapsWhere((start) => start === periodStart);
    if (billed.length === 0) return [];
    const missing = gapsWhere((start) => start === null || start > periodStart);
    return [{ periodStart: source.periodStart, periodEnd: source.periodEnd, billed, missing }];
  });
}

async function usable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const bad = error instanceof ReadingsError || error instanceof TariffError || error instanceof RangeError;
    const file = error instanceof Error && "syscall" in error;
    if (bad || file) throw new UsageError(`verify: ${error.message}`);
    throw error;
  }
}

/** The texts that the database keeps, each checked against the hash by which bills name it. */
async function keptTariffs(db: Queries | undefined, bills: readonly ListedBill[]): Promise<Map<string, Tariff>> {
  if (db === undefined) throw new UsageError("verify: --bills needs --tariff FILE, the published tariff");
  const named = new Set(bills.map(({ tariff }) => tariff));
  const tariffs = new Map<string, Tariff>();
  for (const { id, source, yaml } of await db.selectFrom("tariffs").selectAll().execute()) {
    if (!named.has(id)) continue;
    const hash = createHash("sha256").update(yaml).digest("hex").slice(0, 32);
    if (hash !== id) throw new UsageError(`verify: the text of tariff ${id} in the database is another one (${hash})`);
    tariffs.set(id, parseTariffYaml(yaml, source));
  }
  return tariffs;
}

/** Bills as a meter keeps them: JSON files; of each period the highest version. Throws UsageError. */
export function readBillFolder(folder: string): ListedBill[] {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith(".json") && !name.includes(".contradicts-"));
  } catch {
    throw new UsageError(`--bills: ${folder} cannot be read`);
  }
  const newest = new Map<string, ListedBill>();
  for (const name of names) {
    const file = path.join(folder, name);
    const bill = billOf(file);
    const key = `${bill.meter} ${bill.periodStart} ${bill.periodEnd}`;
    if ((newest.get(key)?.version ?? 0) < bill.version) newest.set(key, bill);
  }
  return [...newest.values()].sort((a, b) => (a.periodStart < b.periodStart ? -1 : 1));
}

function billOf(file: string): ListedBill {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw new UsageError(`--bills: ${file} is no JSON`);
  }
  const parsed = customerBill.safeParse(value);
  if (!parsed.success) throw new UsageError(`--bills: ${file} is no bill`);
  const { meterId: meter, gaps, ...rest } = parsed.data;
  // A customer's bill does not say which later bill fills its gaps; that one does.
  return { ...rest, meter, gapSlots: 0, gaps: gaps.map((gap) => ({ ...gap, billedPeriodStart: null })) };
}

/** One line for each difference, one for bills that the readings are not about, and a summary. */
export function verifyText({ checked, unchecked, notFinal, findings }: VerifyReport, currency: string): string {
  const lines = findings.map((finding) => {
    const head = `${finding.meter}, period from ${finding.periodStart}, ${finding.row}`;
    if (finding.what === "tariff")
      return `${head}: the bill names ${finding.bill}, the given file is ${finding.expected}`;
    const print = (value: number): string =>
      finding.what === "energyWh" ? `${kilowattHours(value)} kWh` : money(value, currency);
    return `${head}: the bill says ${print(finding.bill)}, readings and tariff give ${print(finding.expected)}`;
  });
  const bad = new Set(findings.map(({ meter, periodStart }) => `${meter} ${periodStart}`)).size;
  const parts = [
    `${bills(checked)} checked${checked === 0 && bad === 0 ? "" : `: ${verdict(checked, bad)}`}`,
    ...(unchecked.length === 0 ? [] : [`${bills(unchecked.length)} could not be checked: no rows`]),
    ...(notFinal === 0 ? [] : [`${bills(notFinal)} not final`]),
  ];
  return [...lines, ...silentText(unchecked), parts.join("; ")].join("\n");
}

function bills(count: number): string {
  return `${count} bill${count === 1 ? "" : "s"}`;
}

function verdict(checked: number, bad: number): string {
  const what = "from readings and tariff";
  if (bad > 0) return `${bad} ${bad === 1 ? "does" : "do"} not follow ${what}`;
  return checked === 1 ? `it follows ${what}` : `all follow ${what}`;
}

const MOST_NAMED = 3;

/** Periods that lack the same meters share a line. */
function silentText(unchecked: VerifyReport["unchecked"]): string[] {
  const periods = new Map<string, string[]>();
  for (const periodStart of [...new Set(unchecked.map((bill) => bill.periodStart))].sort()) {
    const meters = listed(unchecked.filter((bill) => bill.periodStart === periodStart).map(({ meter }) => meter));
    periods.set(meters, [...(periods.get(meters) ?? []), periodStart]);
  }
  return [...periods].map(
    ([meters, starts]) => `no rows for ${meters} in the period${starts.length === 1 ? "" : "s"} from ${listed(starts)}`,
  );
}

function listed(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  return more > 1 ? `${names.slice(0, MOST_NAMED).join(", ")} and ${more} more` : names.join(", ");
}
