/** Folders that must be writable, room on the disk, and databases that must open and be whole. */
import { accessSync, constants, type Dirent, existsSync, readdirSync, statfsSync, statSync } from "node:fs";
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

type List = (folder: string) => Dirent[];

const listFolder: List = (folder) => readdirSync(folder, { withFileTypes: true });

/** Opens every `<data>/<party>/*.db` for reading and has SQLite look through it. `list` is a parameter for tests. */
export function checkDatabases(data: string, list: List = listFolder): Finding[] {
  const { files, closed } = databasesIn(resolve(data), list);
  if (files.length === 0 && closed.length === 0) return [ok("databases", "none yet")];
  const unread = closed.map(({ folder, reason }) =>
    fault("databases", `${folder} cannot be read by this user (${reason})`, "run this as the user who runs the system"),
  );
  const looked = files.map((file) => {
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
  return [...unread, ...looked];
}

interface Databases {
  readonly files: string[];
  readonly closed: { readonly folder: string; readonly reason: string }[];
}

function databasesIn(data: string, list: List): Databases {
  const found: Databases = { files: [], closed: [] };
  const entries = (folder: string): Dirent[] => {
    try {
      return list(folder);
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? messageOf(error);
      if (reason !== "ENOENT") found.closed.push({ folder, reason });
      return [];
    }
  };
  for (const entry of entries(data)) {
    if (!entry.isDirectory() || entry.name === "keys") continue;
    const names = entries(join(data, entry.name)).map(({ name }) => name);
    found.files.push(...names.filter((name) => name.endsWith(".db")).map((name) => join(data, entry.name, name)));
  }
  found.files.sort();
  return found;
}
