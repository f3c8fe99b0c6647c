/** Which meters to enrol: numbered ones spread over feeders, or those of a CSV file. */
import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { EnrolmentError } from "./files.ts";
import type { MeterPlace } from "./new-meters.ts";

/**
 * `m-001` to `m-<count>`, in turn on `f-1` to `f-<feeders>`. Names have at least three digits; where numbered meters
 * exist already, their number of digits is kept, so that a larger count adds meters and renames none.
 */
export function meterList(count: number, feeders: number, existing: readonly string[] = []): MeterPlace[] {
  const known = existing.map((meter) => /^m-(\d+)$/.exec(meter)?.[1]?.length ?? 0);
  const width = Math.max(0, ...known) || Math.max(3, String(count).length);
  return Array.from({ length: count }, (_, i) => ({
    meter: `m-${String(i + 1).padStart(width, "0")}`,
    feeder: `f-${(i % feeders) + 1}`,
  }));
}

/** Reads `meter,feeder` lines with that header. Throws EnrolmentError naming the file and the fault. */
export function readMeterFile(path: string): MeterPlace[] {
  let rows: Record<string, string>[];
  try {
    rows = parse(readFileSync(path), { columns: true, trim: true, skip_empty_lines: true, bom: true });
  } catch (cause) {
    throw new EnrolmentError(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  return rows.map(({ meter, feeder }, i) => {
    if (meter === undefined || feeder === undefined) {
      throw new EnrolmentError(`${path}: row ${i + 1} lacks the columns meter and feeder`);
    }
    return { meter, feeder };
  });
}
