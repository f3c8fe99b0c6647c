/**
 * Jobs of analytics: checks each, recomputes it from the meters' own ciphertexts, says that it is ready, and gives its
 * part of the opening to the utility, once. One job is recomputed at a time; a bounded queue waits. What may be opened is
 * decided by job-rules.ts and number-budget.ts, and durable before it is said.
 */
import { signReady } from "../../protocol/envelope/index.ts";
import { assertActive, assertEndorsed, checkJob, feedLimits, keyName, refusalOf } from "./job-check.ts";
import { decodeTranscript, jobIdOf, transcriptHash } from "../../protocol/ckks/job.ts";
import type { InputsMessage, JobRequest, OpenJobMessage, PartialMessage } from "../../protocol/messages/ckks.ts";
import { InputFeed } from "./input-feed.ts";
import { JobError } from "./job-error.ts";
import { type Machine, MachineLost } from "./machine.ts";
import type { OpeningCounters, OpeningDeskOptions } from "./opening-options.ts";

interface QueuedJob {
  readonly job: string;
  readonly bytes: Uint8Array;
}

interface Current {
  readonly job: string;
  feed: InputFeed | undefined;
  /** When inputs last came. */
  since: number;
}

/** Inputs that go to the machine at once: it answers openings in between. */
const FOLD_INPUTS = 64;

class GaveWay extends Error {}

export class OpeningDesk {
  readonly counters: OpeningCounters = { recomputed: 0, opened: 0, repeated: 0, refused: 0 };
  readonly #options: OpeningDeskOptions;
  #machine: Machine | undefined;
  #queue: QueuedJob[] = [];
  #current: Current | undefined;
  #running: Promise<void> | undefined;
  #opens: Promise<void> = Promise.resolve();
  /** Work under way, other than waiting for inputs. */
  #active = 0;
  #idle: (() => void)[] = [];
  #closed = false;

  constructor(options: OpeningDeskOptions) {
    this.#options = options;
  }

  /** A request under a job's topic. Returns when it is taken; what it leads to goes on by itself. */
  async handle(job: string, request: JobRequest): Promise<void> {
    if (this.#closed) return;
    try {
      if (request.type === "job") await this.#take(job, request.transcript);
      else if (request.type === "inputs") this.#offer(job, request.items);
      else if (request.job === job) await this.#open(request);
      else throw new JobError("malformed-job", `job ${request.job} under the topic of ${job}`);
    } catch (error) {
      await this.#refuse(job, error);
    }
  }

  async #take(job: string, bytes: Uint8Array): Promise<void> {
    const { keys, store, limits, monotonic } = this.#options;
    if (jobIdOf(bytes) !== job) throw new JobError("malformed-job", "the transcript has another job's name");
    if (keys === undefined) throw new JobError("no-keys", "no homomorphic keys were dealt to this aggregator");
    const known = store.job(job);
    if (known !== undefined) {
      // Of the name's 128 bits somebody may find two transcripts: its word is for the one that it has recomputed.
      await this.#sayReady(job, known.transcript);
      return;
    }
    const current = this.#current;
    if (current?.job === job) {
      await this.#ask(current);
      return;
    }
    if (this.#queue.some((queued) => queued.job === job)) return;
    if (current?.feed !== undefined && monotonic() - current.since > limits.stallSeconds) {
      current.feed.abort(new GaveWay());
    }
    const waiting = this.#queue.reduce((sum, queued) => sum + queued.bytes.length, bytes.length);
    if (this.#queue.length >= limits.queuedJobs || waiting > limits.queuedBytes) {
      throw new JobError("too-busy", `${this.#queue.length} jobs wait already`);
    }
    // A copy: what was decoded is a view of the whole message.
    this.#queue.push({ job, bytes: Uint8Array.from(bytes) });
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  #offer(job: string, items: InputsMessage["items"]): void {
    const current = this.#current;
    if (current?.job !== job || current.feed === undefined) {
      this.#options.refuse("job-unasked-input", `${items.length} inputs of job ${job}`);
      return;
    }
    const { feed } = current;
    try {
      const taken = items.filter(([meter, series, bytes]) => feed.offer(meter, series, bytes)).length;
      if (taken > 0) current.since = this.#options.monotonic();
      if (taken < items.length) {
        this.#options.refuse("job-unasked-input", `${items.length - taken} inputs of job ${job}`);
      }
    } catch (error) {
      if (!(error instanceof JobError)) throw error;
      feed.abort(error);
    }
  }

  /** Works the queue off, one job after the other. */
  async #run(): Promise<void> {
    this.#active++;
    try {
      for (let next = this.#queue.shift(); next !== undefined && !this.#closed; next = this.#queue.shift()) {
        this.#current = { job: next.job, feed: undefined, since: this.#options.monotonic() };
        try {
          await this.#recompute(next, this.#current);
        } catch (error) {
          if (!(error instanceof GaveWay)) await this.#refuse(next.job, error);
        } finally {
          this.#current = undefined;
        }
      }
    } finally {
      this.#leave();
    }
  }

  async #recompute({ job, bytes }: QueuedJob, current: Current): Promise<void> {
    const { store, now, keys, rules, limits } = this.#options;
    const { machineJob, claims, meters, statistic, transcript, key } = await checkJob(bytes, keys!, rules);
    store.assertRoom(claims, statistic);
    store.assertOpenings(keyName(key), transcript.outputs.length, limits.openings);
    const machine = this.#obtainMachine();
    await machine.start(machineJob);
    const feed = new InputFeed(transcript.inputs, feedLimits(machineJob, key, limits.inputBytes));
    current.feed = feed;
    current.since = this.#options.monotonic();
    try {
      while (!feed.isDone) {
        const inputs = feed.take(FOLD_INPUTS);
        if (inputs.length > 0) {
          await machine.fold(inputs);
          continue;
        }
        if (feed.begin()) await this.#ask(current);
        this.#leave();
        try {
          await feed.wait();
        } finally {
          this.#active++;
        }
      }
      const outputs = await machine.finish();
      store.ready({ job, statistic, transcript: bytes, outputs, claims, meters, readyAt: Math.floor(now()) });
    } catch (error) {
      if (!(error instanceof MachineLost)) await machine.abandon();
      throw error;
    }
    this.counters.recomputed++;
    await this.#sayReady(job, bytes);
  }

  /** Only once the job is written down, and what it opens is spent: others take its word for that. */
  async #sayReady(job: string, transcript: Uint8Array): Promise<void> {
    const { index, signer, answer } = this.#options;
    await answer({ type: "ready", job, endorsement: signReady(transcriptHash(transcript), index, signer) });
  }

  async #ask({ job, feed }: Current): Promise<void> {
    const inputs = feed?.missing() ?? [];
    if (inputs.length > 0) await this.#options.answer({ type: "need", job, inputs });
  }

  /** Openings one after the other, so that a repeat finds what the first has written. */
  async #open(request: OpenJobMessage): Promise<void> {
    const turn = this.#opens.then(() => this.#openNow(request));
    this.#opens = turn.catch(() => {});
    await turn;
  }

  async #openNow({ job, active, ready }: OpenJobMessage): Promise<void> {
    const { index, keys, store, give, limits } = this.#options;
    const known = store.job(job);
    if (known === undefined) throw new JobError("unknown-job", "this aggregator has not recomputed it: tell it again");
    if (keys === undefined) throw new JobError("no-keys", "no homomorphic keys were dealt to this aggregator");
    const transcript = decodeTranscript(known.transcript);
    const key = keys.find(transcript.epoch, transcript.parametersId);
    assertActive(active, index, key);
    const told = { transcript: transcriptHash(known.transcript), active: [...active], meters: [...known.meters] };
    const message: Omit<PartialMessage, "outputs"> = { type: "partial", job, index, ...told };
    const given = store.given(job, active);
    if (given !== undefined) {
      this.counters.repeated++;
      await give({ ...message, outputs: given });
      return;
    }
    const { outputs } = known;
    if (outputs === undefined) throw new JobError("unknown-job", "it was opened too long ago to be answered again");
    assertEndorsed(ready, told.transcript, this.#options.directory);
    store.assertOpenings(keyName(key), outputs.length, limits.openings);
    store.begin(job, active);
    const { epoch, slots } = transcript;
    const order = { epoch, set: key.parameters.name, slots, active, transcript: known.transcript, outputs };
    const opened = await this.#working(() => this.#obtainMachine().open(order));
    const records = opened.map((one, i) => ({ ...one, outputC1: outputs[i]!.c1Digest, level: outputs[i]!.level }));
    store.record({ job, key: keyName(key), active, outputs: records, most: limits.openings });
    this.counters.opened++;
    await give({ ...message, outputs: opened.map(({ partial }) => partial) });
  }

  /** Throws what the process cannot go on with. */
  async #refuse(job: string, error: unknown): Promise<void> {
    if (error instanceof MachineLost) this.#machine = undefined;
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    this.counters.refused++;
    const { code, message, where, cause } = refusal;
    if (cause instanceof Error) {
      this.#options.refuse("job-unexpected", `job ${job}: ${cause.stack ?? cause.message}`);
      // Whatever it was: the machine may be damaged.
      await this.#machine?.close();
      this.#machine = undefined;
    } else this.#options.refuse(`job-${code}`, `job ${job}: ${message}`);
    await this.#options.answer({ type: "refuse", job, code, detail: message, where: [...where] });
  }

  #obtainMachine(): Machine {
    this.#machine ??= this.#options.machine();
    return this.#machine;
  }

  async #working<T>(work: () => Promise<T>): Promise<T> {
    this.#active++;
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  #leave(): void {
    this.#active--;
    if (this.#active > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Resolves when there is nothing to do but to wait for inputs. */
  async idle(): Promise<void> {
    for (;;) {
      if (this.#active > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
      else if (this.#current?.feed?.isReady === true) await Promise.resolve();
      else return;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#queue = [];
    this.#current?.feed?.abort(new GaveWay());
    await this.#running;
    await this.#opens;
    await this.#machine?.close();
  }
}
