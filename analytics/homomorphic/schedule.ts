/**
 * Jobs that nobody has to ask for: for each window that is over, what the configuration lists, as soon as every member
 * has sent or the grace is over. A job is scheduled once, whatever restarts between.
 */
import type { Config } from "../../config/index.ts";
import type { Roll } from "../../protocol/membership.ts";
import type { JobStore } from "../store/job-store.ts";
import type { Window, WindowCalendar } from "../../config/windows.ts";
import type { Arrivals } from "./arrivals.ts";
import { feedersIn, FLEET, wholeMembers } from "./members.ts";

type ScheduledJob = Config["analytics"]["jobs"][number];

export interface ScheduleOptions {
  readonly roll: Roll;
  readonly jobs: JobStore;
  readonly arrivals: Arrivals;
  readonly calendar: WindowCalendar;
  readonly scheduled: readonly ScheduledJob[];
  /** Slots after the end of a window in which missing ciphertexts are waited for. */
  readonly graceSlots: number;
  /** Fewer inputs are never opened: no job is made for them. */
  readonly minMeters: number;
  /** Unfinished jobs at the same time; the rest is scheduled when some are over. */
  readonly maxJobs: number;
  /** So long after the last ciphertext of a window the others are no longer waited for. */
  readonly quietSeconds: number;
  /** Unix seconds; 0 or less while a simulation has not told the time. */
  readonly now: () => number;
  /** Seconds that do not go back. */
  readonly monotonic: () => number;
}

interface Group {
  readonly label: string;
  readonly feeders: readonly string[];
}

export class Schedule {
  readonly #options: ScheduleOptions;
  /** Windows with nothing left to schedule, by first slot. */
  readonly #settled = new Set<number>();
  /** When the last ciphertext of a window came. */
  readonly #touched = new Map<number, number>();
  /** Meters may have tried in vain before this process was there. */
  readonly #started: number;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.#started = options.monotonic();
  }

  /** Adds the jobs that are due; returns how many. */
  poll(): number {
    const { arrivals, now, calendar, jobs, maxJobs } = this.#options;
    const time = now();
    const current = time / calendar.slotSeconds;
    let room: number | undefined;
    let added = 0;
    for (const firstSlot of arrivals.windows()) {
      if (this.#settled.has(firstSlot)) continue;
      const window = calendar.startingAt(firstSlot);
      if (window === undefined || current < firstSlot + window.slots) continue;
      room ??= maxJobs - jobs.countUnfinished();
      // While meters still send, every job would be computed from the first few that came.
      const overdue = current >= firstSlot + window.slots + this.#options.graceSlots && this.#isQuiet(firstSlot);
      let open = !overdue;
      for (const [job, group] of this.#due(window, overdue)) {
        if (added >= room) open = true;
        else if (this.#add(job, group, window, time)) added += 1;
      }
      if (open) continue;
      this.#settled.add(firstSlot);
      this.#touched.delete(firstSlot);
    }
    return added;
  }

  /** A window has a new ciphertext: groups that had too few inputs may have enough now. */
  touch(firstSlot: number): void {
    this.#settled.delete(firstSlot);
    this.#touched.set(firstSlot, this.#options.monotonic());
  }

  #isQuiet(firstSlot: number): boolean {
    const { quietSeconds, monotonic } = this.#options;
    return monotonic() - (this.#touched.get(firstSlot) ?? this.#started) >= quietSeconds;
  }

  /** Jobs of a window whose inputs are complete, or will not become so in time. */
  #due(window: Window, overdue: boolean): [ScheduledJob, Group][] {
    const { roll, arrivals, calendar, scheduled, minMeters } = this.#options;
    const ordinal = calendar.ordinal(window.firstSlot);
    const feeders = feedersIn(roll, window);
    const due: [ScheduledJob, Group][] = [];
    for (const job of scheduled) {
      if (ordinal % job.everyWindows !== 0) continue;
      const series = seriesOf(job);
      for (const group of groupsOf(job, feeders)) {
        const members = wholeMembers(roll, group.feeders, window);
        const sent = members.filter((meter) => series.every((name) => arrivals.has(meter, name, window.firstSlot)));
        const complete = overdue || sent.length === members.length;
        if (complete && sent.length >= minMeters) due.push([job, group]);
      }
    }
    return due;
  }

  #add(job: ScheduledJob, group: Group, { firstSlot, slots }: Window, now: number): boolean {
    const { circuit, parameters } = job;
    const series = seriesOf(job);
    const key = [circuit, JSON.stringify(parameters), series.join(","), group.label, firstSlot].join(" ");
    const order = { request: "schedule", key, circuit, parameters, ...group, series, firstSlot, slots };
    return this.#options.jobs.add(order, "queued", now) !== undefined;
  }
}

/** In the circuit's order. */
export function seriesOf({ series }: Pick<ScheduledJob, "series">): readonly string[] {
  return typeof series === "string" ? [series] : series;
}

function groupsOf({ group }: ScheduledJob, feeders: readonly string[]): Group[] {
  if (group === "feeders") return feeders.map((feeder) => ({ label: feeder, feeders: [feeder] }));
  if (group === "fleet") return feeders.length === 0 ? [] : [{ label: FLEET, feeders }];
  return [{ label: group.join("+"), feeders: [...group].sort() }];
}
