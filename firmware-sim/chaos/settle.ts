/** Waits until the utility has brought everything that a run is due, and its log has been seen by all who must. */
import { join } from "node:path";
import Database from "better-sqlite3";

export interface SettleOptions {
  readonly data: string;
  readonly expected: { readonly bills: number; readonly loads: number };
  /** Witnesses that must have seen the whole log. */
  readonly quorum: number;
  /** Gives up after so long without anything new. */
  readonly patienceMilliseconds: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (there: number, total: number) => void;
}

/** What there is. */
interface There {
  readonly bills: number;
  readonly loads: number;
  /** Rounds that have not come to an end. */
  readonly open: number;
  readonly entries: number;
  /** Entries that all witnesses have seen. */
  readonly seen: number;
}

const POLL_MILLISECONDS = 200;
/** So often nothing may change before it is believed: a bill may be followed by its log entry. */
const QUIET_POLLS = 3;

/** False where it gave up. Database files are read as anyone would, and only counted. */
export async function settled(options: SettleOptions): Promise<boolean> {
  const { expected, patienceMilliseconds, signal, onProgress } = options;
  const total = expected.bills + expected.loads;
  let last = "";
  let changedAt = performance.now();
  let quiet = 0;
  for (;;) {
    const there = count(options);
    onProgress?.(Math.min(total, there.bills + there.loads), total);
    const text = JSON.stringify(there);
    if (text !== last) {
      last = text;
      changedAt = performance.now();
      quiet = 0;
    } else quiet += 1;
    if (isDone(there, options) && quiet >= QUIET_POLLS) return true;
    if (signal.aborted || performance.now() - changedAt > patienceMilliseconds) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}

function isDone({ bills, loads, open, entries, seen }: There, { expected, quorum }: SettleOptions): boolean {
  return bills >= expected.bills && loads >= expected.loads && open === 0 && (quorum === 0 || seen >= entries);
}

const COUNTS = `SELECT
  (SELECT count(*) FROM bills WHERE status = 'final') AS bills,
  (SELECT count(*) FROM feeder_loads WHERE status = 'final') AS loads,
  (SELECT count(*) FROM rounds WHERE status IN ('open', 'waiting')) AS open,
  (SELECT count(*) FROM ledger_entries) AS entries,
  coalesce((SELECT max(size) FROM ledger_checkpoints WHERE cosignatures >= ?), 0) AS seen`;

function count({ data, quorum }: SettleOptions): There {
  let database: Database.Database | undefined;
  try {
    database = new Database(join(data, "utility", "utility.db"), { readonly: true, fileMustExist: true });
    return database.prepare<[number], There>(COUNTS).get(quorum)!;
  } catch (error) {
    // It is being made, or put back after a crash: the next look will tell.
    if (error instanceof Database.SqliteError) return { bills: 0, loads: 0, open: 0, entries: 0, seen: 0 };
    throw error;
  } finally {
    database?.close();
  }
}
