/**
 * The evaluator over worker threads. Threads are renewed where one has failed, or where they have grown: WebAssembly's
 * memory never shrinks while its thread lives.
 */
import { Piscina } from "piscina";
import type { Config } from "../../config/index.ts";
import type { CkksWatch } from "../../config/keys/index.ts";
import { UsageError } from "../../config/runtime/role-command.ts";
import { TYPESCRIPT_THREAD } from "../../config/runtime/worker-thread.ts";
import { seriesShape } from "../../config/ckks-series.ts";
import { decodeTranscript, encodeTranscript, jobIdOf, type Transcript } from "../../protocol/ckks/job.ts";
import type { CkksManifest } from "../../protocol/keys/index.ts";
import { IngestError } from "../ingest/codes.ts";
import type { CheckedCiphertext } from "../ingest/ingest.ts";
import { ComputeError, type Computed, type ComputeRequest, type Evaluator, type Watch } from "./evaluator.ts";
import {
  type CheckAnswer,
  type CheckTask,
  CONTROL,
  type FoldAnswer,
  type FoldTask,
  type HalvesTask,
  type Reported,
  type ThreadData,
} from "./tasks.ts";

/** Progress is read this often. */
const PROGRESS_MILLISECONDS = 100;
/** Checks that wait for a thread; the ingest bounds their bytes. */
const MAX_QUEUE = 4_096;

/**
 * Starts `workers` threads over a database. `dealt` is asked with every task, so that a redealing counts without a
 * restart. Throws UsageError where no keys for ciphertexts were dealt.
 */
export function createEvaluator(config: Config, database: string, workers: number, dealt: Dealings): Evaluator {
  if (dealt.manifest === undefined) {
    throw new UsageError("no keys for ciphertexts were dealt: found the system with homomorphic.enabled, or redeal");
  }
  const { insecureForTests, maxReadingWh, series } = config.homomorphic;
  const homomorphic = { insecureForTests, maxReadingWh, series };
  return new ThreadEvaluator({ database, data: config.paths.data, homomorphic }, workers, dealt);
}

type Dealings = Pick<CkksWatch, "manifest">;

class ThreadEvaluator implements Evaluator {
  readonly #data: Omit<ThreadData, "epochs">;
  readonly #workers: number;
  readonly #dealings: Dealings;
  /** What the threads of the pool know. */
  #dealt: CkksManifest | undefined;
  #pool: Piscina;
  /** Pools that finish what they have begun. */
  readonly #ending = new Set<Promise<void>>();
  #closed = false;
  /** Bytes that each thread of the pool has reported. */
  #bytes = new Map<number, number>();

  constructor(data: Omit<ThreadData, "epochs">, workers: number, dealings: Dealings) {
    this.#data = data;
    this.#workers = workers;
    this.#dealings = dealings;
    this.#pool = this.#createPool();
  }

  get threadBytes(): number {
    return [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  async check(meter: string, series: string, bytes: Uint8Array): Promise<CheckedCiphertext> {
    const task: CheckTask = { meter, series, bytes };
    let answer: CheckAnswer;
    try {
      answer = await this.#run<CheckAnswer>("check", task);
    } catch (error) {
      if (error instanceof ComputeError) throw new IngestError("busy", error.message);
      throw error;
    }
    if (!answer.ok) throw new IngestError(answer.code, answer.message, answer.firstSlot);
    const { ok, ...checked } = answer;
    return { series, ...checked };
  }

  async compute(request: ComputeRequest, watch: Watch): Promise<Computed> {
    const { epoch, circuit, parameters, feeders, series, window, inputs } = request;
    const slots = seriesShape(this.#data.homomorphic, series[0]!).numbers(window.slots);
    const { firstSlot } = window;
    const of = { epoch, circuit, parameters, series, firstSlot, slots, feeders: feeders.toSorted(), inputs };
    return await this.#evaluate(of, watch);
  }

  async recompute(transcript: Uint8Array, watch: Watch): Promise<Computed> {
    return await this.#evaluate(decodeTranscript(transcript), watch);
  }

  async #evaluate(of: Omit<Transcript, "parametersId" | "outputs">, { signal, progress }: Watch): Promise<Computed> {
    const control = new SharedArrayBuffer(8);
    const shared = new Int32Array(control);
    const { epoch, circuit, parameters, series, firstSlot, slots, inputs } = of;
    const task: FoldTask = { epoch, circuit, parameters, series, firstSlot, slots, inputs, control };
    const cancel = (): void => void Atomics.store(shared, CONTROL.cancel, 1);
    signal.addEventListener("abort", cancel, { once: true });
    const ticker = setInterval(
      () => progress(Atomics.load(shared, CONTROL.done), inputs.length),
      PROGRESS_MILLISECONDS,
    );
    const begun = performance.now();
    try {
      const answer = await this.#run<FoldAnswer>("fold", task);
      signal.throwIfAborted();
      if (!answer.ok) throw new ComputeError(answer.code === "cancelled" ? "failed" : answer.code, answer.message);
      const outputs = answer.outputs.map(({ output }) => output);
      const transcript = encodeTranscript({ ...of, parametersId: answer.parametersId, outputs });
      return {
        job: jobIdOf(transcript),
        transcript,
        outputs: answer.outputs.map(({ bytes }) => bytes),
        milliseconds: performance.now() - begun,
      };
    } finally {
      clearInterval(ticker);
      signal.removeEventListener("abort", cancel);
    }
  }

  async openingHalves(transcript: Uint8Array, outputs: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const task: HalvesTask = { transcript, outputs };
    return await this.#run<Uint8Array[]>("halves", task);
  }

  /** New threads take what comes from now on; the old ones end when they have done what they were given. */
  async renew(): Promise<void> {
    if (this.#closed) return;
    const old = this.#pool;
    this.#pool = this.#createPool();
    this.#bytes = new Map();
    const ending = old.close().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
    await ending;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.destroy();
    await Promise.all(this.#ending);
  }

  /** Rejects with ComputeError when the thread fails, as WebAssembly does when its memory is used up. */
  async #run<T>(name: "check" | "fold" | "halves", task: object): Promise<T> {
    // Threads with the old keys finish what they have begun.
    if (this.#dealings.manifest !== this.#dealt) void this.renew().catch(() => {});
    const pool = this.#pool;
    try {
      const { thread, bytes, answer } = (await pool.run(task, { name })) as Reported<T>;
      if (pool === this.#pool) this.#bytes.set(thread, bytes);
      return answer;
    } catch (cause) {
      const detail = cause instanceof Error ? cause.message : String(cause);
      // Whatever it was: the thread's memory may be damaged.
      if (pool === this.#pool) void this.renew().catch(() => {});
      const code = /memory|out of bounds|allocat/i.test(detail) ? "out-of-memory" : "failed";
      throw new ComputeError(code, `the computing thread failed: ${detail}`, { cause });
    }
  }

  #createPool(): Piscina {
    this.#dealt = this.#dealings.manifest;
    return new Piscina({
      filename: new URL("./compute-worker.ts", import.meta.url).href,
      execArgv: TYPESCRIPT_THREAD,
      // One thread more: a long job must not keep ciphertexts from being checked.
      minThreads: 1,
      maxThreads: this.#workers + 1,
      maxQueue: MAX_QUEUE,
      workerData: { ...this.#data, epochs: this.#dealt?.epochs ?? [] } satisfies ThreadData,
    });
  }
}
