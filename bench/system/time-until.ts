/** Times a running system by what appears in the utility's database. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { createProgress } from "../../config/runtime/terminal.ts";
import type { BenchSystem } from "./bench-system.ts";

const POLL_MILLISECONDS = 10;

/** Seconds from `begin` until a count in the utility's database has reached `wanted`. */
export async function timeUntil(
  system: BenchSystem,
  sql: string,
  wanted: number,
  patienceSeconds: number,
  silent: boolean,
  begin: () => Promise<void>,
  look: () => void = () => undefined,
): Promise<number> {
  const db = new Database(join(system.data, "utility", "utility.db"), { readonly: true });
  const count = db.prepare<[], number>(sql).pluck();
  const bar = createProgress({ label: "results", total: wanted, silent });
  try {
    const start = performance.now();
    await begin();
    for (;;) {
      const done = count.get() ?? 0;
      look();
      const seconds = (performance.now() - start) / 1_000;
      bar.update(done);
      if (done >= wanted) return seconds;
      if (seconds > patienceSeconds) throw new Error(`${done} of ${wanted} after ${patienceSeconds} s: ${sql}`);
      if (system.failures.length > 0) throw new Error(system.failures.join("; "));
      await sleep(POLL_MILLISECONDS);
    }
  } finally {
    bar.stop();
    db.close();
  }
}
