/**
 * A lock between processes, as a file. The kernel holds it for the process: it ends with the process, however that ends,
 * so a lock that is left over blocks nobody.
 */
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { makeFolder } from "../../config/runtime/folders.ts";

/** Another process holds the lock. */
export class LockHeldError extends Error {
  /** Process id of the holder. */
  readonly pid: number;

  constructor(file: string, pid: number) {
    super(`${file} is held by process ${pid}`);
    this.name = "LockHeldError";
    this.pid = pid;
  }
}

export interface FolderLock {
  release(): void;
}

/** How long a reader waits for the moment in which a new holder writes its name. */
const READ_MILLISECONDS = 500;

/** Takes the lock, waiting for it so long (this blocks the process). Throws LockHeldError. */
export function takeLock(file: string, waitMilliseconds = 0): FolderLock {
  makeFolder(dirname(file), { mode: 0o700 });
  const database = new Database(file, { timeout: waitMilliseconds });
  try {
    database.pragma("synchronous = OFF"); // after a power cut nobody holds it
    // Committed first, so that others can read it; a transaction that writes nothing then holds the lock.
    database.exec(`BEGIN IMMEDIATE; PRAGMA user_version = ${process.pid}; COMMIT; BEGIN IMMEDIATE`);
  } catch (error) {
    database.close();
    if ((error as { code?: unknown }).code !== "SQLITE_BUSY") throw error;
    throw new LockHeldError(file, holderOf(file));
  }
  return { release: () => database.close() };
}

/** Does another process (or another part of this one) hold the lock just now? */
export function isLocked(file: string): boolean {
  makeFolder(dirname(file), { mode: 0o700 });
  const database = new Database(file, { timeout: 0 });
  try {
    database.exec("BEGIN IMMEDIATE");
    return false;
  } catch (error) {
    if ((error as { code?: unknown }).code !== "SQLITE_BUSY") throw error;
    return true;
  } finally {
    database.close();
  }
}

function holderOf(file: string): number {
  const database = new Database(file, { readonly: true, timeout: READ_MILLISECONDS });
  try {
    return Number(database.pragma("user_version", { simple: true }));
  } finally {
    database.close();
  }
}
