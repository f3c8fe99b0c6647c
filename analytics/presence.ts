/**
 * What the running role leaves in its database for the command line: that it runs, in what slots and days it counts, and which feeders there are. The
 * command line opens no keys.
 */
import type { SqlDatabase } from "../config/runtime/sql.ts";
import { guardStorage } from "../config/runtime/database.ts";
import type { Roll } from "../protocol/membership.ts";

const PID = "pid";
const FEEDERS = "feeders";
const CLOCK = "clock";

/** In what a system counts, whatever the configuration of a command says. */
export interface SystemClock {
  readonly slotSeconds: number;
  /** IANA name: days begin at its midnights. */
  readonly timezone: string;
}

function put(db: SqlDatabase, key: string, value: string): void {
  const sql = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
  guardStorage(db, () => db.prepare(sql).run(key, value));
}

function get(db: SqlDatabase, key: string): string | undefined {
  return db.prepare<[string], { value: string }>("SELECT value FROM meta WHERE key = ?").get(key)?.value;
}

/** `pid` undefined: it has stopped. */
export function notePresence(db: SqlDatabase, pid: number | undefined): void {
  put(db, PID, pid === undefined ? "" : String(pid));
}

/** Is the process that noted itself here still there? On another machine nobody can tell: then it counts as gone. */
export function isPresent(db: SqlDatabase): boolean {
  const pid = Number(get(db, PID) ?? "");
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

export function noteClock(db: SqlDatabase, { slotSeconds, timezone }: SystemClock): void {
  put(db, CLOCK, JSON.stringify({ slotSeconds, timezone }));
}

/** Undefined until the role has run once. */
export function knownClock(db: SqlDatabase): SystemClock | undefined {
  const text = get(db, CLOCK);
  return text === undefined ? undefined : (JSON.parse(text) as SystemClock);
}

export function noteFeeders(db: SqlDatabase, roll: Roll): void {
  put(db, FEEDERS, JSON.stringify(roll.feeders()));
}

/** Sorted; undefined until the role has run once. */
export function knownFeeders(db: SqlDatabase): string[] | undefined {
  const text = get(db, FEEDERS);
  return text === undefined ? undefined : (JSON.parse(text) as string[]);
}
