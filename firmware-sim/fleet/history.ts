/** Where an earlier run in a data folder ended: `fleet/history.json`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FleetHistory } from "./fleet-plan.ts";

/** Undefined where no run has ended in this folder. */
export function readHistory(data: string): FleetHistory | undefined {
  try {
    return JSON.parse(readFileSync(join(data, "fleet", "history.json"), "utf8")) as FleetHistory;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
