/** One fleet at a time in a data folder: a second one would overwrite the first one's ports and keys. */
import { join } from "node:path";
import { UsageError } from "../../config/runtime/role-command.ts";
import { type FolderLock, LockHeldError, takeLock } from "./folder-lock.ts";

/** File name inside `<data>/fleet`; `--fresh` leaves it alone. */
export const LOCK_FILE = "lock.db";

/** Throws UsageError that names the process which has the folder. */
export function lockFleet(data: string): FolderLock {
  try {
    return takeLock(join(data, "fleet", LOCK_FILE));
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
    throw new UsageError(
      `${data} is in use by a running fleet (pid ${error.pid}): wait until it ends, stop it, or use another --data folder`,
    );
  }
}
