/** The thread in which networks are trained, one task after the other. Started by `HomeTrainer`. */
import { parentPort } from "node:worker_threads";
import { type Examples, localUpdate, openBackend, type TrainingTask } from "../../../learning/index.ts";

export interface TrainRequest {
  readonly task: TrainingTask;
  readonly examples: Examples;
}

/** One answer to each request. */
export type TrainAnswer = { readonly update: Float64Array | undefined } | { readonly failed: string };

const port = parentPort;
if (port === null) throw new Error("train-worker.ts runs as a worker thread only");
const backend = openBackend();

async function answer({ task, examples }: TrainRequest): Promise<TrainAnswer> {
  try {
    return { update: await localUpdate(task, examples, { backend: await backend }) };
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}

port.on("message", (request: TrainRequest) => {
  void answer(request).then((result) => port.postMessage(result));
});
