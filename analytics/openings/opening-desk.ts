/**
 * Has computed jobs opened: tells the aggregators, brings them inputs, fixes the active set, and asks until the utility
 * has told the result. Everything that must not be forgotten is in the database before it is said.
 */
import { LinkError } from "../../config/runtime/link.ts";
import type { JobAnswer, JobOutcome } from "../../protocol/messages/ckks.ts";
import { isOver, type Job } from "../store/job.ts";
import type { Reading } from "../homomorphic/circuit-book.ts";
import { ComputeError } from "../homomorphic/evaluator.ts";
import { Couriers } from "./couriers.ts";
import { byWindow, type SentCiphertext } from "./late-inputs.ts";
import { Opening } from "./opening.ts";
import type { OpeningDeskOptions } from "./opening-options.ts";
import { Silence } from "./silence.ts";

/** Jobs that are taken up at the same time, however long they have waited. */
const MAX_TAKEN = 1_024;

export class OpeningDesk {
  readonly #options: OpeningDeskOptions;
  readonly #open = new Map<string, Opening>();
  readonly #since = new Map<string, number>();
  readonly #gone = new Set<number>();
  readonly #silence = new Silence();
  readonly #couriers: Couriers;
  #stopped = false;

  constructor(options: OpeningDeskOptions) {
    this.#options = options;
    this.#couriers = new Couriers({
      ...options,
      active: (job) => !this.#stopped && this.#open.has(job),
      failed: (error) => this.#unsent(error),
    });
  }

  get size(): number {
    return this.#open.size;
  }

  /** Takes up jobs from the database and says what is due. */
  poll(): void {
    if (this.#stopped) return;
    this.#takeUp();
    const now = this.#options.monotonic();
    for (const opening of this.#open.values()) {
      const due = opening.dueAsks(now);
      if (due.length > 0) this.#tell(opening, due);
      if (opening.dueOpen(now)) this.#sayOpen(opening);
    }
  }

  /** An aggregator came or went. */
  presence(aggregator: number, online: boolean): void {
    if (!online) {
      this.#gone.add(aggregator);
      return;
    }
    this.#gone.delete(aggregator);
    for (const opening of this.#open.values()) opening.askSoon(this.#options.monotonic(), aggregator);
  }

  /** Ciphertexts came late: jobs that wait for aggregators, or were refused, may be over the wrong meters. */
  inputsCame(items: readonly SentCiphertext[]): void {
    const { jobs, came } = this.#options;
    for (const { series, firstSlot, meters } of byWindow(items)) {
      for (const job of jobs.overWindow(series, firstSlot)) {
        // Nobody would ask for a scheduled job again.
        if (isOver(job.state) && !(job.state === "refused" && job.key !== undefined)) continue;
        if (came(job.number, meters) && job.job !== undefined) this.drop(job.job);
      }
    }
  }

  /** A job that is being opened is over by other means. */
  drop(job: string): void {
    this.#open.delete(job);
    this.#since.delete(job);
  }

  answered(aggregator: number, answer: JobAnswer): void {
    const opening = this.#open.get(answer.job);
    if (opening === undefined) return; // what is over, or was computed anew, is still answered for a while
    const now = this.#options.monotonic();
    if (answer.type === "need") {
      this.#couriers.bring(opening, aggregator, answer.inputs);
      return;
    }
    if (answer.type === "ready") this.#ready(opening, aggregator, answer.endorsement);
    else opening.refused(aggregator, answer, now);
    // A restarted aggregator does not know what it is to open.
    if (opening.active?.includes(aggregator) === true && answer.type === "refuse" && answer.code === "unknown-job") {
      this.#tell(opening, [aggregator]);
    }
    this.#consider(opening);
    if (opening.dueOpen(now)) this.#sayOpen(opening);
  }

  #ready(opening: Opening, aggregator: number, word: Uint8Array): void {
    const { jobs, isWord, monotonic, refuse } = this.#options;
    const transcript = jobs.get(opening.number)?.transcript;
    if (transcript === undefined) return;
    if (isWord(aggregator, transcript, word)) opening.ready(aggregator, word, monotonic());
    else refuse("job-bad-endorsement", `aggregator ${aggregator}, job ${opening.job}: it has signed something else`);
  }

  settled(outcome: JobOutcome): void {
    for (const job of this.#options.jobs.waitingFor(outcome.job)) this.#settle(job, outcome);
  }

  #settle(job: Job, outcome: JobOutcome): void {
    const { jobs, results, now, refuse } = this.#options;
    if (outcome.type === "waiting") {
      this.#waits(job, outcome.missing);
      return;
    }
    if (outcome.type === "failed") {
      this.#end(job, "failed", outcome.code, outcome.detail);
      return;
    }
    const active = jobs.activeOf(outcome.job);
    if (outcome.active.join() !== active?.join()) {
      refuse("job-wrong-active-set", `the utility opened ${outcome.job} with ${outcome.active.join()}`);
      return;
    }
    this.#silence.ended(active);
    try {
      const known = results.get(outcome.job);
      this.#store(job, known ?? this.#options.read(job, outcome.outputs, outcome.meters), outcome.active, now());
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#end(job, "failed", "malformed-result", error.message);
    }
  }

  /** The utility lacks parts. Once there was time for them, whoever owes one is named, and taken last for other jobs. */
  #waits(job: Job, missing: readonly number[]): void {
    const { jobs, monotonic, answerSeconds } = this.#options;
    const opening = this.#open.get(job.job!);
    if (opening?.active === undefined || monotonic() - opening.activeSince < answerSeconds) return;
    jobs.note(job.number, "unanswered", this.#silence.goesOn(opening.active, missing));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#couriers.idle();
  }

  #takeUp(): void {
    const { jobs, quorum, backoff, maxOpen, answerSeconds, monotonic } = this.#options;
    const fresh = [...this.#since.values()].filter((since) => monotonic() - since < answerSeconds).length;
    let room = Math.min(maxOpen - fresh, MAX_TAKEN - this.#open.size);
    for (const state of ["opening", "asking"] as const) {
      if (room <= 0) return;
      for (const row of jobs.inState(state, MAX_TAKEN)) {
        if (room <= 0) return;
        const { number, job, active } = row;
        if (job === undefined || this.#open.has(job)) continue;
        if (this.#isKnown(row)) continue;
        const options = { ...quorum, backoff, now: monotonic() };
        this.#open.set(job, new Opening({ number, job, active }, options));
        this.#since.set(job, monotonic());
        room -= 1;
      }
    }
  }

  /** The very same job was opened before: there is nothing to ask. */
  #isKnown(job: Job): boolean {
    const { results, now } = this.#options;
    const known = results.get(job.job!);
    if (known === undefined) return false;
    this.#store(job, known, known.openedBy, now());
    return true;
  }

  #tell(opening: Opening, aggregators: readonly number[]): void {
    const transcript = this.#options.jobs.get(opening.number)?.transcript;
    if (transcript === undefined) return;
    for (const aggregator of aggregators) {
      this.#quietly(this.#options.ask(opening.job, aggregator, { type: "job", transcript }));
    }
    this.#consider(opening);
  }

  #consider(opening: Opening): void {
    const { jobs, again, inputMeters, monotonic, answerSeconds } = this.#options;
    const job = jobs.get(opening.number);
    if (job?.job !== opening.job || isOver(job.state)) {
      this.drop(opening.job);
      return;
    }
    const lost = opening.lostActive();
    if (lost !== undefined) {
      this.#end(job, "refused", lost.code, `aggregator ${lost.index} of the active set: ${lost.detail}`);
      return;
    }
    const patient = monotonic() - (this.#since.get(opening.job) ?? 0) < answerSeconds;
    const chosen = opening.choose(this.#gone, this.#silence.of, patient);
    if (chosen !== undefined) {
      void this.#fix(opening, job, chosen).catch((error: unknown) => this.#options.crash(error));
      return;
    }
    const faulty = opening.faultyInputs(patient && !opening.hopeless);
    if (faulty.length > 0 || opening.hopeless) {
      const meters = inputMeters(job.transcript!);
      const exclude = faulty.map((index) => meters[index]).filter((meter) => meter !== undefined);
      if (again(job.number, exclude)) {
        this.drop(opening.job);
        return;
      }
    }
    const obstacle = opening.obstacles();
    if (obstacle === undefined) {
      const { quorum } = this.#options.quorum;
      if (patient || opening.active !== undefined || opening.answers >= quorum) return;
      const reason = `${opening.answers} aggregators answered, ${quorum} must`;
      // Nobody would ask for a scheduled job again: it waits, and holds up no other.
      if (job.key === undefined) this.#end(job, "failed", "unanswered", reason);
      else if (job.reason !== reason) jobs.note(job.number, "unanswered", reason);
      return;
    }
    if (opening.hopeless) this.#end(job, "refused", obstacle.code, obstacle.reason);
    else if (obstacle.reason !== job.reason) jobs.note(job.number, obstacle.code, obstacle.reason);
  }

  async #fix(opening: Opening, job: Job, chosen: readonly number[]): Promise<void> {
    const { jobs, openingHalves, outputNames, now, monotonic } = this.#options;
    opening.fixing = true;
    const outputs = jobs.outputs(job.number).map(({ bytes }) => bytes);
    let halves: readonly Uint8Array[];
    try {
      halves = await openingHalves(job.transcript!, outputs);
    } catch (error) {
      if (!(error instanceof ComputeError)) throw error;
      if (!this.#stopped) this.#end(job, "failed", error.code, error.message);
      return;
    }
    const current = jobs.get(job.number);
    if (this.#stopped || current?.state !== "asking" || current.job !== opening.job) return;
    const names = outputNames(job.transcript!);
    // Aggregators open an output with one set, whatever job it is of: another one may have been fixed since.
    const active = jobs.activeOf(opening.job) ?? jobs.activeOfOutputs(names) ?? chosen;
    jobs.fixActive(job.number, active, { c0: halves, ready: opening.words, outputs: names }, now());
    opening.fixed(active, monotonic());
    this.poll();
  }

  #sayOpen(opening: Opening): void {
    const { jobs, ask, handOver, monotonic, answerSeconds } = this.#options;
    const job = jobs.get(opening.number);
    const active = opening.active;
    if (job?.transcript === undefined || job.state !== "opening" || active === undefined) {
      this.drop(opening.job);
      return;
    }
    const ready = jobs.wordsOf(job.number);
    for (const aggregator of active) {
      this.#quietly(ask(opening.job, aggregator, { type: "open", job: opening.job, active: [...active], ready }));
    }
    if (job.reason === "" && monotonic() - opening.activeSince > answerSeconds) {
      jobs.note(job.number, "unanswered", "the utility has not answered yet");
    }
    const c0 = jobs.outputs(job.number).map(({ c0: half }) => half!);
    this.#quietly(handOver(opening.job, { type: "output", transcript: job.transcript, active: [...active], c0 }));
  }

  #store(job: Job, reading: Reading, openedBy: readonly number[], now: number): void {
    const { db, jobs, results, ended } = this.#options;
    const { number, circuit, label, leftOut, series, firstSlot, slots } = job;
    const inputs = job.total / Math.max(1, series.length);
    db.transaction(() => {
      results.add({
        ...{ job: job.job!, number, circuit, label, series, firstSlot, slots, inputs, leftOut },
        status: "opened",
        ...{ values: reading.values, units: reading.units, errorBounds: reading.errorBounds },
        ...{ openedBy, openedAt: now },
      });
      jobs.move(number, "opened", now);
    }).immediate();
    this.drop(job.job!);
    ended(jobs.get(number)!);
  }

  #end(job: Job, state: "refused" | "failed", code: string, reason: string): void {
    const { jobs, now, ended } = this.#options;
    jobs.move(job.number, state, now(), { code, reason });
    this.drop(job.job!);
    ended(jobs.get(job.number)!);
  }

  /** What the broker does not get is said again. */
  #quietly(sending: Promise<void>): void {
    sending.catch((error: unknown) => this.#unsent(error));
  }

  #unsent(error: unknown): void {
    if (!(error instanceof LinkError)) this.#options.crash(error);
  }
}
