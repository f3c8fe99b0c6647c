/** Slots as people read them: the local time at which one begins, and which time a list goes by. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DateTime } from "luxon";
import { z } from "zod";
import type { Config } from "../schema.ts";

export interface SlotTimes {
  readonly slotSeconds: number;
  readonly timezone: string;
}

/** `2025-01-16 13:15`, in local time. */
function localTime(slot: number, { slotSeconds, timezone }: SlotTimes): string {
  return DateTime.fromSeconds(slot * slotSeconds, { zone: timezone }).toFormat("yyyy-MM-dd HH:mm");
}

/** `2025-01-16 13:15 (slot 1930033)`. */
export function slotText(slot: number, times: SlotTimes): string {
  return `${localTime(slot, times)} (slot ${slot})`;
}

/**
 * How far simulated time has come in a data folder, in Unix seconds: what the last simulator noted, or the end of the
 * days that a fleet has run. Undefined where nothing has run yet.
 */
export function simulatedTime({ paths, system }: Pick<Config, "paths" | "system">): number | undefined {
  const folder = join(paths.data, "fleet");
  const clock = readIfThere(join(folder, "clock.json"), z.object({ time: z.number() }));
  const history = readIfThere(join(folder, "history.json"), z.object({ nextDate: z.iso.date() }));
  const ended = history && DateTime.fromISO(history.nextDate, { zone: system.timezone }).toSeconds();
  const known = [clock?.time, ended].filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** What is missing, or cannot be understood, tells no time. */
function readIfThere<T>(file: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (missing || error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}
