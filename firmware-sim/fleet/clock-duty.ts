/**
 * Who moves the simulated time of a data folder: one process at a time. A fleet at rest only repeats the last time, and
 * yields to whoever takes the duty.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "../../config/runtime/folders.ts";
import { isLocked, takeLock } from "./folder-lock.ts";

export interface ClockDuty {
  /** Remembers how far time has come, for whoever goes on with it. Unix seconds. */
  note(time: number): void;
  end(): void;
}

/** Longer than a fleet at rest takes to look whether the duty is free. */
const WAIT_MILLISECONDS = 2_000;

const lockOf = (data: string): string => join(data, "fleet", "clock.db");
const timeOf = (data: string): string => join(data, "fleet", "clock.json");

/** Takes the duty. Throws LockHeldError while another process has it. */
export function takeClockDuty(data: string): ClockDuty {
  const lock = takeLock(lockOf(data), WAIT_MILLISECONDS);
  let noted = 0;
  return {
    note: (time) => {
      if (time <= noted) return;
      noted = time;
      makeFolder(join(data, "fleet"));
      writeFileSync(`${timeOf(data)}.next`, JSON.stringify({ time }));
      renameSync(`${timeOf(data)}.next`, timeOf(data));
    },
    end: () => lock.release(),
  };
}

export function isClockTaken(data: string): boolean {
  return isLocked(lockOf(data));
}

/** How far time had come when the duty was last held, or 0. */
export function notedTime(data: string): number {
  try {
    return (JSON.parse(readFileSync(timeOf(data), "utf8")) as { time: number }).time;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}
