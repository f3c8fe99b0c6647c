/**
 * Jobs that nobody has to ask for: for each window that is over, the configured circuits over each feeder and over all
 * of them, as soon as every member has sent or the grace is over. A job is scheduled once, whatever restarts between.
 */
import type { Roll } from "../../protocol/membership.ts";
import type { JobStore } from "../store/job-store.ts";
import type { WindowCalendar } from "../windows.ts";
import type { Arrivals } from "./arrivals.ts";
import { feedersIn, FLEET, wholeMembers } from "./members.ts";

/** What is computed for every window. */
export interface ScheduledCircuit {
  readonly circuit: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly series: readonly string[];
  /** Over each feeder, over all of them together, or both. */
  readonly over: readonly ("feeder" | "fleet")[];
}

export interface ScheduleOptions {
  readonly roll: Roll;
  readonly jobs: JobStore;
  readonly arrivals: Arrivals;
  readonly calendar: WindowCalendar;
  readonly circuits: readonly ScheduledCircuit[];
  /** Slots after the end of a window in which missing ciphertexts are waited for. */
  readonly graceSlots: number;
  /** Fewer inputs are never opened: no job is made for them. */
  readonly minMeters: number;
  /** Unix seconds; 0 or less while a simulation has not told the time. */
  readonly now: () => number;
}

export class Schedule {
  readonly #options: ScheduleOptions;
  /** Windows with nothing left to schedule, by first slot. */
  readonly #settled = new Set<number>();

  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  /** Adds the jobs that are due; returns their numbers. */
  poll(): number[] {
    const { arrivals, now, calendar } = this.#options;
    const time = now();
    const current = time / calendar.slotSeconds;
    const added: number[] = [];
    for (const firstSlot of arrivals.windows()) {
      if (this.#settled.has(firstSlot)) continue;
      const window = calendar.startingAt(firstSlot);
      if (window === undefined || current < firstSlot + window.slots) continue;
      const overdue = current >= firstSlot + window.slots + this.#options.graceSlots;
      let open = false;
      for (const { label, feeders, over } of this.#groups(window)) {
        const members = wholeMembers(this.#options.roll, feeders, window);
        for (const scheduled of this.#options.circuits) {
          if (!scheduled.over.includes(over)) continue;
          const sent = members.filter((meter) =>
            scheduled.series.every((name) => arrivals.has(meter, name, firstSlot)),
          );
          if (sent.length < members.length && !overdue) open = true;
          else if (sent.length >= this.#options.minMeters) {
            const number = this.#add(scheduled, label, feeders, window, time);
            if (number !== undefined) added.push(number);
          } else if (sent.length > 0 && !overdue) open = true;
        }
      }
      if (!open && overdue) this.#settled.add(firstSlot);
    }
    return added;
  }

  /** A window has a new ciphertext: groups that had too few inputs may have enough now. */
  touch(firstSlot: number): void {
    this.#settled.delete(firstSlot);
  }

  #groups(window: { firstSlot: number; slots: number }): {
    label: string;
    feeders: string[];
    over: "feeder" | "fleet";
  }[] {
    const feeders = feedersIn(this.#options.roll, window);
    return [
      ...feeders.map((feeder) => ({ label: feeder, feeders: [feeder], over: "feeder" as const })),
      ...(feeders.length === 0 ? [] : [{ label: FLEET, feeders, over: "fleet" as const }]),
    ];
  }

  #add(
    { circuit, parameters, series }: ScheduledCircuit,
    label: string,
    feeders: readonly string[],
    { firstSlot, slots }: { firstSlot: number; slots: number },
    now: number,
  ): number | undefined {
    const key = [circuit, JSON.stringify(parameters), series.join(","), label, firstSlot].join(" ");
    const order = { request: "schedule", key, circuit, parameters, label, feeders, series, firstSlot, slots };
    return this.#options.jobs.add(order, "queued", now);
  }
}
