/**
 * What became of the readings of a run, from what the meters' outboxes remember before and after it: reasons and
 * numbers, no readings. A reading that several aggregators refuse counts once.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { RollBook } from "../../config/enrolment/roll-book.ts";
import { openParty } from "../../config/keys/index.ts";
import { openDatabase } from "../../config/runtime/database.ts";

/** Cells are `meter/kind/slot`. */
interface Ledger {
  /** Readings that were taken and not settled: the next run sends them. */
  readonly carried: ReadonlySet<string>;
  /** Why a cell is a gap. */
  readonly gaps: ReadonlyMap<string, string>;
}

interface Losses {
  /** Readings that were taken and are in no total. */
  readonly lost: Readonly<Record<string, number>>;
  /** Cells for which there never was a reading. */
  readonly missing: Readonly<Record<string, number>>;
}

/** Codes of gaps in which a reading was lost; the others come from the register. */
const LOST = new Set(["closed", "conflict", "outbox-full"]);
/** A reading takes so many bytes of a run. */
const READING_BYTES = 8;

/** Reads the outboxes as far as they are about these meters. */
export function readLedger(outboxes: readonly string[], meters: ReadonlySet<string>): Ledger {
  const carried = new Set<string>();
  const gaps = new Map<string, string>();
  for (const file of outboxes) {
    if (!existsSync(file)) continue;
    const database = openDatabase(file, { synchronous: "NORMAL", readonly: true });
    try {
      // As an agent takes them up again: whole runs with a slot that is not settled.
      const runs = database
        .prepare<[], { meter: string; kind: number; first: number; count: number }>(
          `SELECT meters.meter, kind, first_slot AS first, length(readings) / ${READING_BYTES} AS count
           FROM runs JOIN meters ON runs.meter = meters.number
           WHERE first_slot + length(readings) / ${READING_BYTES} - 1 > settled_slot`,
        )
        .all();
      for (const { meter, kind, first, count } of runs) {
        if (!meters.has(meter)) continue;
        for (let slot = first; slot < first + count; slot++) carried.add(`${meter}/${kind}/${slot}`);
      }
      const rows = database
        .prepare<[], { meter: string; kind: number; first: number; end: number; reason: string }>(
          `SELECT meters.meter, kind, from_slot AS first, to_slot AS end, reason
           FROM gaps JOIN meters ON gaps.meter = meters.number`,
        )
        .all();
      for (const { meter, kind, first, end, reason } of rows) {
        if (!meters.has(meter)) continue;
        const [code = reason] = reason.split(":");
        for (let slot = first; slot < end; slot++) {
          const cell = `${meter}/${kind}/${slot}`;
          if (!gaps.has(cell)) gaps.set(cell, code);
        }
      }
    } finally {
      database.close();
    }
  }
  return { carried, gaps };
}

/**
 * What a run lost. `firstSlot` tells since when a meter is enrolled, where that is known: what was refused of the time
 * before is counted as `not-yet-enrolled`.
 */
export function lossesBetween(before: Ledger, after: Ledger, firstSlot: (meter: string) => number | undefined): Losses {
  const lost: Record<string, number> = {};
  const missing: Record<string, number> = {};
  for (const [cell, code] of after.gaps) {
    if (before.gaps.has(cell) && !before.carried.has(cell)) continue;
    const [meter = "", , slot] = cell.split("/");
    const early = code === "closed" && Number(slot) < (firstSlot(meter) ?? 0);
    const counts = LOST.has(code) ? lost : missing;
    const name = early ? "not-yet-enrolled" : code;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return { lost, missing };
}

/** Since which slot a meter is enrolled, where the authority's list is on this machine. */
export function enrolledSince(data: string): (meter: string) => number | undefined {
  const folder = join(data, "keys", "authority");
  if (!existsSync(folder)) return () => undefined;
  const book = new RollBook(openParty(folder));
  return (meter) => book.wholeRecord(meter)?.places[0]?.from;
}
