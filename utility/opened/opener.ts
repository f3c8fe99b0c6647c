/** The border to the worker thread. */
import { Piscina } from "piscina";
import type { OpenAnswer, OpenTask } from "./worker.ts";

export interface Opener {
  open(task: OpenTask): Promise<OpenAnswer>;
  close(): Promise<void>;
}

/** One thread, started with the first job and ended when none has come for a minute. */
export function threadOpener(): Opener {
  const pool = new Piscina({
    filename: new URL("./worker.ts", import.meta.url).href,
    execArgv: ["--import", "tsx"],
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: 60_000,
  });
  return {
    open: async (task) => (await pool.run(task, { name: "open" })) as OpenAnswer,
    close: async () => await pool.destroy(),
  };
}
