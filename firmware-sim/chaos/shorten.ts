/** The shortest schedule that still fails in one of the checks in which the whole one failed. */
import type { CheckerReport } from "./checker/report.ts";
import type { Schedule } from "./schedule.ts";
import { shrink, type Shrunk } from "./shrink.ts";

export interface ShortenOptions {
  readonly schedule: Schedule;
  /** What the checker found after the whole schedule. */
  readonly report: CheckerReport;
  /** Does a run with another schedule. */
  readonly again: (schedule: Schedule) => Promise<CheckerReport>;
  readonly mostRuns: number;
  readonly onStep?: (events: number, runs: number) => void;
}

export interface Shortened extends Omit<Shrunk<never>, "items"> {
  readonly schedule: Schedule;
}

export async function shortenSchedule(options: ShortenOptions): Promise<Shortened> {
  const { schedule, report, again, mostRuns, onStep } = options;
  const failed = wrongChecks(report);
  const { items, ...rest } = await shrink({
    items: schedule.events,
    fails: async (events) =>
      wrongChecks(await again({ ...schedule, events: [...events] })).some((one) => failed.includes(one)),
    mostRuns,
    onStep: ({ length }, runs) => onStep?.(length, runs),
  });
  return { ...rest, schedule: { ...schedule, events: [...items] } };
}

/** Names of the checks that found something. */
export function wrongChecks({ checks }: CheckerReport): string[] {
  return checks.filter(({ wrong }) => wrong > 0).map(({ name }) => name);
}
