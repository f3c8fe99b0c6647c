/** Aggregators as processes of a test: what they print to stderr, when they are ready, and how they end. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const START = join(import.meta.dirname, "../../config/runtime/start.mjs");

export interface Run {
  readonly child: ChildProcess;
  readonly ready: Promise<unknown>;
  readonly ended: Promise<{ code: number | null; said: string }>;
}

export class Processes {
  readonly #running = new Set<ChildProcess>();

  /** Starts one with these flags, and these fields of the configuration (`section.field=value`). */
  start(flags: readonly string[], settings: readonly string[]): Run {
    const set = settings.flatMap((setting) => ["--set", setting]);
    const child = fork(START, ["aggregator/main.ts", ...flags, ...set], { silent: true });
    this.#running.add(child);
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const ended = once(child, "close").then(([code]) => {
      this.#running.delete(child);
      return { code: code as number | null, said };
    });
    return { child, ready: once(child, "message"), ended };
  }

  /** Ends those that still run. */
  kill(): void {
    for (const child of this.#running) child.kill("SIGKILL");
  }
}
