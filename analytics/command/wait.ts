/** Waits for jobs that the running role works on, and shows how far they are. */
import { setTimeout as pause } from "node:timers/promises";
import { SingleBar } from "cli-progress";
import { isOver, type Job, type JobState } from "../store/job.ts";

export interface WaitOptions {
  readonly jobs: () => readonly Job[];
  readonly signal: AbortSignal;
  /** A bar on stderr; never with --json or without a terminal. */
  readonly bar: boolean;
  /** Called once when the role is not there. */
  readonly absent: () => boolean;
  readonly warn: (text: string) => void;
}

const POLL_MILLISECONDS = 150;
/** Of a job's way, how much is behind it when it is in a state; computing counts by its inputs. */
const SHARES: Readonly<Partial<Record<JobState, number>>> = { requested: 0, queued: 0.02, asking: 0.7, opening: 0.9 };

/** Resolves with the jobs when all are over, or as they are when the signal aborts. */
export async function waitFor({ jobs, signal, bar, absent, warn }: WaitOptions): Promise<readonly Job[]> {
  const format = "{bar} {percentage} % | {text}";
  const progress = bar ? new SingleBar({ format, stream: process.stderr, clearOnComplete: true }) : undefined;
  progress?.start(100, 0, { text: "" });
  let warned = false;
  try {
    for (;;) {
      const now = jobs();
      const done = now.reduce((sum, job) => sum + shareOf(job), 0) / Math.max(1, now.length);
      progress?.update(Math.round(done * 100), { text: textOf(now) });
      if (signal.aborted || now.every(({ state }) => isOver(state))) return now;
      if (!warned && absent()) {
        warned = true;
        warn("analytics is not running: the job waits until it is started (npm run analytics)");
      }
      await pause(POLL_MILLISECONDS, undefined, { signal }).catch(() => {});
    }
  } finally {
    progress?.stop();
  }
}

function shareOf({ state, done, total }: Job): number {
  if (isOver(state)) return 1;
  if (state === "computing") return 0.05 + (total === 0 ? 0 : (0.6 * done) / total);
  return SHARES[state] ?? 0;
}

function textOf(jobs: readonly Job[]): string {
  const job = jobs.find(({ state }) => !isOver(state)) ?? jobs.at(-1);
  if (job === undefined) return "";
  const count = jobs.length > 1 ? `${jobs.filter(({ state }) => isOver(state)).length} of ${jobs.length} jobs; ` : "";
  return `${count}job ${job.number}: ${stateText(job)}`;
}

/** A state in words, with what it waits for. */
export function stateText({ state, done, total, code, active }: Job): string {
  if (state === "computing") return `computing, ${done} of ${total} ciphertexts`;
  if (state === "asking") return code === "" ? "aggregators recompute it" : `waits: ${code}`;
  if (state === "opening") {
    const openers = (active ?? []).map((index) => `a-${index}`).join(" and ");
    return code === "" ? `being opened by ${openers}` : `waits for ${openers}: ${code}`;
  }
  return state;
}
