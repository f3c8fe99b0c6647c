/**
 * Where a worker thread begins: plain JavaScript, because `--import tsx` does not reach the threads of a process that
 * was itself started by tsx (Node 20). The work is in compute-worker.ts.
 */
import { register } from "tsx/esm/api";

register();
export const { check, fold, halves } = await import("./compute-worker.ts");
