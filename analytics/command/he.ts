/** The commands of `npm run he`. */
import { existsSync } from "node:fs";
import type { Database } from "better-sqlite3";
import { migrate, openDatabase } from "../../config/runtime/database.ts";
import { EXIT, type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { createBook, createEvaluator } from "../homomorphic/engine.ts";
import { resultJson } from "../outcomes/results-file.ts";
import { isPresent, knownFeeders } from "../presence.ts";
import { databaseFile } from "../server.ts";
import { type Job, isOver } from "../store/job.ts";
import { CiphertextStore } from "../store/ciphertext-store.ts";
import { JobStore } from "../store/job-store.ts";
import { ResultStore } from "../store/result-store.ts";
import { MIGRATIONS } from "../store/schema.ts";
import { WindowCalendar } from "../windows.ts";
import { auditJob } from "./audit.ts";
import { ordersOf } from "./order.ts";
import { parametersOf } from "./parameters.ts";
import { jobJson, jobsTable, jobText, resultsTable, resultText } from "./print.ts";
import { waitFor } from "./wait.ts";

interface HeOptions {
  readonly group?: string;
  readonly from?: string;
  readonly to?: string;
  readonly series?: string;
  readonly levels?: string;
  readonly quantile?: string;
  readonly weights?: string;
  readonly parameter?: string;
  readonly wait?: boolean;
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
  readonly #db: Database;
  readonly #jobs: JobStore;
  readonly #results: ResultStore;
  readonly #calendar: WindowCalendar;

  constructor(context: RoleContext, db: Database) {
    const { config, options } = context;
    this.#context = context;
    this.#options = options as HeOptions;
    this.#db = db;
    this.#jobs = new JobStore(db);
    this.#results = new ResultStore(db);
    this.#calendar = new WindowCalendar({
      slotSeconds: config.system.slotSeconds,
      timezone: config.system.timezone,
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
        return this.#plan(operand);
      default:
        return await this.#order(verb);
    }
  }

  #job(verb: string, operand: string | undefined): Job {
    if (operand === undefined) throw new UsageError(`${verb}: expected a job, as in ${verb} 3 (jobs lists them)`);
    const job = this.#jobs.resolve(operand);
    if (job === undefined) throw new UsageError(`${verb} ${operand}: there is no such job (jobs lists them)`);
    return job;
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
    const result = job.job === undefined ? undefined : this.#results.get(job.job);
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
    const evaluator = createEvaluator(config, databaseFile(config), 1);
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

  #orders(circuit: string) {
    const { config } = this.#context;
    const book = createBook(config);
    if (!book.names.includes(circuit)) {
      throw new UsageError(`${circuit}: no such command or circuit; circuits are ${book.names.join(", ")}`);
    }
    const { parameter, ...flags } = this.#options;
    const given = parametersOf({ ...flags, ...(parameter === undefined ? {} : { parameter: parameter.split(";") }) });
    const parameters = asUsage(() => book.parse(circuit, given));
    const scheduled = config.analytics.jobs.find((job) => job.circuit === circuit)?.series;
    const names = Object.keys(config.homomorphic.series);
    const byDefault = scheduled ?? book.defaultSeries(circuit, parameters) ?? names[0] ?? "load";
    const orders = ordersOf({ circuit, parameters, byDefault }, this.#options, {
      calendar: this.#calendar,
      feeders: knownFeeders(this.#db),
      series: names,
      newest: (series) => new CiphertextStore(this.#db).newest(series),
      windowDays: config.homomorphic.windowDays,
    });
    return { book, orders };
  }

  #plan(circuit: string | undefined): number {
    if (circuit === undefined) {
      const { names } = createBook(this.#context.config);
      if (this.#context.json) printJson({ circuits: names });
      else print(["Circuits:", ...names.map((name) => `  ${name}`)].join("\n"));
      return EXIT.ok;
    }
    const { book, orders } = this.#orders(circuit);
    const store = new CiphertextStore(this.#db);
    const plans = orders.map((order) => {
      const inputs = Math.min(...order.series.map((series) => store.metersOf(series, order.firstSlot).length));
      return { date: this.#calendar.dateOf(order.firstSlot), inputs, ...asUsage(() => book.plan(order, inputs)) };
    });
    if (this.#context.json) printJson(plans);
    else {
      for (const { date, inputs, fits, reason, unit, errorBound, lines } of plans) {
        const verdict = fits ? "fits" : `does not fit: ${reason}`;
        print(`${circuit} from ${date}, up to ${inputs} meters: ${verdict}`);
        for (const [name, value] of lines) print(`  ${name.padEnd(20)} ${value}`);
        if (errorBound !== undefined) print(`  ${"error at most".padEnd(20)} ${errorBound} ${unit}`);
      }
    }
    return plans.every(({ fits }) => fits) ? EXIT.ok : EXIT.failed;
  }

  async #order(circuit: string): Promise<number> {
    const { config, json, signal } = this.#context;
    const { orders } = this.#orders(circuit);
    const { maxQueuedJobs } = config.analytics;
    if (this.#jobs.countUnfinished() + orders.length > maxQueuedJobs) {
      throw new UsageError(`${circuit}: ${orders.length} jobs more than the queue takes (analytics.maxQueuedJobs)`);
    }
    const now = Date.now() / 1000;
    const add = this.#db.transaction(() => orders.map((order) => this.#jobs.add(order, "requested", now)));
    add.immediate();
    const { request } = orders[0]!;
    const jobs = (): Job[] => this.#jobs.ofRequest(request);
    if (this.#options.wait === false) {
      if (json) printJson(jobs().map((job) => jobJson(job, this.#calendar)));
      else
        print(
          `queued as job ${jobs()
            .map((job) => job.number)
            .join(", ")}`,
        );
      return EXIT.ok;
    }
    const over = await waitFor({
      jobs,
      signal,
      bar: !json && process.stderr.isTTY,
      absent: () => !isPresent(this.#db),
      warn: (text) => process.stderr.write(`${text}\n`),
    });
    return this.#report(over);
  }

  #report(jobs: readonly Job[]): number {
    const results = jobs.map((job) => (job.job === undefined ? undefined : this.#results.get(job.job)));
    if (this.#context.json) {
      printJson(
        jobs.map((job, i) => {
          const result = results[i];
          return result === undefined ? jobJson(job, this.#calendar) : resultJson(result, this.#calendar);
        }),
      );
    } else {
      const opened = results.filter((result) => result !== undefined);
      if (opened.length === 1 && jobs.length === 1) print(resultText(opened[0]!, this.#calendar));
      else if (opened.length > 0) print(resultsTable(opened, this.#calendar));
    }
    for (const { number, state, code, reason } of jobs) {
      if (!isOver(state)) process.stderr.write(`job ${number} goes on; npm run he -- job ${number} shows it\n`);
      else if (state !== "opened") process.stderr.write(`job ${number}: ${state}, ${code}: ${reason}\n`);
    }
    if (jobs.some(({ state }) => !isOver(state))) return EXIT.interrupted;
    return jobs.every(({ state }) => state === "opened") ? EXIT.ok : EXIT.failed;
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
  const file = databaseFile(config);
  if (!existsSync(file)) throw new UsageError(`${file} does not exist: start analytics first, or set --data`);
  const db = openDatabase(file, { synchronous: "FULL" });
  try {
    migrate(db, MIGRATIONS);
    return await new He(context, db).run(verb, operand);
  } finally {
    db.close();
  }
}

function asUsage<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function printJson(value: unknown): void {
  print(JSON.stringify(value));
}
