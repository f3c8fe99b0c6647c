/** What a round asks: who is on the feeder, which slots, and how far a bill looks back. Reads the database and the roll. */
import type { Question } from "../../protocol/messages/round.ts";
import type { SlotRange } from "../../protocol/slots.ts";
import { CUSTOMER_KINDS, KINDS } from "../../protocol/units.ts";
import type { Utility } from "../settings.ts";
import { openGapPeriods } from "../store/bills-store.ts";
import { saveLoads, unreleasedRange } from "../store/loads-store.ts";
import { type Queries, releasedSets } from "../store/rounds-store.ts";
import { localDate, type Period, periodOf } from "../../billing/tariffs/index.ts";
import type { Due } from "./agenda.ts";

/** Cells of one load round at most: slots times meters times kinds. */
const MAX_LOAD_CELLS = 2 ** 22;
const MAX_LOAD_SLOTS = 2_976;
/** Earlier periods that one bill looks back on. */
const MAX_LATE_PERIODS = 12;

/** How many slots one load round of a feeder may span. */
export function maxLoadSlots({ roll }: Utility, feeder: string, from: number): number {
  const meters = roll.members(feeder, { from, to: from + MAX_LOAD_SLOTS }).length;
  return Math.max(1, Math.min(MAX_LOAD_SLOTS, Math.floor(MAX_LOAD_CELLS / Math.max(1, 2 * meters))));
}

/** A feeder with fewer than k meters is never asked for loads; its slots say so. */
export async function saveTooFew(db: Queries, utility: Utility, feeder: string, range: SlotRange): Promise<void> {
  const meters = utility.roll.members(feeder, range).length;
  if (meters === 0) return;
  const rows = Array.from({ length: range.to - range.from }, (_, i) => ({
    feeder_id: feeder,
    slot_start: (range.from + i) * utility.slotSeconds,
    energy_wh: null,
    export_wh: null,
    meters,
    status: "too-few-meters",
    spare_answers: null,
    round_id: null,
  }));
  await saveLoads(db, rows);
}

/** The question of what is due, or undefined when there is nobody or nothing to ask. */
export async function questionOf(
  utility: Utility,
  feeder: string,
  due: Due,
  period: Period,
): Promise<Question | undefined> {
  const { roll, minMeters, slotSeconds, db } = utility;
  if (due.kind === "billing") return await billingQuestion(utility, feeder, period);
  let range = due.range;
  if (due.kind === "sweep") {
    const open = await unreleasedRange(db, feeder, range.from * slotSeconds, range.to * slotSeconds);
    if (open === undefined) return undefined;
    range = { from: open.first / slotSeconds, to: open.last / slotSeconds + 1 };
  }
  const meters = roll.members(feeder, range);
  if (meters.length < minMeters) return undefined;
  return { purpose: "load", feeder, meters, segments: [[range.from, range.to]], kinds: [KINDS.import, KINDS.export] };
}

async function billingQuestion(utility: Utility, feeder: string, period: Period): Promise<Question | undefined> {
  const { roll } = utility;
  const late = await latePeriods(utility, feeder, period);
  const segments = [period.slots, ...late.map(({ slots }) => slots)];
  const meters = [...new Set(segments.flatMap((range) => roll.members(feeder, range)))];
  meters.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  if (meters.length === 0) return undefined;
  return {
    purpose: "billing",
    feeder,
    meters,
    segments: segments.map(({ from, to }): [number, number] => [from, to]),
    kinds: [...CUSTOMER_KINDS],
  };
}

/** Earlier periods of the feeder with gaps that may still fill: billed once, and not all beyond the window. */
async function latePeriods(utility: Utility, feeder: string, period: Period): Promise<Period[]> {
  const { db, slotSeconds, timezone, windowSlots } = utility;
  const rows = await openGapPeriods(db, feeder, period.from);
  if (rows.length === 0) return [];
  const bills = await releasedSets(db, "billing", feeder, { from: 0, to: period.slots.from }, slotSeconds);
  const billed = new Set(bills.map(({ segments }) => segments[0]?.[0]));
  return rows
    .map((row) => periodOf(localDate(row.period_start), localDate(row.period_end), { timezone, slotSeconds }))
    .filter(({ slots }) => billed.has(slots.from) && slots.to + windowSlots >= period.slots.from)
    .slice(0, MAX_LATE_PERIODS);
}
