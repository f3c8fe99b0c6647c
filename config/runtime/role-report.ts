/**
 * What a role tells whoever started it: that it is ready, and figures about itself.
 * Ready goes over the parent's IPC channel where there is one; figures are a small file that is replaced as a whole.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder } from "./folders.ts";
import { observation, type RoleStats } from "./observation.ts";

export interface ReadyMessage {
  readonly type: "ready";
  readonly details: Readonly<Record<string, unknown>>;
}

/** Says once that the role accepts work; `details` are for example the ports it listens on. */
export function announceReady(details: Readonly<Record<string, unknown>> = {}): void {
  observation.noteReady();
  const message: ReadyMessage = { type: "ready", details };
  if (process.send === undefined) return;
  process.send(message);
  // Whoever started this role is gone: nobody would ever stop it.
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
}

/** Where a role in a data folder keeps its figures. */
function statsPath(data: string, party: string): string {
  return join(data, party, "stats.json");
}

/** Replaces the figures of a role; a reader never sees half a file. */
export function writeStats(data: string, party: string, stats: RoleStats): void {
  observation.noteStats(stats);
  const path = statsPath(data, party);
  makeFolder(dirname(path));
  writeFileSync(`${path}.next`, `${JSON.stringify(stats, null, 2)}\n`);
  renameSync(`${path}.next`, path);
}

/** The last figures of a role, or undefined if it has not written any. */
export function readStats(data: string, party: string): RoleStats | undefined {
  try {
    return JSON.parse(readFileSync(statsPath(data, party), "utf8")) as RoleStats;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
