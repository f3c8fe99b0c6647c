/**
 * Encrypts windows for all meters of a process in a thread of its own, one after the other in the order in which they
 * come, so that shares are never held up. The thread, with SEAL and the public keys, is there only while there is work.
 */
import { Worker } from "node:worker_threads";
import { TYPESCRIPT_THREAD } from "../../../config/runtime/worker-thread.ts";
import type { WorkerAnswer, WorkerRequest } from "./encrypt-worker.ts";
import type { Encrypted, EncryptionRequest, EncryptionSettings, SetKey } from "./encryption.ts";

export type { Encrypted } from "./encryption.ts";

export interface Encryptor {
  /** Rejects with EncryptionError when it cannot be done. */
  encrypt(request: EncryptionRequest): Promise<Encrypted>;
  close(): Promise<void>;
}

/** A window could not be encrypted; the message says why and holds no reading. */
export class EncryptionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EncryptionError";
  }
}

export interface ThreadEncryptorOptions extends EncryptionSettings {
  /** The public key of a set, read when it is first needed. May throw: then the window fails. */
  readonly keyOf: (epoch: number, set: string) => SetKey;
  /** The thread ends when there was nothing to do for so long. */
  readonly idleMilliseconds: number;
}

interface Task {
  readonly request: EncryptionRequest;
  readonly resolve: (encrypted: Encrypted) => void;
  readonly reject: (error: EncryptionError) => void;
}

export class ThreadEncryptor implements Encryptor {
  readonly #options: ThreadEncryptorOptions;
  readonly #queue: Task[] = [];
  #head = 0;
  #worker: Worker | undefined;
  #current: Task | undefined;
  /** By set, the epoch whose keys the thread has. */
  #loaded = new Map<string, number>();
  #idle: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ThreadEncryptorOptions) {
    this.#options = options;
  }

  /** Whether the thread is there. */
  get running(): boolean {
    return this.#worker !== undefined;
  }

  encrypt(request: EncryptionRequest): Promise<Encrypted> {
    if (this.#closed) return Promise.reject(new EncryptionError("the encryptor is closed"));
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    const waiting = this.#queue.splice(0).slice(this.#head);
    this.#head = 0;
    for (const { reject } of waiting) reject(new EncryptionError("the encryptor is closed"));
    await this.#end("the encryptor is closed");
  }

  #next(): void {
    if (this.#current !== undefined) return;
    clearTimeout(this.#idle);
    const task = this.#queue[this.#head];
    if (task === undefined) {
      this.#queue.length = 0;
      this.#head = 0;
      // A thread that waits keeps no process alive.
      this.#worker?.unref();
      this.#idle = setTimeout(() => void this.#end("idle"), this.#options.idleMilliseconds).unref();
      return;
    }
    this.#head += 1;
    this.#current = task;
    const { request } = task;
    try {
      const worker = (this.#worker ??= this.#start());
      worker.ref();
      const { epoch, set } = request;
      const key = this.#loaded.get(set) === epoch ? {} : { key: this.#options.keyOf(epoch, set) };
      const message: WorkerRequest = { request, ...key };
      worker.postMessage(message);
    } catch (cause) {
      // A key that is missing or not the one that was dealt: later requests may be of another set.
      this.#settle({ failed: cause instanceof Error ? cause.message : String(cause) });
    }
  }

  #start(): Worker {
    const { insecureForTests, analyticsKey } = this.#options;
    const settings: EncryptionSettings = { insecureForTests, analyticsKey: Uint8Array.from(analyticsKey) };
    const worker = new Worker(new URL("./encrypt-worker.ts", import.meta.url), {
      workerData: settings,
      execArgv: TYPESCRIPT_THREAD,
    });
    worker.on("message", (answer: WorkerAnswer) => this.#settle(answer));
    worker.on("error", (error) => this.#lost(worker, error.message));
    worker.on("exit", (code) => this.#lost(worker, `the encrypting thread ended with code ${code}`));
    return worker;
  }

  #settle(answer: WorkerAnswer): void {
    const task = this.#current;
    if (task === undefined) return;
    this.#current = undefined;
    if ("done" in answer) {
      this.#loaded.set(task.request.set, task.request.epoch);
      task.resolve(answer.done);
    } else task.reject(new EncryptionError(`${task.request.series}: ${answer.failed}`));
    this.#next();
  }

  /** The thread is gone although it was not told to: the window under way fails, the next one starts another. */
  #lost(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#loaded.clear();
    this.#settle({ failed: reason });
  }

  async #end(reason: string): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#loaded.clear();
    const task = this.#current;
    this.#current = undefined;
    task?.reject(new EncryptionError(reason));
    await worker?.terminate();
  }
}
