/** The commands of `npm run he`. */
import path from "node:path";
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { openParty } from "../../config/keys/index.ts";
import { migrateStore, openStore, shownPlace, storeExists } from "../../config/runtime/store.ts";
import { EXIT, type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { createEvaluator } from "../homomorphic/engine.ts";
import { resultJson } from "../outcomes/results-file.ts";
import { isPresent, knownClock } from "../presence.ts";
import { analyticsPlace } from "../../config/storage/place.ts";
import type { Job } from "../store/job.ts";
import { JobStore } from "../store/job-store.ts";
import { ResultStore } from "../store/result-store.ts";
import { MIGRATIONS } from "../store/schema.ts";
import { WindowCalendar } from "../../config/windows.ts";
import { auditJob } from "./audit.ts";
import { type OrderFlags, Orders } from "./orders.ts";
import { print, printJson } from "./output.ts";
import { jobJson, jobsTable, jobText, resultsTable, resultText } from "./print.ts";

interface HeOptions extends OrderFlags {
  readonly limit?: string;
}

/** Which flags go with which command: an ignored flag would leave somebody believing that it held. */
const ORDER = ["group", "from", "to", "series", "levels", "quantile", "weights", "parameter"] as const;
const TAKES: Readonly<Record<string, readonly string[]>> = {
  plan: ORDER,
  jobs: ["limit"],
  job: [],
  results: ["limit"],
  cancel: [],
  audit: [],
};
const DEFAULT_LIMIT = 50;

class He {
  readonly #context: RoleContext;
  readonly #options: HeOptions;
  readonly #db: SqlDatabase;
  readonly #jobs: JobStore;
  readonly #results: ResultStore;
  readonly #calendar: WindowCalendar;

  constructor(context: RoleContext, db: SqlDatabase) {
    const { config, options } = context;
    this.#context = context;
    this.#options = options;
    this.#db = db;
    this.#jobs = new JobStore(db);
    this.#results = new ResultStore(db);
    const { slotSeconds, timezone } = knownClock(db) ?? config.system;
    this.#calendar = new WindowCalendar({
      slotSeconds,
      timezone,
      windowDays: config.homomorphic.windowDays,
    });
  }

  async run(verb: string, operand: string | undefined): Promise<number> {
    switch (verb) {
      case "jobs":
        return this.#listJobs();
      case "job":
        return this.#showJob(this.#job(verb, operand));
      case "results":
        return this.#listResults();
      case "cancel":
        return this.#cancel(this.#job(verb, operand));
      case "audit":
        return await this.#audit(this.#job(verb, operand));
      case "plan":
        return this.#orders().plan(operand);
      default:
        return await this.#orders().order(verb);
    }
  }

  #job(verb: string, operand: string | undefined): Job {
    if (operand === undefined) throw new UsageError(`${verb}: expected a job, as in ${verb} 3 (jobs lists them)`);
    const job = this.#jobs.resolve(operand);
    if (job === undefined) throw new UsageError(`${verb} ${operand}: there is no such job (jobs lists them)`);
    return job;
  }

  #orders(): Orders {
    const [db, jobs, results, calendar] = [this.#db, this.#jobs, this.#results, this.#calendar];
    return new Orders(this.#context, this.#options, { db, jobs, results, calendar });
  }

  #limit(): number {
    const limit = Number(this.#options.limit ?? DEFAULT_LIMIT);
    if (!Number.isInteger(limit) || limit < 1) {
      throw new UsageError(`--limit ${this.#options.limit}: expected a whole number from 1 on`);
    }
    return limit;
  }

  #listJobs(): number {
    const jobs = this.#jobs.latest(this.#limit());
    if (this.#context.json) printJson(jobs.map((job) => jobJson(job, this.#calendar)));
    else print(jobs.length === 0 ? "There is no job yet." : jobsTable(jobs, this.#calendar));
    return EXIT.ok;
  }

  #listResults(): number {
    const results = this.#results.list({ limit: this.#limit() });
    if (this.#context.json) printJson(results.map((result) => resultJson(result, this.#calendar)));
    else print(results.length === 0 ? "Nothing has been opened yet." : resultsTable(results, this.#calendar));
    return EXIT.ok;
  }

  #showJob(job: Job): number {
    const result = this.#results.of(job);
    if (this.#context.json) {
      const opened = result === undefined ? null : resultJson(result, this.#calendar);
      printJson({ ...jobJson(job, this.#calendar), result: opened });
    } else
      print([jobText(job, this.#calendar), ...(result ? ["", resultText(result, this.#calendar)] : [])].join("\n"));
    return EXIT.ok;
  }

  #cancel(job: Job): number {
    const asked = this.#jobs.requestCancel(job.number);
    if (!asked) throw new UsageError(`cancel ${job.number}: it is ${job.state} already`);
    const running = isPresent(this.#db);
    // Nobody works on it: it ends here, or it would be taken up again.
    if (!running) {
      this.#jobs.move(job.number, "cancelled", Date.now() / 1000, { code: "cancelled", reason: "on request" });
    }
    const state = running ? "is being cancelled" : "is cancelled";
    if (this.#context.json) printJson({ number: job.number, state: running ? "cancelling" : "cancelled" });
    else print(`job ${job.number} ${state}${job.active === undefined ? "" : "; it may have been opened already"}`);
    return EXIT.ok;
  }

  async #audit(job: Job): Promise<number> {
    const { config, json, signal } = this.#context;
    if (job.transcript === undefined) {
      throw new UsageError(`audit ${job.number}: it is ${job.state}; there is nothing to audit before it is computed`);
    }
    const evaluator = createEvaluator(config, analyticsPlace(config), 1, {
      manifest: openParty(path.join(config.paths.data, "keys", "analytics")).ckks,
    });
    try {
      const report = await auditJob(job, { jobs: this.#jobs, evaluator, signal });
      if (json) printJson(report);
      else {
        const { inputs, outputs, milliseconds, findings } = report;
        const what = `${inputs} inputs, ${outputs} outputs, recomputed in ${milliseconds} ms`;
        if (findings.length === 0) print(`job ${job.number}: every byte is as the transcript says (${what})`);
        else print([`job ${job.number}: ${what}`, ...findings.map((finding) => `  ${finding}`)].join("\n"));
      }
      return report.findings.length === 0 ? EXIT.ok : EXIT.failed;
    } finally {
      await evaluator.close();
    }
  }
}

/** Runs one command line. */
export async function runHe(context: RoleContext): Promise<number> {
  const { config, operands, options } = context;
  const [verb, operand, ...rest] = operands;
  if (verb === undefined) throw new UsageError("expected a command: sum, mean, jobs, results ... (--help lists them)");
  const takesOperand = ["job", "cancel", "audit", "plan"].includes(verb);
  const stray = takesOperand ? rest[0] : operand;
  if (stray !== undefined) throw new UsageError(`${stray}: ${verb} takes ${takesOperand ? "one operand" : "none"}`);
  const takes = TAKES[verb] ?? [...ORDER, "wait"];
  for (const name of [...ORDER, "limit"]) {
    if (options[name] !== undefined && !takes.includes(name)) throw new UsageError(`--${name}: not for ${verb}`);
  }
  if (options["wait"] === false && !takes.includes("wait")) throw new UsageError(`--no-wait: not for ${verb}`);
  const place = analyticsPlace(config);
  if (!storeExists(place)) {
    throw new UsageError(`${shownPlace(place)} does not exist: start analytics first, or set --data`);
  }
  const db = openStore(place, { synchronous: "FULL" });
  try {
    migrateStore(db, MIGRATIONS);
    return await new He(context, db).run(verb, operand);
  } finally {
    db.close();
  }
}
