/**
 * Holds bills against the log: each version is there as it was logged, the last one that was logged is the current one,
 * and its sums are those that rounds released, priced by the tariffs that it names.
 */
import { RESERVED_ROWS } from "../../billing/tariffs/index.ts";
import type { CustomerBill } from "../../protocol/messages/bill.ts";
import { type BillHead, customerBills } from "../bills/customer-bill.ts";
import type { Queries } from "../store/rounds-store.ts";
import { billSubject, parseJson } from "./entries.ts";
import type { Finding } from "./verify.ts";
import { SumsCheck } from "./verify-sums.ts";

/** Bills that begin on a local date, of one meter or of all. */
export interface WhichBills {
  readonly periodStart: string;
  readonly meter?: string | undefined;
}

/** Versions of the bill of a meter and period, oldest first. */
type BillVersions = readonly BillHead[];

/** A version that was logged. */
interface Logged {
  readonly version: number;
  readonly index: number;
  readonly isErased: boolean;
}

const AT_ONCE = 500;

/** Calls `found` for each bill that is not as it was logged; returns how many bills there are that were issued. */
export async function verifyBills(
  db: Queries,
  slotSeconds: number,
  found: (finding: Finding) => void,
  which?: WhichBills,
): Promise<number> {
  const tell = ({ meter_id: meter, period_start: start, version }: BillHead, what: string): void => {
    found({ where: "bills", what: `${meter}, period from ${start}, version ${version}: ${what}` });
  };
  const logged = await loggedVersions(db, found);
  const bills = await versionsOf(db, which);
  const sums = await SumsCheck.open(db, {
    slotSeconds,
    tell,
    indexOf: (bill) => logged.get(keyOf(bill))?.get(bill.version)?.index,
    firstIndices: firstIndices(logged),
  });
  const missing = await gapSlots(db);
  const codes = which === undefined ? await failureCodes(db) : undefined;
  const keys = [...bills.keys()];
  for (let from = 0; from < keys.length; from += AT_ONCE) {
    const some = keys.slice(from, from + AT_ONCE);
    const known = some.flatMap((key) => (bills.get(key) ?? []).filter(({ version }) => logged.get(key)?.has(version)));
    const texts = await customerBills(db, known, slotSeconds);
    const contents = await contentsOf(db, known.map(billSubject));
    for (const [i, bill] of known.entries()) {
      const text = texts[i];
      if (text === undefined) continue;
      compareText(bill, text, contents.get(billSubject(bill)), tell);
      compareDerived(bill, text, missing, tell);
    }
    for (const key of some) checkStatus(bills.get(key) ?? [], logged.get(key), codes, tell);
    await sums.check(some.map((key) => bills.get(key) ?? []).filter((_, i) => logged.has(some[i] ?? "")));
  }
  if (which !== undefined) return bills.size;
  for (const [key, versions] of logged) {
    for (const { version, index, isErased } of versions.values()) {
      // Who has erased what a bill said may delete the bill as well.
      if (isErased || bills.get(key)?.some((bill) => bill.version === version) === true) continue;
      found({ where: "bills", index, what: `bill ${key} ${version}: it was logged and is gone` });
    }
  }
  await verifyRows(db, slotSeconds, found);
  return [...bills.values()].flat().filter(({ status, amount_micro }) => status === "final" || amount_micro !== null)
    .length;
}

function keyOf({ meter_id, period_start, period_end }: BillHead): string {
  return `${meter_id} ${period_start} ${period_end}`;
}

/** By meter and period, then by version. */
async function loggedVersions(
  db: Queries,
  found: (finding: Finding) => void,
): Promise<Map<string, Map<number, Logged>>> {
  const rows = await db
    .selectFrom("ledger_private")
    .select(({ eb }) => ["subject", "idx", eb("content", "is", null).as("gone")])
    .where("subject", "like", "bill %")
    .orderBy("idx")
    .execute();
  const logged = new Map<string, Map<number, Logged>>();
  for (const { subject, idx: index, gone } of rows) {
    const words = subject.split(" ");
    const [key, version] = [words.slice(1, -1).join(" "), Number(words.at(-1))];
    const versions = logged.get(key) ?? new Map<number, Logged>();
    // What was erased is known by its place in the log alone: versions follow each other there.
    if ([...versions.keys()].some((earlier) => earlier >= version)) {
      found({ where: "bills", index, what: `${subject}: a later version was logged before it` });
    }
    logged.set(key, versions.set(version, { version, index, isErased: Boolean(gone) }));
  }
  return logged;
}

/** Where the first version of a bill was logged, by meter and first date. */
function firstIndices(logged: ReadonlyMap<string, ReadonlyMap<number, Logged>>): Map<string, number> {
  const indices = new Map<string, number>();
  for (const [key, versions] of logged) {
    const bill = key.split(" ").slice(0, -1).join(" ");
    const first = Math.min(...[...versions.values()].map(({ index }) => index));
    indices.set(bill, Math.min(indices.get(bill) ?? first, first));
  }
  return indices;
}

async function versionsOf(db: Queries, which: WhichBills | undefined): Promise<Map<string, BillHead[]>> {
  let query = db.selectFrom("bills").selectAll();
  if (which !== undefined) query = query.where("period_start", "=", which.periodStart);
  if (which?.meter !== undefined) query = query.where("meter_id", "=", which.meter);
  const bills = new Map<string, BillHead[]>();
  for (const bill of await query.orderBy("period_start").orderBy("meter_id").orderBy("version").execute()) {
    const key = keyOf(bill);
    const versions = bills.get(key);
    if (versions === undefined) bills.set(key, [bill]);
    else versions.push(bill);
  }
  return bills;
}

async function contentsOf(db: Queries, subjects: readonly string[]): Promise<Map<string, Uint8Array | null>> {
  if (subjects.length === 0) return new Map();
  const rows = await db
    .selectFrom("ledger_private")
    .select(["subject", "content"])
    .where("subject", "in", [...subjects])
    .execute();
  return new Map(rows.map(({ subject, content }) => [subject, content]));
}

type Tell = (bill: BillHead, what: string) => void;

function compareText(bill: BillHead, text: CustomerBill, content: Uint8Array | null | undefined, tell: Tell): void {
  if (content === undefined || content === null) return;
  const logged = parseJson(content);
  if (typeof logged !== "object" || logged === null) {
    tell(bill, "what was logged cannot be read");
    return;
  }
  const [now, then] = [new Map(Object.entries(text)), new Map<string, unknown>(Object.entries(logged))];
  // Gaps of a version that was replaced may have been filled since; those of the last one stay as they were.
  const names = [...new Set([...now.keys(), ...then.keys()])];
  const fields = names.filter((name) => bill.status === "final" || (name !== "gaps" && name !== "late"));
  const other = fields.filter((name) => JSON.stringify(now.get(name)) !== JSON.stringify(then.get(name)));
  if (other.length > 0) tell(bill, `${other.join(", ")}: not what was logged`);
}

/** Columns that follow from rows of the bill. */
function compareDerived(
  bill: BillHead,
  { rows }: CustomerBill,
  missing: ReadonlyMap<string, number>,
  tell: Tell,
): void {
  const energyOf = (band: string): number => rows.find((row) => row.band === band)?.energyWh ?? 0;
  const is = { catchup_wh: energyOf("catchup"), export_wh: energyOf("export") };
  for (const name of ["catchup_wh", "export_wh"] as const) {
    if (bill[name] !== is[name]) tell(bill, `${name}: it is ${bill[name] ?? "NULL"}, its rows say ${is[name]}`);
  }
  const slots = missing.get(`${bill.meter_id} ${bill.period_start}`) ?? 0;
  if (bill.status === "final" && bill.gaps !== slots)
    tell(bill, `gaps: it says ${bill.gaps} slots, there are ${slots}`);
}

/** The last version that was logged is the bill; earlier ones are superseded, and none comes after it. */
function checkStatus(
  versions: BillVersions,
  logged: ReadonlyMap<number, Logged> | undefined,
  codes: ReadonlySet<string> | undefined,
  tell: Tell,
): void {
  const last = logged === undefined ? undefined : Math.max(...logged.keys());
  for (const bill of versions) {
    const { version, status } = bill;
    if (logged?.has(version) === true) {
      const expected = version === last ? "final" : "superseded";
      if (status !== expected) tell(bill, `status: it is ${status}, by the log it is ${expected}`);
      continue;
    }
    const { energy_wh, amount_micro, catchup_wh, export_wh, totals } = bill;
    const isEmpty = [energy_wh, amount_micro, catchup_wh, export_wh, totals].every((value) => value === null);
    const isCurrent = version === versions.at(-1)?.version && last === undefined;
    // A version that was never final says nothing, and was superseded without having been logged.
    if (status === "final" || !isEmpty || (last !== undefined && version > last)) tell(bill, "it is not in the log");
    else if ((status === "superseded") === isCurrent)
      tell(bill, `status: it is ${status}, and another version is current`);
    else if (isCurrent && codes?.has(status) === false) tell(bill, `status: it is ${status}, and nothing gave it that`);
  }
}

/** Why a bill may be not final: codes of failed rounds, and reasons of gaps. */
async function failureCodes(db: Queries): Promise<Set<string>> {
  const periods = await db
    .selectFrom("feeder_periods")
    .select("status")
    .distinct()
    .where("status", "!=", "final")
    .execute();
  const gaps = await db.selectFrom("gaps").select("reason").distinct().execute();
  return new Set([...periods.map(({ status }) => status), ...gaps.map(({ reason }) => reason)]);
}

/** Import slots that each bill lacked when it was issued, by meter and first date. */
async function gapSlots(db: Queries): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom("gaps")
    .select(({ fn }) => ["meter_id", "period_start", fn.sum<number>("slots").as("slots")])
    .where("kind", "=", "import")
    .groupBy(["meter_id", "period_start"])
    .execute();
  return new Map(rows.map(({ meter_id, period_start, slots }) => [`${meter_id} ${period_start}`, slots]));
}

/** Rows of bills and gaps, in what no bill's text says of them. */
async function verifyRows(db: Queries, slotSeconds: number, found: (finding: Finding) => void): Promise<void> {
  const rows = await db
    .selectFrom("bill_totals as row")
    .leftJoin("bills as bill", (join) =>
      join
        .onRef("bill.meter_id", "=", "row.meter_id")
        .onRef("bill.period_start", "=", "row.period_start")
        .onRef("bill.period_end", "=", "row.period_end")
        .onRef("bill.version", "=", "row.version"),
    )
    .select(["row.meter_id", "row.period_start", "row.version", "row.band", "row.kind", "row.currency", "row.status"])
    .select(["bill.currency as currencyOfBill", "bill.status as statusOfBill"])
    .where((is) =>
      is.or([
        is("bill.meter_id", "is", null),
        is("bill.currency", "!=", is.ref("row.currency")),
        is("bill.status", "!=", is.ref("row.status")),
        is("bill.amount_micro", "is", null),
        is.and([is("row.band", "in", [...RESERVED_ROWS]), is("row.kind", "!=", is.ref("row.band"))]),
        is.and([is("row.band", "not in", [...RESERVED_ROWS]), is("row.kind", "!=", "import")]),
      ]),
    )
    .execute();
  for (const row of rows) {
    const isOrphan = row.statusOfBill === null;
    const said = `kind ${row.kind}, currency ${row.currency}, status ${row.status}`;
    const what = isOrphan
      ? "its bill is not there"
      : `${said} do not fit the band and its bill (${row.currencyOfBill ?? ""}, ${row.statusOfBill ?? ""})`;
    const { meter_id, period_start, version, band } = row;
    found({
      where: "bill_totals",
      what: `${meter_id}, period from ${period_start}, version ${version}, ${band}: ${what}`,
    });
  }
  const gaps = await db
    .selectFrom("gaps")
    .select(["meter_id", "kind", "slot_start", "slot_end", "slots"])
    .where((is) => is(is("slot_end", "-", is.ref("slot_start")), "!=", is("slots", "*", slotSeconds)))
    .execute();
  for (const { meter_id, kind, slot_start, slot_end, slots } of gaps) {
    const what = `${meter_id}, ${kind} from ${slot_start} to ${slot_end}: these are not ${slots} slots`;
    found({ where: "gaps", what });
  }
}
