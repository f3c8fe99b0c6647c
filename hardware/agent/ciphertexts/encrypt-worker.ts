/** The thread that encrypts for all meters of a process, one window after the other. Started by `ThreadEncryptor`. */
import { parentPort, workerData } from "node:worker_threads";
import type { Encrypted, EncryptionRequest, EncryptionSettings, SetKey } from "./encryption.ts";
import { Encryption } from "./encryption.ts";

/** To the thread. The key goes with the first request of its set. */
export interface WorkerRequest {
  readonly request: EncryptionRequest;
  readonly key?: SetKey;
}

/** From the thread: one answer to each request. */
export type WorkerAnswer = { readonly done: Encrypted } | { readonly failed: string };

const port = parentPort;
if (port === null) throw new Error("encrypt-worker.ts runs as a worker thread only");
const encryption = new Encryption(workerData as EncryptionSettings);

async function answer({ request, key }: WorkerRequest): Promise<WorkerAnswer> {
  try {
    if (key !== undefined) await encryption.load(request.set, key);
    return { done: await encryption.encrypt(request) };
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}

port.on("message", (message: WorkerRequest) => {
  void answer(message).then((result) => {
    const moved = "done" in result ? [result.done.sealed.buffer as ArrayBuffer] : [];
    port.postMessage(result, moved);
  });
});
