/** Feeder loads against the truth: in the table, in the log, and in what strangers heard. */
import type { Database } from "better-sqlite3";
import { feederLoad } from "../../../protocol/messages/public.ts";
import type { Observed } from "../observer.ts";
import { Findings } from "./report.ts";
import type { TrueLoad, Truth } from "./truth.ts";

interface LoadRow {
  readonly feeder_id: string;
  readonly slot_start: number;
  readonly energy_wh: number | null;
  readonly export_wh: number | null;
  readonly meters: number;
  readonly status: string;
}

/** What somebody says of a feeder and slot. */
export interface SaidLoad {
  readonly energyWh: number | null;
  readonly exportWh: number | null;
  readonly meters: number;
}

export interface LoadsInput {
  readonly utility: Database;
  readonly truth: Truth;
  readonly minMeters: number;
  readonly observed: readonly Observed[];
}

export function checkLoads({ utility, truth, minMeters, observed }: LoadsInput): Findings[] {
  const found = new Findings("loads", "each feeder has one final load a slot, and it is the sum of what was fed");
  const rows = utility.prepare<[], LoadRow>("SELECT * FROM feeder_loads").all();
  const byKey = new Map(rows.map((row) => [`${row.feeder_id}/${row.slot_start}`, row]));
  for (const [key, due] of truth.loads) {
    const row = byKey.get(key);
    byKey.delete(key);
    const isLarge = due.meters >= minMeters;
    const fault =
      row === undefined
        ? "it is missing"
        : isLarge && row.status !== "final"
          ? `it is ${row.status}`
          : loadFault({ energyWh: row.energy_wh, exportWh: row.export_wh, meters: row.meters }, due, minMeters);
    found.look(fault === undefined, () => `load of ${key}: ${fault ?? ""}`);
  }
  // Slots behind the last reading are asked for, too; nobody measured there.
  for (const [key, row] of byKey) if (row.status === "final") found.add(`load of ${key}: nothing was fed for it`);
  return [found, checkHeard(observed, truth, minMeters)];
}

/** What is wrong with a load, or undefined. */
export function loadFault(said: SaidLoad, due: TrueLoad, minMeters: number): string | undefined {
  if (due.meters < minMeters) return said.energyWh === null ? undefined : "it has too few meters to be released";
  if (said.energyWh !== due.importWh) return `it is ${String(said.energyWh)} Wh, fed were ${due.importWh} Wh`;
  if (said.meters !== due.meters) return `it is of ${said.meters} meters, ${due.meters} were fed`;
  // Who has never exported may be counted among those who could.
  const mayLack = due.exporting < minMeters;
  if (said.exportWh === null ? mayLack : said.exportWh === due.exportWh) return undefined;
  return `its export is ${String(said.exportWh)} Wh, fed were ${due.exportWh} Wh`;
}

function checkHeard(observed: readonly Observed[], truth: Truth, minMeters: number): Findings {
  const found = new Findings("published", "every load that a stranger heard is the sum of what was fed");
  for (const { topic, payload } of observed) {
    if (!topic.endsWith("/load")) continue;
    const parsed = feederLoad.safeParse(jsonOf(payload));
    if (!parsed.success) {
      found.add(`${topic}: ${payload.slice(0, 200)} is no load`);
      continue;
    }
    const { feederId, slotStart, ...said } = parsed.data;
    const key = `${feederId}/${slotStart}`;
    const due = truth.loads.get(key);
    const fault = due === undefined ? "nothing was fed for it" : loadFault(said, due, minMeters);
    found.look(fault === undefined, () => `published load of ${key}: ${fault ?? ""}`);
  }
  return found;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
