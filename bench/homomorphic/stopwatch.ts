/**
 * Times of short steps. The machine does other things, too, so what counts is the shortest of many runs; the first run,
 * with cold caches and code that is not compiled yet, is kept beside it.
 */

export interface Timing {
  /** The shortest wall time of a run. */
  readonly ms: number;
  /** The shortest processor time of a run, of all threads of this process. */
  readonly cpuMs: number;
  /** Wall time of the first run. */
  readonly firstMs: number;
}

const LEAST_RUNS = 3;

/** Runs `work` for about `budgetMs`, at least three times. */
export function stopwatch(budgetMs: number, work: () => unknown): Timing {
  let [ms, cpuMs, firstMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0];
  const end = performance.now() + budgetMs;
  for (let run = 0; run < LEAST_RUNS || performance.now() < end; run++) {
    const one = once(work);
    if (run === 0) firstMs = one.ms;
    ms = Math.min(ms, one.ms);
    cpuMs = Math.min(cpuMs, one.cpuMs);
  }
  return { ms, cpuMs, firstMs };
}

/** One run. */
export function once(work: () => unknown): { readonly ms: number; readonly cpuMs: number } {
  const cpu = process.cpuUsage();
  const start = performance.now();
  work();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1_000 };
}

/** Processor time of one run that is awaited, for what is too long to be repeated. */
export async function processorTime<T>(work: () => Promise<T>): Promise<readonly [result: T, cpuMs: number]> {
  const cpu = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(cpu);
  return [result, (user + system) / 1_000];
}
