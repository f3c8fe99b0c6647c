/**
 * Ends this process when its program stands still for ever: neither does its loop turn nor does it compute. Its process is
 * there, so that nobody would start it again. A thread of its own watches, since the one that stands still cannot.
 */
import { Worker } from "node:worker_threads";
import { TYPESCRIPT_THREAD } from "./worker-thread.ts";

/** Looks without a sign of life before the end: a machine that slept looks once, whatever time has passed. */
const LOOKS = 10;
/** Processes that end sooner are spared the thread, in milliseconds. */
const BEGIN_AFTER = 30_000;

export interface StillData {
  /** Grows while the program runs. */
  readonly beats: Int32Array;
  readonly lookMilliseconds: number;
  readonly looks: number;
  /** Said on stderr before the end. */
  readonly farewell: string;
}

/** Config `roles.stillSeconds`; nothing is watched with 0. `name` is of the role, as its end is told. */
export function endWhenStill(name: string, seconds: number): void {
  if (seconds === 0) return;
  const lookMilliseconds = (seconds * 1_000) / LOOKS;
  const data: StillData = {
    beats: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
    lookMilliseconds,
    looks: LOOKS,
    farewell: `${name}: stood still for ${seconds} s and is ended (roles.stillSeconds)\n`,
  };
  setTimeout(
    () => {
      const thread = new Worker(new URL("./still-thread.ts", import.meta.url), {
        execArgv: TYPESCRIPT_THREAD,
        workerData: data,
      });
      thread.unref();
      setInterval(() => Atomics.add(data.beats, 0, 1), lookMilliseconds / 2).unref();
    },
    Math.min(BEGIN_AFTER, lookMilliseconds),
  ).unref();
}
