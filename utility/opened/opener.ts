/** The border to the worker thread. */
import { Piscina } from "piscina";
import { TYPESCRIPT_THREAD } from "../../config/runtime/worker-thread.ts";
import type { OpenAnswer, OpenTask } from "./worker.ts";

export interface Opener {
  /** Rejects when the thread fails. */
  open(task: OpenTask): Promise<OpenAnswer>;
  close(): Promise<void>;
}

const IDLE_MILLISECONDS = 60_000;

/** One thread, started with the first job and ended when none has come for a minute. */
export function threadOpener(trouble: (error: Error) => void): Opener {
  const pool = new Piscina({
    filename: new URL("./worker.ts", import.meta.url).href,
    execArgv: TYPESCRIPT_THREAD,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: IDLE_MILLISECONDS,
  });
  // A thread that dies between two jobs; the next job starts another.
  pool.on("error", trouble);
  return {
    open: async (task) => (await pool.run(task, { name: "open" })) as OpenAnswer,
    close: async () => await pool.destroy(),
  };
}
