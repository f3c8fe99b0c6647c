/**
 * A connection to PostgreSQL as the roles need it: a command returns when the server has answered, and nothing else of the
 * process runs in between, as it is with SQLite. The connection itself lives in a thread; this one waits for it.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { StorageError } from "../database.ts";
import { noteLife } from "../still-watch.ts";
import { TYPESCRIPT_THREAD } from "../worker-thread.ts";
import { lostError, refusalError } from "./faults.ts";
import type { Answer, Command, Rows, ThreadData } from "./wire.ts";

export interface ConnectionOptions {
  /** The address without a password, as it may be shown. */
  readonly name: string;
  readonly url: string;
  readonly application: string;
  readonly connectMilliseconds: number;
  /** Beyond it a server that does not answer counts as gone. */
  readonly answerMilliseconds: number;
}

/** Loading TypeScript takes time before the first answer. */
const START_MILLISECONDS = 30_000;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #answered = new Int32Array(new SharedArrayBuffer(4));
  #lost: StorageError | undefined;
  #isClosed = false;

  /** Connects. Throws StorageError. */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { url, application, connectMilliseconds } = options;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const data: ThreadData = { port: port2, url, application, connectMilliseconds, answered: this.#answered };
    this.#worker = new Worker(new URL("./connection-thread.ts", import.meta.url), {
      execArgv: TYPESCRIPT_THREAD,
      workerData: data,
      transferList: [port2],
    });
    this.#worker.on("error", (error) => this.#lose(lostError(options.name, error.message)));
    this.#worker.unref();
    try {
      this.#ask("connect", START_MILLISECONDS + connectMilliseconds);
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  /** Throws StorageError for what makes the database unusable, else SqlError. */
  execute(command: Command): Rows {
    if (this.#isClosed) throw new TypeError("The database connection is not open");
    return this.#ask(command, this.#options.answerMilliseconds);
  }

  #ask(command: Command | "connect" | "end", milliseconds: number): Rows {
    if (this.#lost !== undefined) throw this.#lost;
    const before = Atomics.load(this.#answered, 0);
    this.#port.postMessage(command);
    const deadline = performance.now() + milliseconds;
    while (Atomics.load(this.#answered, 0) === before) {
      const left = deadline - performance.now();
      if (left <= 0) throw this.#lose(lostError(this.#options.name, `no answer within ${milliseconds / 1_000} s`));
      Atomics.wait(this.#answered, 0, before, left);
    }
    noteLife();
    const answer = (receiveMessageOnPort(this.#port) as { readonly message: Answer } | undefined)?.message;
    if (answer === undefined) throw this.#lose(lostError(this.#options.name, "its thread has ended"));
    if ("result" in answer) return answer.result;
    const error = refusalError(this.#options.name, answer.refusal);
    if (error instanceof StorageError && answer.refusal.lost) this.#lose(error);
    throw error;
  }

  #lose(error: StorageError): StorageError {
    this.#lost ??= error;
    return this.#lost;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      if (this.#lost === undefined) this.#ask("end", this.#options.answerMilliseconds);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error; // it is gone either way
    } finally {
      this.#end();
    }
  }

  #end(): void {
    this.#isClosed = true;
    this.#port.close();
    void this.#worker.terminate();
  }
}
