/**
 * `npm run bills`: prints bills from the database, also while the utility runs. `npm run bills -- correct` works bills
 * out anew under another tariff; the running utility sends the new versions to their customers.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { correctBills } from "./bills/correct.ts";
import { billsCsv, billsTable, listBills, money, parsePeriod } from "./bills/list.ts";
import { readTariff } from "./bills/tariff-book.ts";
import { openForReading, openUtilityDatabase } from "./store/open.ts";
import { TariffError } from "./tariffs/index.ts";

interface BillOptions {
  readonly meter?: string;
  readonly period?: string;
  readonly csv?: boolean;
  readonly allVersions?: boolean;
  readonly tariff?: string;
}

async function run({ config, options, operands, json }: RoleContext): Promise<number> {
  const file = path.join(config.paths.data, "utility", "utility.db");
  if (!existsSync(file)) throw new UsageError(`${file} does not exist: start the utility first, or set --data`);
  const wanted = options as BillOptions;
  if (wanted.period !== undefined) checkPeriod(wanted.period);
  const [verb] = operands;
  if (verb === "correct") return await correct(file, wanted, json);
  if (verb !== undefined) throw new UsageError(`${verb}: expected nothing, or correct`);
  const db = openForReading(file);
  try {
    const bills = await listBills(db, {
      meter: wanted.meter,
      period: wanted.period,
      allVersions: wanted.allVersions === true,
    });
    if (json) print(JSON.stringify(bills));
    else if (wanted.csv === true) process.stdout.write(billsCsv(bills));
    else if (bills.length === 0) print("There is no such bill. Bills are issued after the end of their period.");
    else print(billsTable(bills, config.system.timezone));
    return 0;
  } finally {
    await db.destroy();
  }
}

async function correct(file: string, { tariff, period, meter }: BillOptions, json: boolean): Promise<number> {
  if (tariff === undefined || period === undefined) {
    throw new UsageError("correct: expected --tariff FILE and --period YYYY-MM-DD[..YYYY-MM-DD]");
  }
  const db = await openUtilityDatabase(file);
  try {
    const corrected = await correctBills(db, {
      tariff: await readTariff(tariff),
      period,
      meter,
      now: Date.now() / 1000,
    });
    const { currency } = (await readTariff(tariff)).tariff;
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
    await db.destroy();
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
  process.stdout.write(`${text}\n`);
}

await runRole({
  name: "bills",
  description: "Prints bills; `bills correct` issues new versions under another tariff.",
  operands: "[correct]",
  flags: [
    { flags: "--meter <id>", description: "bills of one meter" },
    { flags: "--period <dates>", description: "the period that begins on this local date, or FROM..TO" },
    { flags: "--csv", description: "one line per row" },
    { flags: "--all-versions", description: "superseded versions too" },
    { flags: "--tariff <file>", description: "for correct: the tariff that should have been used" },
  ],
  run,
});
