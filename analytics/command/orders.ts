/** Asks for computations, or for plans of them, and reports what came of it. */
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { seriesShape } from "../../config/ckks-series.ts";
import { EXIT, type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { createBook } from "../homomorphic/book.ts";
import type { CircuitBook } from "../homomorphic/circuit-book.ts";
import { seriesOf } from "../homomorphic/schedule.ts";
import { resultJson } from "../outcomes/results-file.ts";
import { isPresent, knownFeeders } from "../presence.ts";
import { CiphertextStore } from "../store/ciphertext-store.ts";
import { isOver, type Job, type JobOrder } from "../store/job.ts";
import type { JobStore } from "../store/job-store.ts";
import type { ResultStore } from "../store/result-store.ts";
import type { WindowCalendar } from "../../config/windows.ts";
import { circuitParameters } from "../../protocol/ckks/circuits/index.ts";
import { ordersOf, seriesNames } from "./order.ts";
import { print, printJson } from "./output.ts";
import { parametersOf } from "./parameters.ts";
import { jobJson, resultsTable, resultText } from "./print.ts";
import { isVerb, orderOfVerb, shows, VERBS } from "./verbs.ts";
import { waitFor } from "./wait.ts";

export interface OrderFlags {
  readonly group?: string;
  readonly from?: string;
  readonly to?: string;
  readonly series?: string;
  readonly levels?: string;
  readonly quantile?: string;
  readonly weights?: string;
  readonly parameter?: readonly string[];
  readonly wait?: boolean;
}

interface Stores {
  readonly db: SqlDatabase;
  readonly jobs: JobStore;
  readonly results: ResultStore;
  readonly calendar: WindowCalendar;
}

export class Orders {
  readonly #context: RoleContext;
  readonly #flags: OrderFlags;
  readonly #stores: Stores;
  readonly #book: CircuitBook;

  constructor(context: RoleContext, flags: OrderFlags, stores: Stores) {
    this.#context = context;
    this.#flags = flags;
    this.#stores = stores;
    this.#book = createBook(context.config);
  }

  /** Says of each window whether the job fits; of all circuits their names. */
  plan(verb: string | undefined): number {
    const { json } = this.#context;
    const { db, calendar } = this.#stores;
    if (verb === undefined) {
      const { names: circuits } = this.#book;
      const verbs = VERBS.filter((one) => !circuits.includes(one));
      const taken = circuits.map((name) => ({ name, parameters: circuitParameters(name) }));
      if (json) printJson({ circuits, parameters: taken, verbs });
      else {
        const named = "By name, as buckets or compare give them on the series at hand:";
        print(
          [
            "Circuits, with their parameters:",
            ...taken.map(({ name, parameters }) => `  ${name.padEnd(20)} ${parameters.join(", ")}`.trimEnd()),
            named,
            ...verbs.map((one) => `  ${one}`),
          ].join("\n"),
        );
      }
      return EXIT.ok;
    }
    const store = new CiphertextStore(db);
    const plans = this.#orders(verb).map((order) => {
      const meters = Math.min(...order.series.map((series) => store.metersOf(series, order.firstSlot).length));
      const { circuit, series } = order;
      const plan = asUsage(() => this.#book.plan(order, meters));
      return { date: calendar.dateOf(order.firstSlot), circuit, series, meters, ...plan };
    });
    if (json) printJson(plans);
    else {
      for (const { date, circuit, series, meters, fits, reason, errors, lines } of plans) {
        const what = circuit === verb ? circuit : `${verb}, by ${circuit}`;
        const verdict = fits ? "fits" : `does not fit: ${reason}`;
        print(`${what} of ${series.join(", ")} from ${date}, up to ${meters} meters: ${verdict}`);
        for (const [name, value] of lines) print(`  ${name.padEnd(20)} ${value}`);
        for (const { name, unit, bound } of errors.filter((one) => shows(verb, one.name))) {
          print(`  ${`error of ${name}`.padEnd(20)} at most ${Number(bound.toPrecision(2))} ${unit}`.trimEnd());
        }
      }
    }
    return plans.every(({ fits }) => fits) ? EXIT.ok : EXIT.failed;
  }

  /** Queues the jobs of a circuit or verb and, unless told otherwise, waits for their results. */
  async order(verb: string): Promise<number> {
    const { config, json, signal } = this.#context;
    const { db, jobs, calendar } = this.#stores;
    const orders = this.#orders(verb);
    const { maxQueuedJobs } = config.analytics;
    if (jobs.countUnfinished() + orders.length > maxQueuedJobs) {
      throw new UsageError(`${verb}: ${orders.length} jobs more than the queue takes (analytics.maxQueuedJobs)`);
    }
    const now = Date.now() / 1000;
    db.transaction(() => orders.map((order) => jobs.add(order, "requested", now))).immediate();
    const { request } = orders[0]!;
    const asked = (): Job[] => jobs.ofRequest(request);
    if (this.#flags.wait === false) {
      if (json) printJson(asked().map((job) => jobJson(job, calendar)));
      else {
        const numbers = asked().map((job) => job.number);
        print(`queued as job ${numbers.join(", ")}`);
      }
      return EXIT.ok;
    }
    const over = await waitFor({
      jobs: asked,
      signal,
      bar: !json && process.stderr.isTTY,
      absent: () => !isPresent(db),
      warn: (text) => process.stderr.write(`${text}\n`),
    });
    return this.#report(verb, over);
  }

  #orders(verb: string): JobOrder[] {
    const { config } = this.#context;
    const { db, calendar } = this.#stores;
    const names = Object.keys(config.homomorphic.series);
    return ordersOf(this.#wanted(verb, names), this.#flags, {
      calendar,
      feeders: knownFeeders(db),
      series: names,
      newest: (series) => new CiphertextStore(db).newest(series),
      windowDays: config.homomorphic.windowDays,
    });
  }

  #wanted(verb: string, names: readonly string[]): Pick<JobOrder, "circuit" | "parameters" | "series"> {
    const { config } = this.#context;
    const { parameter, series: flag, levels, quantile, weights } = this.#flags;
    const given = parametersOf({ levels, quantile, weights, parameter });
    const series = seriesNames(flag);
    // A circuit that has all its parameters is taken as it stands.
    if (isVerb(verb) && !("edges" in given)) {
      const shapes = names.map((name) => seriesShape(config.homomorphic, name));
      const { maxMeters } = config.homomorphic;
      const order = orderOfVerb({ verb, series, parameters: given, shapes, maxMeters });
      return { ...order, parameters: asUsage(() => this.#book.parse(order.circuit, order.parameters)) };
    }
    if (!this.#book.names.includes(verb)) {
      const known = [...this.#book.names, ...VERBS.filter((one) => !this.#book.names.includes(one))].join(", ");
      throw new UsageError(`${verb}: no such command or circuit; circuits are ${known}`);
    }
    const parameters = asUsage(() => this.#book.parse(verb, given));
    const scheduled = config.analytics.jobs.find((job) => job.circuit === verb);
    const byDefault =
      scheduled === undefined ? asUsage(() => this.#book.defaultSeries(verb, parameters)) : seriesOf(scheduled);
    return { circuit: verb, parameters, series: series ?? byDefault ?? names.slice(0, 1) };
  }

  #report(verb: string, jobs: readonly Job[]): number {
    const { results, calendar } = this.#stores;
    const shown = (name: string): boolean => shows(verb, name);
    const found = jobs.map((job) => results.of(job));
    if (this.#context.json) {
      printJson(jobs.map((job, i) => (found[i] ? resultJson(found[i], calendar) : jobJson(job, calendar))));
    } else {
      const opened = found.filter((result) => result !== undefined);
      if (opened.length === 1 && jobs.length === 1) print(resultText(opened[0]!, calendar, shown));
      else if (opened.length > 0) print(resultsTable(opened, calendar, shown));
    }
    for (const { number, state, code, reason } of jobs) {
      if (!isOver(state)) process.stderr.write(`job ${number} goes on; npm run he -- job ${number} shows it\n`);
      else if (state !== "opened") process.stderr.write(`job ${number}: ${state}, ${code}: ${reason}\n`);
    }
    if (jobs.some(({ state }) => !isOver(state))) return EXIT.interrupted;
    return jobs.every(({ state }) => state === "opened") ? EXIT.ok : EXIT.failed;
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
