/** Counts of what analytics did: the role's figures for whoever started it, and the file of opened results. */
import path from "node:path";
import type { Config } from "../config/index.ts";
import type { Measurement } from "../config/runtime/logger.ts";
import type { Refusals } from "../config/runtime/refusals.ts";
import { writeStats } from "../config/runtime/role-report.ts";
import type { JobDesk } from "./homomorphic/job-desk.ts";
import type { Ingest } from "./ingest/ingest.ts";
import type { OpeningDesk } from "./openings/opening-desk.ts";
import { writeResultsFile } from "./outcomes/results-file.ts";
import type { CiphertextStore } from "./store/ciphertext-store.ts";
import type { Job } from "./store/job.ts";
import type { JobStore } from "./store/job-store.ts";
import type { ResultStore } from "./store/result-store.ts";
import type { WindowCalendar } from "../config/windows.ts";

interface StatsOptions {
  readonly config: Config;
  readonly measure: (name: string, measurement: Measurement) => void;
  readonly jobs: JobStore;
  readonly results: ResultStore;
  readonly store: CiphertextStore;
  readonly ingest: Ingest;
  readonly desk: JobDesk;
  readonly openings: OpeningDesk;
  readonly refusals: Refusals;
  readonly calendar: WindowCalendar;
  readonly threads: () => { readonly threadBytes: number; readonly threadRenewals: number };
}

/** Results in the file: the newest ones; all are in the database. */
const RESULTS = 1_000;

export class AnalyticsStats {
  readonly #options: StatsOptions;
  /** The file is written anew only when there is news. */
  #changed = true;

  constructor(options: StatsOptions) {
    this.#options = options;
  }

  ended(job: Job): void {
    this.#changed = true;
    const { number, circuit, label, state, code } = job;
    this.#options.measure("job-ended", { job: number, circuit, group: label, state, code });
  }

  write(): void {
    const { config, jobs, results, store, ingest, desk, openings, refusals, calendar, threads } = this.#options;
    const states = jobs.countStates();
    writeStats(config.paths.data, "analytics", {
      role: "analytics",
      refused: refusals.snapshot(),
      counters: {
        ...ingest.counters,
        ...Object.fromEntries(Object.entries(states).map(([state, count]) => [`jobs_${state}`, count])),
        computing: desk.running,
        opening: openings.size,
        results: results.count(),
        residentBytes: process.memoryUsage.rss(),
        ...threads(),
      },
    });
    if (!this.#changed) return;
    this.#changed = false;
    const file = path.join(config.paths.results, config.analytics.resultsFile);
    const content = { results: results.list({ limit: RESULTS }), jobs: states, ciphertexts: store.totals() };
    writeResultsFile(file, content, calendar);
  }
}
