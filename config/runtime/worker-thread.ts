/**
 * How a worker thread is started whose first file is TypeScript: the same for `Worker` and for piscina, under tsx and
 * under `node --import tsx`.
 *
 *   new Worker(new URL("./compute-worker.ts", import.meta.url), { execArgv: TYPESCRIPT_THREAD })
 */

/** `execArgv` of the thread. */
export const TYPESCRIPT_THREAD: string[] = ["--import", new URL("./typescript-loader.mjs", import.meta.url).href];
