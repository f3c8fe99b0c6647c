/**
 * Runs jobs: takes what commands asked for, computes in the worker threads as many at once as there are threads, and
 * hands what is computed to the openings. All states are in the database; this only knows what is running.
 */
import type { Roll } from "../../protocol/membership.ts";
import type { CiphertextStore } from "../store/ciphertext-store.ts";
import { isOver, type Job } from "../store/job.ts";
import type { JobStore } from "../store/job-store.ts";
import type { WindowCalendar } from "../../config/windows.ts";
import { ComputeError, type Evaluator, type Plan } from "./evaluator.ts";
import { type ChosenInputs, chooseInputs, wholeMembers } from "./members.ts";
import type { MemoryGuard } from "./memory-guard.ts";

export interface JobDeskOptions {
  readonly jobs: JobStore;
  readonly store: CiphertextStore;
  readonly roll: Roll;
  readonly calendar: WindowCalendar;
  readonly evaluator: Evaluator;
  /** Says before a job runs whether it fits the parameters that its inputs have. Throws RangeError for wrong ones. */
  readonly plan: (job: Job, meters: number, epoch: number) => Plan;
  readonly memory: Pick<MemoryGuard, "admit">;
  /** Jobs computed at the same time. */
  readonly workers: number;
  /** Unfinished jobs at the same time; more are refused. */
  readonly maxJobs: number;
  /** Ciphertexts that one job may take. */
  readonly maxInputs: number;
  readonly minMeters: number;
  /** Times that a refused job is computed anew without inputs that were objected to. */
  readonly maxAttempts: number;
  /** Unix seconds. */
  readonly now: () => number;
  /** The job is computed and durable: it is to be opened. */
  readonly computed: (job: Job) => void;
  /** The job is over, or has been given up. */
  readonly ended: (job: Job) => void;
  /** The process cannot go on: a fault of the database, or of this program. */
  readonly crash: (error: unknown) => void;
}

/** What a transcript can list. */
const MAX_TRANSCRIPT_INPUTS = 65_535;
/** Progress is written to the database at most this often. */
const PROGRESS_MILLISECONDS = 200;

export class JobDesk {
  readonly #options: JobDeskOptions;
  readonly #running = new Map<number, AbortController>();
  readonly #settling = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: JobDeskOptions) {
    this.#options = options;
    options.jobs.resume(options.now());
  }

  get running(): number {
    return this.#running.size;
  }

  /** Takes requests and cancellations, and starts what there is a thread for. */
  poll(): void {
    if (this.#stopped) return;
    const { jobs, workers } = this.#options;
    for (const job of jobs.cancelled()) this.cancel(job);
    for (const job of jobs.inState("requested")) this.#accept(job);
    for (const job of jobs.inState("queued", workers + this.#running.size)) {
      if (this.#running.size >= workers) return;
      if (this.#running.has(job.number)) continue;
      const admission = this.#options.memory.admit(this.#running.size);
      if (admission.start) this.#start(job);
      else if (admission.refusal === undefined) return;
      else this.#end(job, "refused", "out-of-memory", admission.refusal);
    }
  }

  /** Ends a job that is not over. */
  cancel(job: Job): void {
    this.#running.get(job.number)?.abort(new ComputeError("failed", "cancelled"));
    this.#end(
      job,
      "cancelled",
      "cancelled",
      job.active === undefined ? "on request" : "on request, while it was opened",
    );
  }

  /** After a refusal: computes the job anew where its inputs have changed. Returns whether it does. */
  again(number: number, exclude: readonly string[]): boolean {
    const { jobs, now, maxAttempts } = this.#options;
    const job = jobs.get(number);
    if (job === undefined || job.active !== undefined) return false;
    // What was refused may have lacked nothing but what has come meanwhile. That is no attempt: each comes once.
    if (this.#count(job) > job.total) {
      jobs.again(number, job.excluded, false, now());
      return true;
    }
    if (job.attempts >= maxAttempts) return false;
    const excluded = [...new Set([...job.excluded, ...exclude])].sort();
    const left = this.#count({ ...job, excluded });
    // Inputs are added or left out, never replaced: their number tells.
    if (left === job.total || left === 0) return false;
    jobs.again(number, excluded, true, now());
    return true;
  }

  /**
   * Ciphertexts of these meters came late. A feeder that was left out since they lacked is taken again, and what was
   * computed without them is computed anew. Returns whether it is.
   */
  came(number: number, meters: readonly string[]): boolean {
    const { jobs, roll, calendar, now } = this.#options;
    const job = jobs.get(number);
    const window = job === undefined ? undefined : calendar.startingAt(job.firstSlot);
    if (job === undefined || window === undefined || job.active !== undefined) return false;
    const feeders = job.feeders.map((feeder) => wholeMembers(roll, [feeder], window));
    const back = new Set(feeders.filter((members) => meters.some((meter) => members.includes(meter))).flat());
    const excluded = job.excluded.filter((meter) => !back.has(meter));
    if (job.state === "queued" || job.state === "computing") {
      jobs.exclude(number, excluded);
      return false;
    }
    if (this.#count({ ...job, excluded }) <= job.total) return false;
    jobs.again(number, excluded, false, now());
    return true;
  }

  /** Stops the computations; they begin anew at the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const controller of this.#running.values()) controller.abort(new ComputeError("failed", "stopping"));
    await Promise.all(this.#settling);
  }

  #count(job: Job): number {
    return this.#inputs(job)?.inputs.length ?? 0;
  }

  #inputs(job: Job): ChosenInputs | undefined {
    const { roll, store, calendar } = this.#options;
    const { feeders, series, excluded, firstSlot } = job;
    const window = calendar.startingAt(firstSlot);
    if (window === undefined) return undefined;
    return chooseInputs({ roll, store, feeders, series, window, excluded });
  }

  #accept(job: Job): void {
    const { jobs, maxJobs, now } = this.#options;
    // The requested ones are among the unfinished.
    if (jobs.countUnfinished() > maxJobs) {
      this.#end(job, "refused", "queue-full", `analytics.maxQueuedJobs: ${maxJobs} jobs are unfinished already`);
    } else jobs.move(job.number, "queued", now());
  }

  #start(job: Job): void {
    const controller = new AbortController();
    this.#running.set(job.number, controller);
    const work = this.#run(job, controller.signal)
      .catch((error: unknown) => this.#options.crash(error))
      .finally(() => {
        this.#running.delete(job.number);
        this.#settling.delete(work);
        try {
          this.poll();
        } catch (error) {
          this.#options.crash(error);
        }
      });
    this.#settling.add(work);
  }

  async #run(job: Job, signal: AbortSignal): Promise<void> {
    const { jobs, calendar, evaluator, now, minMeters, maxInputs } = this.#options;
    const chosen = this.#inputs(job);
    const { inputs, epoch, feeders, otherEpochs } = chosen ?? { inputs: [], epoch: 0, feeders: [], otherEpochs: 0 };
    const meters = inputs.length / job.series.length;
    jobs.progress(job.number, 0, inputs.length);
    if (meters < minMeters) {
      const has = `${meters} of the meters of ${job.label} sent ${job.series.join(" and ")} for this window`;
      const others = otherEpochs === 0 ? "" : ` under keys of epoch ${epoch}, ${otherEpochs} under others`;
      this.#end(job, "refused", "too-few-inputs", `${has}${others}; release.minMeters asks for ${minMeters}`);
      return;
    }
    const most = Math.min(maxInputs, MAX_TRANSCRIPT_INPUTS);
    if (inputs.length > most) {
      const detail = `analytics.maxInputs: ${inputs.length} inputs, at most ${most} (groups of fewer feeders would do)`;
      this.#end(job, "refused", "too-many-inputs", detail);
      return;
    }
    const plan = this.#plan(job, meters, epoch);
    if (!plan.fits) {
      this.#end(job, "refused", "does-not-fit", plan.reason);
      return;
    }
    jobs.move(job.number, "computing", now());
    const { circuit, parameters, label, series, firstSlot } = job;
    const leftOut = job.feeders.filter((feeder) => !feeders.includes(feeder));
    const window = calendar.startingAt(firstSlot)!;
    let written = 0;
    const progress = (done: number, total: number): void => {
      if (performance.now() - written < PROGRESS_MILLISECONDS || signal.aborted) return;
      written = performance.now();
      jobs.progress(job.number, done, total);
    };
    try {
      const request = { epoch, circuit, parameters, label, feeders, series, window, inputs };
      const computed = await evaluator.compute(request, { signal, progress });
      if (signal.aborted) return;
      if (this.#count(jobs.get(job.number)!) > inputs.length) {
        // Aggregators would refuse what lacks those that came meanwhile.
        jobs.move(job.number, "queued", now());
        return;
      }
      jobs.progress(job.number, inputs.length, inputs.length);
      jobs.computed(job.number, { ...computed, leftOut }, now());
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ComputeError)) throw error;
      this.#end(job, "failed", error.code, error.message);
      return;
    }
    this.#options.computed(jobs.get(job.number)!);
  }

  #plan(job: Job, meters: number, epoch: number): Plan {
    try {
      return this.#options.plan(job, meters, epoch);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return { fits: false, reason: error.message, errors: [], lines: [] };
    }
  }

  #end(job: Job, state: "refused" | "failed" | "cancelled", code: string, reason: string): void {
    const { jobs, now, ended } = this.#options;
    const current = jobs.get(job.number);
    if (current === undefined || isOver(current.state)) return;
    jobs.move(job.number, state, now(), { code, reason });
    ended(jobs.get(job.number)!);
  }
}
