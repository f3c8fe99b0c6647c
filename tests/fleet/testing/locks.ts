/** Locks on databases of a running system, held by this process, as a backup or a person with a shell would hold them. */
import Database from "better-sqlite3";

export interface HeldLock {
  /** Another process may write again. May be called twice. */
  release(): void;
}

/** Waits for whoever writes just now; when it returns the lock is held. Throws SqliteError after two seconds. */
export function holdLock(file: string): HeldLock {
  const database = new Database(file, { fileMustExist: true, timeout: 2_000 });
  database.exec("BEGIN EXCLUSIVE");
  return {
    release: () => {
      if (!database.open) return;
      database.exec("COMMIT");
      database.close();
    },
  };
}
