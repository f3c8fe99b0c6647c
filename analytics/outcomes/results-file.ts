/** `results/analytics_results.json`: the newest opened results, for people and other programs. Replaced as a whole. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { HeResult } from "../store/result-store.ts";
import type { WindowCalendar } from "../../config/windows.ts";
import { loadShape } from "./derived.ts";

/** Results as they are written and printed with --json: units in the field names where they are fixed. */
export function resultJson(result: HeResult, calendar: WindowCalendar): Record<string, unknown> {
  const { job, number, circuit, label, series, firstSlot, slots, inputs, leftOut, status, values, units } = result;
  const load = values["sum"] ?? values["mean"];
  const shape = load?.length === slots && slots > 1 ? loadShape(load) : undefined;
  return {
    job,
    number,
    circuit,
    group: label,
    ...(leftOut.length === 0 ? {} : { withoutFeeders: leftOut }),
    series,
    window: {
      date: calendar.dateOf(firstSlot),
      firstSlot,
      slots,
      startSeconds: firstSlot * calendar.slotSeconds,
      slotSeconds: calendar.slotSeconds,
    },
    meters: inputs,
    status,
    units,
    errorBounds: result.errorBounds,
    openedBy: result.openedBy,
    openedAt: result.openedAt,
    values,
    ...(shape === undefined
      ? {}
      : {
          derived: {
            total: shape.total,
            peak: shape.peak,
            peakSlotStartSeconds: (firstSlot + shape.peakSlot) * calendar.slotSeconds,
            loadFactor: shape.loadFactor ?? null,
            peakToAverage: shape.peakToAverage ?? null,
          },
        }),
  };
}

export interface ResultsFileContent {
  readonly results: readonly HeResult[];
  readonly jobs: Readonly<Record<string, number>>;
  readonly ciphertexts: { readonly count: number; readonly bytes: number };
}

/** A reader never sees half of it. */
export function writeResultsFile(file: string, content: ResultsFileContent, calendar: WindowCalendar): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const text = {
    time: new Date().toISOString(),
    jobs: content.jobs,
    ciphertexts: content.ciphertexts,
    results: content.results.map((result) => resultJson(result, calendar)),
  };
  writeFileSync(`${file}.next`, `${JSON.stringify(text, null, 2)}\n`);
  renameSync(`${file}.next`, file);
}
