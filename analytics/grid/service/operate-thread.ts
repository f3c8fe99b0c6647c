/** The thread in which scans become states: the state estimator of a large grid takes too long for the thread of messages. */
import { parentPort, workerData } from "node:worker_threads";
import { GridOperation, type Outcome, type ScanInput } from "./operation.ts";
import type { OperationPlan } from "./plan.ts";

/** What the thread says: `outcome` to a scan, `fault` where a scan has no state because of the grid itself. */
export type ThreadAnswer = { readonly outcome: Outcome } | { readonly fault: string };

const port = parentPort;
if (port === null) throw new Error("operate-thread: expected to run as a thread");
const operation = new GridOperation(workerData as OperationPlan);
port.on("message", (input: ScanInput) => {
  let answer: ThreadAnswer;
  try {
    answer = { outcome: operation.scan(input) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    answer = { fault: error.message };
  }
  port.postMessage(answer);
});
