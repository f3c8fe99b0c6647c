/** How far the meters of a data folder have read, by their outboxes. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../config/runtime/database.ts";
import type { FleetPlan } from "./fleet-plan.ts";

const READING_BYTES = 8;

/** The slot after the last one that any meter of this folder has read, or 0. */
export function fedUntil(data: string): number {
  return Math.max(0, ...lastSlots(data).values());
}

/** Has every meter of the plan read everything that the plan has for it? */
export function isAllFed(data: string, { source, range }: Pick<FleetPlan, "source" | "range">): boolean {
  const fed = lastSlots(data);
  return source.meters.every(({ id }, index) => {
    const until = Math.max(fed.get(id) ?? 0, range.from);
    for (let slot = range.to - 1; slot >= until; slot--) if (source.read(index, slot) !== undefined) return false;
    return true;
  });
}

/** By meter: the slot after the last one that it has read. */
function lastSlots(data: string): Map<string, number> {
  const last = new Map<string, number>();
  if (!existsSync(data)) return last;
  for (const name of readdirSync(data).filter((folder) => /^meters(-\d+)?$/.test(folder))) {
    const outbox = join(data, name, "outbox.db");
    if (!existsSync(outbox)) continue;
    // With another number of hosts a meter may have been in another outbox before.
    for (const { meter, slot } of slotsIn(outbox)) last.set(meter, Math.max(slot, last.get(meter) ?? 0));
  }
  return last;
}

function slotsIn(outbox: string): { meter: string; slot: number }[] {
  const database = openDatabase(outbox, { synchronous: "NORMAL", readonly: true });
  try {
    return database
      .prepare<[], { meter: string; slot: number }>(
        `SELECT meters.meter, max(first_slot + length(readings) / ${READING_BYTES}) AS slot
         FROM runs JOIN meters ON meters.number = runs.meter GROUP BY runs.meter`,
      )
      .all();
  } catch (error) {
    // It was killed before it made its tables.
    if (error instanceof Error && error.message.includes("no such table")) return [];
    throw error;
  } finally {
    database.close();
  }
}
