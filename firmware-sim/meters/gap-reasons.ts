/** Why readings of a run became gaps, from what the meters' outboxes remember: reasons and numbers, no readings. */
import { existsSync } from "node:fs";
import { openDatabase } from "../../config/runtime/database.ts";

interface GapRow {
  readonly meter: number;
  readonly kind: number;
  readonly from_slot: number;
  readonly to_slot: number;
  readonly reason: string;
}

/**
 * Readings of the slots [from, to), by the reason for which they became gaps. A reading that several aggregators refuse
 * for the same reason counts once.
 */
export function gapReasons(outboxes: readonly string[], from: number, to: number): Record<string, number> {
  const readings = new Map<string, Set<string>>();
  for (const [number, file] of outboxes.entries()) {
    if (!existsSync(file)) continue;
    const database = openDatabase(file, { synchronous: "NORMAL", readonly: true });
    try {
      const rows = database
        .prepare<[number, number], GapRow>("SELECT * FROM gaps WHERE to_slot > ? AND from_slot < ?")
        .all(from, to);
      for (const { meter, kind, from_slot: first, to_slot: end, reason } of rows) {
        const code = reason.split(":")[0]!;
        const known = readings.get(code) ?? new Set();
        for (let slot = Math.max(first, from); slot < Math.min(end, to); slot++) {
          known.add(`${number} ${meter} ${kind} ${slot}`);
        }
        readings.set(code, known);
      }
    } finally {
      database.close();
    }
  }
  return Object.fromEntries([...readings].map(([code, { size }]) => [code, size]));
}
