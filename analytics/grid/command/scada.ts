/** `grid scada CASE`: a simulated stream of scans as CSV, and beside it what was put into it. */
import { closeSync, openSync, writeSync } from "node:fs";
import { EXIT, type RoleContext, UsageError } from "../../../config/runtime/role-command.ts";
import { createProgress } from "../../../config/runtime/terminal.ts";
import { CSV_HEADER, csvOf, EVENT_TYPES, type EventType, SimulatedScada } from "../index.ts";
import { countOf, gridNamed, numberOf } from "./request.ts";

const TRUTH_HEADER = "time,what,kind,element\n";

export function runScada({ options, json, signal }: RoleContext, [name]: readonly string[]): number {
  const grid = gridNamed(name);
  const scans = countOf(options, "scans", 96);
  const out = options["out"] as string | undefined;
  const truth = options["truth"] as string | undefined;
  if (json && out === undefined) throw new UsageError("--json: tells what was written; say where with --out");
  const seed = numberOf(options, "seed", 1);
  const scada = new SimulatedScada({
    ...{ grid, seed, eventTypes: eventsOf(options["events"] as string | undefined) },
    intervalSeconds: numberOf(options, "interval", 900),
    ambientC: numberOf(options, "ambient", 20),
    badRate: numberOf(options, "bad-rate", 0),
    lostRate: numberOf(options, "lost-rate", 0),
    eventRate: numberOf(options, "event-rate", options["events"] === undefined ? 0 : 0.05),
  });
  const counts = { scans: 0, samples: 0, wrong: 0, lost: 0, events: {} as Record<string, number> };
  const csv = out === undefined ? 1 : openSync(out, "w");
  const told = truth === undefined ? undefined : openSync(truth, "w");
  const bar = createProgress({ label: "scans", total: scans, silent: json || out === undefined });
  try {
    writeSync(csv, CSV_HEADER);
    if (told !== undefined) writeSync(told, TRUTH_HEADER);
    const seen = new Set<unknown>();
    for (; counts.scans < scans && !signal.aborted; counts.scans++) {
      const { scan, truth: really } = scada.next();
      writeSync(csv, csvOf(grid, scan));
      counts.samples += scan.samples.length;
      counts.wrong += really.wrong.length;
      counts.lost += really.lost.length;
      for (const event of really.events) {
        if (seen.has(event)) continue;
        seen.add(event);
        counts.events[event.type] = (counts.events[event.type] ?? 0) + 1;
      }
      const rows = [
        ...really.events.map(({ type, element }) => ["event", type, element ?? ""]),
        ...really.wrong.map(({ kind, element }) => ["wrong", kind, element]),
        ...really.lost.map(({ kind, element }) => ["lost", kind, element]),
      ];
      if (told !== undefined) writeSync(told, rows.map((row) => `${[scan.time, ...row].join()}\n`).join(""));
      bar.update(counts.scans + 1);
    }
  } finally {
    bar.stop();
    if (out !== undefined) closeSync(csv);
    if (told !== undefined) closeSync(told);
  }
  if (json)
    process.stdout.write(`${JSON.stringify({ grid: grid.name, seed, file: out, simulated: true, ...counts })}\n`);
  return signal.aborted ? EXIT.interrupted : EXIT.ok;
}

function eventsOf(text: string | undefined): readonly EventType[] {
  if (text === undefined) return [];
  return text.split(",").map((word) => {
    const type = EVENT_TYPES.find((one) => one === word.trim());
    if (type === undefined) throw new UsageError(`--events: expected some of ${EVENT_TYPES.join(",")}, got ${text}`);
    return type;
  });
}
