/** The thread that ends a process which stands still (`still-watch.ts`). */
import { writeSync } from "node:fs";
import process from "node:process";
import { setInterval } from "node:timers/promises";
import { workerData } from "node:worker_threads";
import type { StillData } from "./still-watch.ts";

/** Of a processor. Less than this nobody needs who works, be it on a slow disk. */
const IDLE_SHARE = 0.005;
const STDERR = 2;

const { signs, lookMilliseconds, looks, farewell } = workerData as StillData;
let last = -1;
let cpu = process.cpuUsage();
let still = 0;
for await (const _ of setInterval(lookMilliseconds)) {
  const sign = Atomics.load(signs, 0);
  const { user, system } = process.cpuUsage(cpu); // microseconds, of all threads
  const isIdle = user + system < IDLE_SHARE * lookMilliseconds * 1_000;
  still = sign === last && isIdle ? still + 1 : 0;
  last = sign;
  cpu = process.cpuUsage();
  if (still < looks) continue;
  try {
    writeSync(STDERR, farewell);
  } finally {
    // What was acknowledged is stored: nothing else must be done in order.
    process.kill(process.pid, "SIGKILL");
  }
}
