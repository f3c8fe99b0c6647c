/** A job as its row in table `jobs` tells it, and the states it goes through. */

/**
 * requested (by a command; not yet taken) -> queued -> computing -> asking (aggregators recompute) -> opening (active
 * set fixed) -> opened. Ends besides: refused (by aggregators or the planner), failed, cancelled.
 */
export const JOB_STATES = [
  "requested",
  "queued",
  "computing",
  "asking",
  "opening",
  "opened",
  "refused",
  "failed",
  "cancelled",
] as const;
export type JobState = (typeof JOB_STATES)[number];

export const ENDS: readonly JobState[] = ["opened", "refused", "failed", "cancelled"];

export function isOver(state: JobState): boolean {
  return ENDS.includes(state);
}

/** What a job is about; never changes. */
export interface JobOrder {
  readonly request: string;
  /** For scheduled jobs only. */
  readonly key?: string | undefined;
  readonly circuit: string;
  /** The circuit's public parameters. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** How people call the group: a feeder, several, or `fleet`. */
  readonly label: string;
  readonly feeders: readonly string[];
  readonly series: readonly string[];
  readonly firstSlot: number;
  readonly slots: number;
}

export interface Job extends JobOrder {
  readonly number: number;
  readonly state: JobState;
  /** Why it waits or ended: a code and words. */
  readonly code: string;
  readonly reason: string;
  readonly done: number;
  readonly total: number;
  readonly attempts: number;
  readonly cancel: boolean;
  /** Meters whose ciphertexts an aggregator found not to fit. */
  readonly excluded: readonly string[];
  /** Feeders of the group of which the computation has no inputs. */
  readonly leftOut: readonly string[];
  /** Unix seconds. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly computeMilliseconds: number | undefined;
  /** Hash of the transcript, once there is one. */
  readonly job: string | undefined;
  readonly transcript: Uint8Array | undefined;
  /** Indices of the aggregators that open it, once that is fixed. */
  readonly active: readonly number[] | undefined;
}

export interface JobRow {
  number: number;
  key: string | null;
  request: string;
  circuit: string;
  parameters: string;
  label: string;
  feeders: string;
  series: string;
  first_slot: number;
  slots: number;
  state: string;
  code: string;
  reason: string;
  done: number;
  total: number;
  attempts: number;
  cancel: number;
  excluded: string;
  left_out: string;
  created_at: number;
  updated_at: number;
  compute_ms: number | null;
  job: string | null;
  transcript: Uint8Array | null;
  active: string | null;
}

export const COLUMNS = `number, key, request, circuit, parameters, label, feeders, series, first_slot, slots, state, code, reason,
  done, total, attempts, cancel, excluded, left_out, created_at, updated_at, compute_ms, job, transcript, active`;

export function jobOf(row: JobRow): Job {
  return {
    number: row.number,
    key: row.key ?? undefined,
    request: row.request,
    circuit: row.circuit,
    parameters: JSON.parse(row.parameters) as Record<string, unknown>,
    label: row.label,
    feeders: JSON.parse(row.feeders) as string[],
    series: JSON.parse(row.series) as string[],
    firstSlot: row.first_slot,
    slots: row.slots,
    state: row.state as JobState,
    code: row.code,
    reason: row.reason,
    done: row.done,
    total: row.total,
    attempts: row.attempts,
    cancel: row.cancel !== 0,
    excluded: JSON.parse(row.excluded) as string[],
    leftOut: JSON.parse(row.left_out) as string[],
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    computeMilliseconds: row.compute_ms ?? undefined,
    job: row.job ?? undefined,
    transcript: row.transcript ?? undefined,
    active: row.active === null ? undefined : (JSON.parse(row.active) as number[]),
  };
}
