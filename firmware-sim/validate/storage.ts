/** Folders that must be writable, room on the disk, and databases that must open and be whole. */
import { accessSync, constants, existsSync, readdirSync, statfsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { openDatabase } from "../../config/runtime/database.ts";
import { type Finding, findingsOf, messageOf } from "./finding.ts";

const { ok, note, fault } = findingsOf("storage");
const MIB = 1024 * 1024;
/** Below the first a run may end in the middle, below the second a longer one. */
const LEAST_MIB = 200;
const COMFORTABLE_MIB = 2_000;

/** Can this folder be written, or made? `name` is the field of the configuration that names it. */
export function checkFolder(name: string, folder: string): Finding {
  const path = resolve(folder);
  const existing = nearestExisting(path);
  if (!statSync(existing).isDirectory()) return fault(name, `${existing} is no folder`, `set ${name} to another one`);
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
  } catch {
    return fault(name, `${existing} cannot be written by this user`, `change its owner, or set ${name} to another one`);
  }
  return ok(name, existing === path ? `${path} can be written` : `${path} will be made`);
}

function nearestExisting(path: string): string {
  let folder = path;
  while (!existsSync(folder)) folder = dirname(folder);
  return folder;
}

/** `freeMiB` is a parameter for tests. */
export function checkDisk(folder: string, freeMiB: (existing: string) => number = freeOn): Finding {
  const free = Math.floor(freeMiB(nearestExisting(resolve(folder))));
  const detail = `${free.toLocaleString("en")} MiB free`;
  const remedy = "free some, or set paths.data to another disk";
  if (free < LEAST_MIB) return fault("disk space", detail, remedy);
  if (free < COMFORTABLE_MIB) return note("disk space", `${detail}: enough for short runs`, remedy);
  return ok("disk space", detail);
}

function freeOn(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return (bavail * bsize) / MIB;
}

/** Opens every `<data>/<party>/*.db` for reading and has SQLite look through it. */
export function checkDatabases(data: string): Finding[] {
  const files = databasesIn(resolve(data));
  if (files.length === 0) return [ok("databases", "none yet")];
  return files.map((file) => {
    const name = file.slice(resolve(data).length + 1);
    try {
      const database = openDatabase(file, { synchronous: "FULL", readonly: true, busyMilliseconds: 2_000 });
      const answer = String(database.pragma("quick_check(1)", { simple: true }));
      database.close();
      if (answer === "ok") return ok(name, `whole, ${(statSync(file).size / MIB).toFixed(1)} MiB`);
      return fault(name, answer, "put back a backup, or move the file with its -wal and -shm away");
    } catch (error) {
      return fault(name, messageOf(error), "stop whatever uses it; else put back a backup");
    }
  });
}

function databasesIn(data: string): string[] {
  if (!existsSync(data)) return [];
  return readdirSync(data, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "keys")
    .flatMap(({ name }) =>
      readdirSync(join(data, name))
        .filter((file) => file.endsWith(".db"))
        .map((file) => join(data, name, file)),
    )
    .sort();
}
