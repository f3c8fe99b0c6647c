/** The computing thread of an aggregator: one CkksMachine, called by messages, one call after the other. */
import { randomBytes } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { CkksMachine } from "./ckks-machine.ts";
import { JobError } from "./job-error.ts";
import { MachineKeys } from "./machine-keys.ts";
import type { FromWorker, HeldKey, ToWorker, WorkerSetUp } from "./worker-calls.ts";

const { data, statisticalBits, openings } = workerData as WorkerSetUp;
const port = parentPort!;
const wanted = new Map<string, (held: HeldKey) => void>();
const say = (message: FromWorker): void => port.postMessage(message);

const keys = new MachineKeys(data, async (epoch, set) => {
  const key = `${epoch}/${set}`;
  return await new Promise((resolve) => {
    wanted.set(key, resolve);
    say({ type: "wanted", key, epoch, set });
  });
});
const machine = new CkksMachine({
  keyOf: (epoch, set) => keys.obtain(epoch, set),
  statisticalBits,
  openings,
  random: (count) => randomBytes(count),
});

let work = Promise.resolve();
port.on("message", (message: ToWorker) => {
  if (message.type === "key") {
    wanted.get(message.key)?.(message.held);
    wanted.delete(message.key);
    return;
  }
  const { id, method, argument } = message;
  work = work.then(async () => {
    try {
      const value = await (machine[method] as (argument: unknown) => Promise<unknown>).call(machine, argument);
      say({ type: "result", id, value });
    } catch (error) {
      if (error instanceof JobError) {
        say({ type: "refused", id, code: error.code, message: error.message, where: error.where });
      } else {
        say({ type: "failed", id, message: error instanceof Error ? error.message : String(error) });
      }
    }
  });
});
