/** Writes what a load round found: a row for each slot of the feeder, released or with the reason why not. */
import { countMembers, hasMember } from "../../protocol/bitmap.ts";
import { loadEntries } from "../ledger/entries.ts";
import type { NewEntry } from "../ledger/ledger.ts";
import type { RoundRecord } from "../rounds/record.ts";
import type { RoundOutcome } from "../rounds/round-ports.ts";
import { unitCount } from "../rounds/shape.ts";
import { type LoadRow, saveLoads } from "../store/loads-store.ts";
import type { Queries } from "../store/rounds-store.ts";
import { exactNumber } from "../store/tables.ts";

/** The rows of a settled load round. */
function loadRows(record: RoundRecord, outcome: RoundOutcome, slotSeconds: number): LoadRow[] {
  const { question } = record;
  const [from, to] = question.segments[0] ?? [0, 0];
  const kinds = question.kinds.length;
  const refused = new Map(record.excluded.flatMap(({ units, code }) => units.map((unit) => [unit, code] as const)));
  const waiting = new Map(record.held.map(({ unit, cells }) => [unit, countMembers(cells)]));
  return Array.from({ length: to - from }, (_, index): LoadRow => {
    const importUnit = index * kinds;
    const value = (unit: number): bigint | undefined => {
      const { collected, content } = outcome;
      if (collected === undefined || unit >= unitCount(question)) return undefined;
      if (countMembers(content?.units[unit]?.[0] ?? new Uint8Array(0)) === 0) return undefined;
      return hasMember(collected.have, unit) ? collected.values[unit] : undefined;
    };
    const energy = value(importUnit);
    const exported = kinds > 1 ? value(importUnit + 1) : undefined;
    const inSet = countMembers(outcome.content?.units[importUnit]?.[0] ?? new Uint8Array(0));
    const failed = record.state === "failed" && inSet > 0;
    const withheld = outcome.collected?.implausible.includes(importUnit) === true ? "implausible-total" : undefined;
    return {
      feeder_id: question.feeder,
      slot_start: (from + index) * slotSeconds,
      energy_wh: energy === undefined ? null : exactNumber("load", energy),
      export_wh: exported === undefined ? null : exactNumber("export", exported),
      meters: inSet > 0 ? inSet : (waiting.get(importUnit) ?? 0),
      status:
        energy !== undefined
          ? "final"
          : failed
            ? record.status
            : (withheld ?? refused.get(importUnit) ?? "too-few-meters"),
      spare_answers: energy === undefined ? null : (outcome.collected?.spare[importUnit] ?? 0),
      round_id: record.id,
    };
  });
}

/** In the caller's transaction, in which what it returns is to be logged. */
export async function writeLoads(
  db: Queries,
  record: RoundRecord,
  outcome: RoundOutcome,
  slotSeconds: number,
): Promise<NewEntry[]> {
  const rows = loadRows(record, outcome, slotSeconds);
  await saveLoads(db, rows);
  const released = rows.flatMap(({ slot_start, energy_wh, export_wh, meters, status }) =>
    status === "final" && energy_wh !== null ? [[slot_start, energy_wh, export_wh, meters] as const] : [],
  );
  return loadEntries(record, released);
}
