/**
 * Ends this process when its program stands still for ever: neither does its loop turn nor does it compute. Its process is
 * there, so that nobody would start it again. A thread of its own watches, since the one that stands still cannot.
 */
import { Worker } from "node:worker_threads";
import type { Logger } from "./logger.ts";
import { TYPESCRIPT_THREAD } from "./worker-thread.ts";

/** Looks without a sign of life before the end: a machine that slept looks once, whatever time has passed. */
const LOOKS = 10;
/** Processes that end sooner are spared the thread, in milliseconds. */
const BEGIN_AFTER = 30_000;

/** Grows while the program lives. */
const signs = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

export interface StillData {
  readonly signs: Int32Array;
  readonly lookMilliseconds: number;
  readonly looks: number;
  /** Said on stderr before the end. */
  readonly farewell: string;
}

export interface StillOptions {
  /** Of the role, as its end is told. */
  readonly name: string;
  /** Config `roles.stillSeconds`; nothing is watched with 0. */
  readonly seconds: number;
  readonly log: Logger;
}

/** Who waits in the middle of its work for something outside says that it came: its loop may not turn for long. */
export function noteLife(): void {
  Atomics.add(signs, 0, 1);
}

export function endWhenStill({ name, seconds, log }: StillOptions): void {
  if (seconds === 0) return;
  const lookMilliseconds = (seconds * 1_000) / LOOKS;
  const farewell = `${name}: stood still for ${seconds} s and is ended (roles.stillSeconds)\n`;
  const data: StillData = { signs, lookMilliseconds, looks: LOOKS, farewell };
  setTimeout(
    () => {
      const thread = new Worker(new URL("./still-thread.ts", import.meta.url), {
        execArgv: TYPESCRIPT_THREAD,
        workerData: data,
      });
      thread.on("error", (error) =>
        log.warn({ error: error.message }, "nobody watches whether this role stands still"),
      );
      thread.unref();
      setInterval(noteLife, lookMilliseconds / 2).unref();
    },
    Math.min(BEGIN_AFTER, lookMilliseconds),
  ).unref();
}
