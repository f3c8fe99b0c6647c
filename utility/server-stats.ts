/** Counts of what the utility did: `results/server_stats.json` for people, the role's figures for whoever started it. */
import { renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Config } from "../config/index.ts";
import { makeFolder } from "../config/runtime/folders.ts";
import type { Measurement } from "../config/runtime/logger.ts";
import type { Refusals } from "../config/runtime/refusals.ts";
import { writeStats } from "../config/runtime/role-report.ts";
import type { CheckStatus } from "./opened/verdict.ts";
import type { RoundDesk } from "./rounds/desk.ts";
import type { RoundRecord } from "./rounds/record.ts";
import type { UtilityDatabase } from "./store/open.ts";
import { countRounds } from "./store/rounds-store.ts";

const CROSS_CHECK_FAULTS: readonly CheckStatus[] = ["ciphertexts", "shares", "meters", "unknown"];

export class ServerStats {
  readonly #config: Config;
  readonly #db: UtilityDatabase;
  readonly #refusals: Refusals;
  readonly #measure: (name: string, measurement: Measurement) => void;
  #waits = 0;
  #failures = 0;
  #settled = 0;
  #settledSeconds = 0;

  constructor(
    { config, measure }: { config: Config; measure: (name: string, measurement: Measurement) => void },
    db: UtilityDatabase,
    refusals: Refusals,
  ) {
    this.#config = config;
    this.#db = db;
    this.#refusals = refusals;
    this.#measure = measure;
  }

  noted(record: RoundRecord): void {
    if (record.status === "waiting") this.#waits += 1;
    if (record.state === "failed") this.#failures += 1;
  }

  /** `seconds` of the (possibly simulated) clock since the round was opened. */
  settled(record: RoundRecord, seconds: number): void {
    this.#settled += 1;
    this.#settledSeconds += seconds;
    this.#measure("round", {
      round: record.id,
      purpose: record.question.purpose,
      state: record.state,
      sets: record.sets,
    });
  }

  /** Replaces both files; a reader never sees half of one. */
  async write(desk: RoundDesk): Promise<void> {
    const rounds = await countRounds(this.#db);
    const bills = await this.#countBy("bills");
    const loads = await this.#countBy("feeder_loads");
    const openings = await this.#countBy("he_results");
    const checks = await this.#countBy("he_checks");
    const waiting = desk.waiting().map(({ id, reason }) => ({ round: id, reason }));
    const refused = this.#refusals.snapshot();
    const content = {
      time: new Date().toISOString(),
      rounds,
      bills,
      feederLoads: loads,
      openings,
      crossChecks: checks,
      openRounds: desk.openRounds,
      waiting,
      waits: this.#waits,
      failures: this.#failures,
      refused,
      residentBytes: process.memoryUsage.rss(),
    };
    const file = path.join(this.#config.paths.results, "server_stats.json");
    makeFolder(path.dirname(file), { setting: "paths.results" });
    writeFileSync(`${file}.next`, `${JSON.stringify(content, null, 2)}\n`);
    renameSync(`${file}.next`, file);
    writeStats(this.#config.paths.data, "utility", {
      role: "utility",
      refused,
      counters: {
        openRounds: desk.openRounds,
        settledRounds: this.#settled,
        settledRoundSeconds: this.#settledSeconds,
        waits: this.#waits,
        failures: this.#failures,
        waitingRounds: waiting.length,
        bills: bills["final"] ?? 0,
        billsWithheld: withheld(bills),
        feederLoads: loads["final"] ?? 0,
        openings: openings["final"] ?? 0,
        crossChecksAgreeing: checks["agree"] ?? 0,
        crossChecksDiffering: CROSS_CHECK_FAULTS.reduce((sum, status) => sum + (checks[status] ?? 0), 0),
        residentBytes: content.residentBytes,
      },
    });
  }

  async #countBy(table: "bills" | "feeder_loads" | "he_results" | "he_checks"): Promise<Record<string, number>> {
    const rows = await this.#db
      .selectFrom(table)
      .select(({ fn }) => ["status" as const, fn.countAll<number>().as("count")])
      .groupBy("status")
      .execute();
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  }
}

/** How many rows have no total, and are not versions that a correction replaced. */
function withheld(counts: Readonly<Record<string, number>>): number {
  const entries = Object.entries(counts).filter(([status]) => status !== "final" && status !== "superseded");
  return entries.reduce((sum, [, count]) => sum + count, 0);
}
