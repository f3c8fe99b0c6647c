/**
 * How a worker thread is started whose first file is TypeScript: the same for `Worker` and for piscina, under tsx and
 * under `node --import tsx`.
 *
 *   new Worker(url, { execArgv: TYPESCRIPT_THREAD })
 */

/** `execArgv` of the thread. In a compiled program its threads are compiled as well and need no loader. */
export const TYPESCRIPT_THREAD: string[] = import.meta.url.endsWith(".ts")
  ? ["--import", new URL("./typescript-loader.mjs", import.meta.url).href]
  : [];
