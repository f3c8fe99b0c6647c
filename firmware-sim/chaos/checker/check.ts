/** Holds everything that a run has left against the readings that were fed. Reads files; knows no process of the run. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { LogError, parsePolicy } from "../../../protocol/log/index.ts";
import { MANIFEST, type Manifest, manifest } from "../manifest.ts";
import type { Observed } from "../observer.ts";
import { checkBills } from "./bills.ts";
import { Calendar } from "./calendar.ts";
import { checkLoads } from "./loads.ts";
import { checkLog } from "./log.ts";
import { type CheckerReport, Findings } from "./report.ts";
import { checkShares } from "./shares.ts";
import { PlainTariff } from "./tariff.ts";
import { readTruth } from "./truth.ts";

/** A folder that is not one of a run, or that lacks something. */
export class CheckerError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CheckerError";
  }
}

/** Throws CheckerError, and UnknownTariffError. */
export function checkRun(folder: string): CheckerReport {
  const run = readManifest(folder);
  const data = join(folder, run.data);
  const truth = readTruth(join(folder, run.truth));
  const observed = readObserved(join(folder, run.observed));
  const tariff = new PlainTariff(run.tariff);
  if (tariff.timezone !== run.timezone) {
    throw new CheckerError(`the tariff's days are those of ${tariff.timezone}, the system's those of ${run.timezone}`);
  }
  const calendar = new Calendar(run.timezone);
  const { slotSeconds, aggregators, threshold, minMeters, dates } = run;
  const utility = open(join(data, "utility", "utility.db"));
  try {
    const findings = [
      checkEnd(run),
      ...checkBills({ utility, truth, tariff, calendar, dates }),
      ...checkLoads({ utility, truth, minMeters, observed }),
      ...checkShares({ data, aggregators, threshold, slotSeconds, truth }),
      ...checkLog({
        ...{ data, utility, observed, truth, minMeters, tariff: run.tariff },
        policy: parsePolicy(run.policy),
        witnesses: run.witnesses,
      }),
      checkAccusations(data, utility, aggregators),
    ];
    const checks = findings.map((one) => one.result());
    return { ok: checks.every(({ wrong }) => wrong === 0), checks };
  } finally {
    utility.close();
  }
}

function readManifest(folder: string): Manifest {
  const file = join(folder, MANIFEST);
  if (!existsSync(file)) throw new CheckerError(`${file} does not exist: this is no folder of a run that was fed`);
  try {
    const run = manifest.parse(JSON.parse(readFileSync(file, "utf8")));
    parsePolicy(run.policy);
    return run;
  } catch (error) {
    if (error instanceof LogError || error instanceof Error) throw new CheckerError(`${file}: ${error.message}`);
    throw error;
  }
}

function readObserved(file: string): Observed[] {
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Observed);
}

function open(file: string): Database.Database {
  if (!existsSync(file)) throw new CheckerError(`${file} does not exist: that party has never run`);
  return new Database(file, { readonly: true });
}

function checkEnd({ fedAll, settled, failed }: Manifest): Findings {
  const found = new Findings("run", "every slot was fed and acknowledged, and all that was due came in time");
  found.look(fedAll, () => "the run got stuck: meters waited for acknowledgements that did not come");
  found.look(settled, () => "bills, loads, rounds or witnesses were waited for in vain");
  for (const reason of failed) found.add(reason);
  return found;
}

/** Nobody has lied, no meter has contradicted itself, and nothing was given up: whoever says otherwise is wrong. */
function checkAccusations(data: string, utility: Database.Database, aggregators: number): Findings {
  const found = new Findings("accusations", "no gap, no conflict, no accusation: nobody did anything wrong");
  const count = (database: Database.Database, table: string): number =>
    database.prepare<[], { count: number }>(`SELECT count(*) AS count FROM ${table}`).get()?.count ?? 0;
  const none = (database: Database.Database, whose: string, table: string): void => {
    const rows = count(database, table);
    found.look(rows === 0, () => `${whose} has ${rows} rows in ${table}`);
  };
  none(utility, "the utility", "detections");
  none(utility, "the utility", "gaps");
  const others = Array.from(
    { length: aggregators },
    (_, i) => [`a-${i + 1}`, "aggregator.db", "tamper_events"] as const,
  );
  const hosts = readdirSync(data).filter((name) => /^meters(-\d+)?$/.test(name));
  for (const [party, file, table] of [...others, ...hosts.map((name) => [name, "outbox.db", "gaps"] as const)]) {
    const database = open(join(data, party, file));
    try {
      none(database, party, table);
    } finally {
      database.close();
    }
  }
  return found;
}
