/**
 * `npm run bills`: prints bills from the database, also while the utility runs. `npm run bills -- correct` works bills
 * out anew under another tariff; the running utility sends the new versions to their customers. `npm run bills --
 * verify` checks bills against readings and tariff, for an auditor from the database, for a customer from bill files.
 */
import path from "node:path";
import type { Config } from "../config/index.ts";
import { openParty } from "../config/keys/index.ts";
import { createProgress, type Progress } from "../config/runtime/terminal.ts";
import { shownPlace, storeExists } from "../config/runtime/store.ts";
import { storePlace } from "../config/storage/place.ts";
import { EXIT, type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { billsTable, money } from "./bills/bills-table.ts";
import { correctBills } from "./bills/correct.ts";
import { billsCsv, listBills, parsePeriod, whyNone } from "./bills/list.ts";
import { readTariff, type TariffSource } from "./bills/tariff-book.ts";
import { readBillFolder, verifyBills, verifyText } from "./bills/verify-command.ts";
import { openLedger } from "./ledger/open.ts";
import { periodAt } from "./settings.ts";
import { openForReading, openUtilityDatabase, type UtilityDatabase } from "./store/open.ts";
import { getMeta } from "./store/rounds-store.ts";
import { localText } from "../billing/tariffs/local-time.ts";
import { printable } from "../protocol/printable.ts";
import { TariffError } from "../billing/tariffs/index.ts";

interface BillOptions {
  readonly meter?: string;
  readonly period?: string;
  readonly csv?: boolean;
  readonly allVersions?: boolean;
  readonly tariff?: string;
  readonly readings?: string;
  readonly bills?: string;
}

async function run({ config, options, operands, json }: RoleContext): Promise<number> {
  const place = storePlace(config, "utility", "utility.db");
  const wanted = options as BillOptions;
  const [verb] = operands;
  checkOptions(verb, wanted, json);
  if (verb === "verify") return await verify(place, wanted, config, json);
  assertDatabase(place);
  if (verb === "correct") return await correct(place, wanted, config, json);
  const db = openForReading(place);
  try {
    const filter = { meter: wanted.meter, period: wanted.period, allVersions: wanted.allVersions === true };
    const bills = await listBills(db, filter);
    const reason = bills.length === 0 ? await whyNone(db, filter) : undefined;
    if (reason !== undefined) throw new UsageError(reason);
    if (json) print(JSON.stringify(bills));
    else if (wanted.csv === true) process.stdout.write(billsCsv(bills));
    else if (bills.length === 0) print(`There is no bill yet. ${await firstBills(db, config)}`);
    else print(billsTable(bills, config.system.timezone));
    return 0;
  } finally {
    await db.destroy();
  }
}

/** When there will be some, as far as it is known. */
async function firstBills(
  db: UtilityDatabase,
  { billing, system: { timezone, slotSeconds } }: Config,
): Promise<string> {
  const origin = await getMeta(db, "origin_slot");
  if (origin === undefined || billing.period === "whole") return "Bills are issued after the end of their period.";
  const about = { periodKind: billing.period, whole: undefined, timezone, slotSeconds };
  const { from, to, endsAt } = periodAt(about, Number(origin));
  const issued = localText(endsAt + billing.graceSlots * slotSeconds, timezone);
  return `The first are of ${from}..${to}, and are issued when late readings have been waited for, after ${issued}.`;
}

function assertDatabase(place: string): void {
  if (!storeExists(place))
    throw new UsageError(`${shownPlace(place)} does not exist: start the utility first, or set --data`);
}

/** Which flags go with which command: an ignored flag would leave somebody believing that it held. */
const TAKES = {
  print: ["meter", "period", "csv", "allVersions"],
  correct: ["meter", "period", "tariff"],
  verify: ["meter", "period", "tariff", "readings", "bills"],
} as const;
const OWN = ["meter", "period", "csv", "allVersions", "tariff", "readings", "bills"] as const;

function checkOptions(verb: string | undefined, wanted: BillOptions, json: boolean): void {
  if (verb !== undefined && verb !== "correct" && verb !== "verify") {
    throw new UsageError(`${verb}: expected nothing, correct or verify`);
  }
  const takes: readonly string[] = TAKES[verb ?? "print"];
  const stray = OWN.find((name) => wanted[name] !== undefined && !takes.includes(name));
  if (stray !== undefined) {
    const flag = stray.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`);
    throw new UsageError(`--${flag}: not for ${verb ?? "printing bills"}`);
  }
  if (json && wanted.csv === true) throw new UsageError("--csv and --json: choose one");
  if (wanted.period !== undefined) checkPeriod(wanted.period);
}

async function verify(place: string, wanted: BillOptions, config: Config, json: boolean): Promise<number> {
  const { readings, tariff, bills: folder, meter, period } = wanted;
  if (readings === undefined) throw new UsageError("verify: expected --readings FILE.csv (meter,slot_start,energy_wh)");
  if (folder === undefined) assertDatabase(place);
  else if (tariff === undefined) throw new UsageError("verify: --bills needs --tariff FILE, the published tariff");
  const db = folder === undefined ? openForReading(place) : undefined;
  try {
    // Late energy of a bill is in the gaps of earlier ones, so all of a meter are read.
    const all = db === undefined ? readBillFolder(folder ?? "") : await listBills(db, { meter, allVersions: false });
    const bills = meter === undefined ? all : all.filter((bill) => bill.meter === meter);
    if (bills.length === 0 && meter !== undefined) {
      const reason = db === undefined ? undefined : await whyNone(db, { meter, allVersions: false });
      throw new UsageError(`verify: ${reason ?? `--meter ${meter}: there is no bill of this meter yet`}`);
    }
    const report = await verifyBills(db, { bills, readings, tariff, slotSeconds: config.system.slotSeconds, period });
    print(json ? JSON.stringify(report) : verifyText(report, bills[0]?.currency ?? ""));
    if (report.findings.length > 0) return EXIT.failed;
    if (report.checked > 0 || report.unchecked.length === 0) return EXIT.ok;
    // Nothing was confirmed: a script must not take that for a yes.
    throw new UsageError(`verify: ${readings} has no row about any of these bills: is it the right file?`);
  } finally {
    await db?.destroy();
  }
}

async function correct(
  place: string,
  { tariff, period, meter }: BillOptions,
  config: Config,
  json: boolean,
): Promise<number> {
  if (tariff === undefined || period === undefined) {
    throw new UsageError("correct: expected --tariff FILE and --period YYYY-MM-DD[..YYYY-MM-DD]");
  }
  const source = await correctedTariff(tariff);
  // A correction is logged with the bills that it makes, so it takes the utility's key.
  const party = openParty(path.join(config.paths.data, "keys", "utility"));
  const db = await openUtilityDatabase(place);
  const snapshots = openForReading(place);
  try {
    const { ledger } = await openLedger(db, party, config);
    let bar: Progress | undefined;
    const progress = (done: number, total: number): void => {
      bar ??= createProgress({ label: "bills", total, silent: json });
      bar.update(done);
    };
    const corrected = await correctBills(
      { db, ledger, slotSeconds: party.directory.slotSeconds, snapshots, progress },
      { tariff: source, period, meter, now: Date.now() / 1000 },
    ).finally(() => bar?.stop());
    const { currency } = source.tariff;
    if (json) {
      const amounts = corrected.map(({ beforeMicro, afterMicro, ...bill }) => ({
        ...bill,
        beforeMicro: Number(beforeMicro),
        afterMicro: Number(afterMicro),
      }));
      print(JSON.stringify(amounts));
      return 0;
    }
    for (const bill of corrected) {
      const [before, after] = [bill.beforeMicro, bill.afterMicro].map((amount) => money(Number(amount), currency));
      print(`${bill.meter} from ${bill.periodStart}: version ${bill.version}, ${before} becomes ${after}`);
    }
    return 0;
  } catch (error) {
    if (error instanceof TariffError || error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  } finally {
    await snapshots.destroy();
    await db.destroy();
  }
}

async function correctedTariff(file: string): Promise<TariffSource> {
  try {
    return await readTariff(file);
  } catch (error) {
    if (error instanceof Error && (error instanceof TariffError || "syscall" in error)) {
      throw new UsageError(`--tariff: ${error.message}`);
    }
    throw error;
  }
}

function checkPeriod(text: string): void {
  try {
    parsePeriod(text);
  } catch (error) {
    throw new UsageError(`--${error instanceof Error ? error.message : text}`);
  }
}

function print(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

await runRole({
  name: "bills",
  description: "Prints bills; corrects them under another tariff; verifies them against readings.",
  operands: "[command]",
  logFiles: false,
  flags: [
    { flags: "--meter <id>", description: "bills of one meter" },
    { flags: "--period <dates>", description: "the period that begins on this local date, or FROM..TO" },
    { flags: "--csv", description: "one line per row" },
    { flags: "--all-versions", description: "superseded versions too" },
    {
      flags: "--tariff <file>",
      description: "correct: the tariff that should have been used; verify: the published one",
    },
    { flags: "--readings <csv>", description: "verify: meter,slot_start,energy_wh and what a replay takes besides" },
    { flags: "--bills <folder>", description: "verify: bill files of a meter in place of the database" },
  ],
  help: `Commands (without one: print bills):
  correct --period 2025-01-15 --tariff new.yaml    new versions from the same totals
  verify --readings readings.csv                   do bills follow from readings and tariff?

Exit codes: 0 done (verify: no bill contradicts the readings; those without rows are counted apart); 1 something failed,
or a bill does not follow from the readings; 2 wrong usage or configuration, there is no such meter or period, or the
file of readings is about none of the bills; 130 interrupted before it had stopped.`,
  examples: [
    "npm run bills -- --data data",
    "npm run bills -- --meter m-001 --period 2025-01-15",
    "npm run bills -- verify --readings readings.csv --meter m-001",
    "npm run bills -- correct --period 2025-01-15 --tariff new.yaml",
  ],
  run,
});
