/** The two threads of a grid in operation: one turns scans into states, in order; the other answers what takes long. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { Piscina } from "piscina";
import { TYPESCRIPT_THREAD } from "../../../config/runtime/worker-thread.ts";
import { GridFault } from "./fault.ts";
import type { ThreadAnswer } from "./operate-thread.ts";
import type { Outcome, ScanInput } from "./operation.ts";
import type { OperationPlan } from "./plan.ts";
import type { RequestThreadData, Tasks, Told } from "./request-thread.ts";
import { SharedWork } from "./shared-work.ts";
import { lacksModel } from "./tasks/hazard-file.ts";

export class OperateThread {
  readonly #worker: Worker;
  #waiting: { resolve: (outcome: Outcome) => void; reject: (error: Error) => void } | undefined;

  /** `crashed` is told of a fault that no scan can be blamed for; there is no thread afterwards. */
  constructor(plan: OperationPlan, crashed: (error: unknown) => void) {
    this.#worker = new Worker(new URL("./operate-thread.ts", import.meta.url), {
      workerData: plan,
      execArgv: TYPESCRIPT_THREAD,
    });
    this.#worker.on("message", (answer: ThreadAnswer) => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if ("fault" in answer) waiting?.reject(new RangeError(answer.fault));
      else waiting?.resolve(answer.outcome);
    });
    this.#worker.on("error", crashed);
  }

  get busy(): boolean {
    return this.#waiting !== undefined;
  }

  /** One at a time. Rejects with RangeError for what has no state. */
  scan(input: ScanInput): Promise<Outcome> {
    if (this.busy) throw new Error("scan: one is under way");
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker.postMessage(input);
    });
  }

  async stop(): Promise<void> {
    const ended = once(this.#worker, "exit");
    await this.#worker.terminate();
    await ended.catch(() => undefined);
  }
}

/** Threads that have nothing to do go away. */
const IDLE_MILLISECONDS = 120_000;
const THREADS = 2;

type ResultOf<K extends keyof Tasks> = Awaited<ReturnType<Tasks[K]>> extends Told<infer T> ? T : never;

export class RequestThreads {
  readonly #pool: Piscina;
  readonly #data: RequestThreadData;
  readonly #training = new SharedWork(() => this.#run("training", null));

  constructor(data: RequestThreadData) {
    this.#data = data;
    this.#pool = new Piscina({
      filename: new URL("./request-thread.ts", import.meta.url).href,
      workerData: data,
      execArgv: TYPESCRIPT_THREAD,
      ...{ minThreads: 0, maxThreads: THREADS, idleTimeout: IDLE_MILLISECONDS, maxQueue: 1_000 },
    });
  }

  /** With the signal the thread is ended, too. Rejects with GridFault, or what went wrong. */
  async run<K extends keyof Tasks>(name: K, task: Parameters<Tasks[K]>[0], signal: AbortSignal): Promise<ResultOf<K>> {
    return this.#run(name, task, signal);
  }

  /**
   * Resolves when there is a model for maintenance. Training is nobody's request: whoever gives up ends it for none of the
   * others, and its result is there for the next.
   */
  async trained(): Promise<void> {
    if (lacksModel(this.#data.assets)) await this.#training.run();
  }

  async #run<K extends keyof Tasks>(
    name: K,
    task: Parameters<Tasks[K]>[0],
    signal?: AbortSignal,
  ): Promise<ResultOf<K>> {
    const told = (await this.#pool.run(task, { name, ...(signal === undefined ? {} : { signal }) })) as Told<never>;
    if ("code" in told) throw new GridFault(told.code, told.detail);
    return told.result;
  }

  async stop(): Promise<void> {
    await this.#pool.destroy();
  }
}
