/**
 * The machine in a thread of its own, so that hours of computing never hold up shares. Only bytes cross. A thread that
 * dies, as WebAssembly may, is a MachineLost for whoever waits.
 */
import { Worker } from "node:worker_threads";
import { TYPESCRIPT_THREAD } from "../../config/runtime/worker-thread.ts";
import { JobError } from "./job-error.ts";
import { type ComputedOutput, type Machine, type MachineInput, MachineLost } from "./machine.ts";
import type { MachineJob, OpenedOutput, OpeningOrder } from "./machine.ts";
import type { FromWorker, HeldKey, MachineMethod, ToWorker, WorkerSetUp } from "./worker-calls.ts";

export interface WorkerMachineOptions extends WorkerSetUp {
  /** Opens this aggregator's key share; its bytes go to the thread and stay there. */
  readonly heldKey: (epoch: number, set: string) => Promise<HeldKey>;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class WorkerMachine implements Machine {
  readonly #worker: Worker;
  readonly #heldKey: WorkerMachineOptions["heldKey"];
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #lost: MachineLost | undefined;

  constructor({ heldKey, ...setUp }: WorkerMachineOptions) {
    this.#heldKey = heldKey;
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), {
      workerData: setUp satisfies WorkerSetUp,
      execArgv: TYPESCRIPT_THREAD,
    });
    this.#worker.on("message", (message: FromWorker) => this.#take(message));
    this.#worker.on("error", (error) => this.#lose(error.message));
    this.#worker.on("exit", (code) => this.#lose(`the thread ended with code ${code}`));
  }

  async start(job: MachineJob): Promise<void> {
    await this.#call("start", job);
  }

  async fold(inputs: readonly MachineInput[]): Promise<void> {
    // The bytes move to the thread; nobody here needs them any more.
    await this.#call(
      "fold",
      inputs,
      inputs.map(({ bytes }) => bytes.buffer as ArrayBuffer),
    );
  }

  async finish(): Promise<ComputedOutput[]> {
    return (await this.#call("finish", undefined)) as ComputedOutput[];
  }

  async abandon(): Promise<void> {
    await this.#call("abandon", undefined);
  }

  async open(order: OpeningOrder): Promise<OpenedOutput[]> {
    return (await this.#call("open", order)) as OpenedOutput[];
  }

  async close(): Promise<void> {
    this.#lose("it was closed");
    await this.#worker.terminate();
  }

  #call(method: MachineMethod, argument: unknown, transfer: ArrayBuffer[] = []): Promise<unknown> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const id = this.#calls++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ type: "call", id, method, argument } satisfies ToWorker, transfer);
    });
  }

  #take(message: FromWorker): void {
    if (message.type === "wanted") {
      void this.#giveKey(message.key, message.epoch, message.set);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id);
    if (message.type === "result") waiting.resolve(message.value);
    else if (message.type === "refused") waiting.reject(new JobError(message.code, message.message, message.where));
    else {
      // Whatever it was: the thread's memory may be damaged.
      waiting.reject(new MachineLost(message.message));
      this.#lose(message.message);
      void this.#worker.terminate();
    }
  }

  async #giveKey(key: string, epoch: number, set: string): Promise<void> {
    try {
      const held = await this.#heldKey(epoch, set);
      this.#worker.postMessage({ type: "key", key, held } satisfies ToWorker, [held.share.buffer as ArrayBuffer]);
    } catch (error) {
      this.#lose(error instanceof Error ? error.message : String(error));
      await this.#worker.terminate();
    }
  }

  #lose(reason: string): void {
    this.#lost ??= new MachineLost(reason);
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
    this.#waiting.clear();
  }
}
