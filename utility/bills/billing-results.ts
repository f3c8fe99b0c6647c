/**
 * Writes what a billing round found, in the caller's transaction: released totals, gaps, and the bills of those meters
 * whose feeders of the period have all been asked. What it returns is to be logged in the same transaction.
 */
import { countMembers, hasMember } from "../../protocol/bitmap.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import { CUSTOMER_KINDS, isLoadKind, KINDS, kindName } from "../../protocol/units.ts";
import type { Collected } from "../collector/collect.ts";
import { totalsEntry } from "../ledger/entries.ts";
import type { NewEntry } from "../ledger/ledger.ts";
import { ONES } from "../rounds/billing-facts.ts";
import type { RoundRecord } from "../rounds/record.ts";
import type { RoundOutcome } from "../rounds/round-ports.ts";
import { billingOutputs, billingUnit } from "../rounds/shape.ts";
import { periodOfSegment, type Utility } from "../settings.ts";
import { deleteGaps, insertGaps, insertTotals } from "../store/bills-store.ts";
import type { Queries } from "../store/rounds-store.ts";
import { exactNumber, type GapsTable, type RangeProof, type ReleasedTotalsTable } from "../store/tables.ts";
import type { Period } from "../../billing/tariffs/index.ts";
import { expectedSlots, gapRanges } from "./gaps.ts";
import { issueBills } from "./issue.ts";

const NOTHING = new Uint8Array(0);

export async function writeBilling(
  db: Queries,
  utility: Utility,
  record: RoundRecord,
  outcome: RoundOutcome,
): Promise<NewEntry[]> {
  const { question } = record;
  const periods = question.segments.map((segment) => periodOfSegment(utility, segment));
  const own = periods[0];
  if (own === undefined) throw new Error(`round ${record.id} has no period`);
  const { content, collected } = outcome;
  const entries: NewEntry[] = [];
  const spoilt = spoiltMeters(content, collected);
  if (content !== undefined && collected !== undefined) {
    const rows = totalsRows(record, content, collected, periods).filter(({ meter_id }) => !spoilt.has(meter_id));
    await insertTotals(db, rows);
    entries.push(totalsEntry(record, content, rows));
    await fillLateGaps(db, utility, record, { content, periods, spoilt });
  }
  if (record.state === "finished") await insertGaps(db, ownGaps(utility, record, { content, own, spoilt }));
  const settled = { status: record.state === "failed" ? record.status : "final", round_id: record.id };
  await db
    .insertInto("feeder_periods")
    .values({ feeder_id: question.feeder, period_start: own.from, period_end: own.to, ...settled })
    .onConflict((conflict) => conflict.columns(["feeder_id", "period_start", "period_end"]).doUpdateSet(settled))
    .execute();
  entries.push(...(await issueBills(db, utility, question.meters, own)));
  return entries;
}

/** Meters of which any total cannot be: nothing of them is billed, whoever was wrong. */
function spoiltMeters(content: SetContent | undefined, collected: Collected | undefined): ReadonlySet<string> {
  if (content === undefined || collected === undefined || collected.implausible.length === 0) return new Set();
  const outputs = billingOutputs(content);
  return new Set(collected.implausible.map((output) => content.meters[outputs[output]!.meter]!));
}

/** `row/2` is a sum of its own for the second earlier period; a plain name belongs to the bill's own period. */
function sourceOf(name: string): { row: string; source: number } {
  const [row = "", source = "0"] = name.split("/");
  return { row, source: Number(source) };
}

function totalsRows(
  record: RoundRecord,
  content: SetContent,
  collected: Collected,
  periods: readonly Period[],
): ReleasedTotalsTable[] {
  const own = periods[0];
  const rows: ReleasedTotalsTable[] = [];
  billingOutputs(content).forEach(({ meter, scheme, band: b }, output) => {
    const band = content.schemes[scheme]?.bands[b];
    if (band === undefined || own === undefined || !hasMember(collected.have, output)) return;
    const cells = cellsOf(content, meter, band.kind, band.masks);
    if (cells === 0) return;
    const { row, source } = sourceOf(band.name);
    const from = periods[source] ?? own;
    rows.push({
      round_id: record.id,
      meter_id: content.meters[meter] ?? "",
      feeder_id: content.feeder,
      period_start: own.from,
      period_end: own.to,
      source_start: from.from,
      source_end: from.to,
      row,
      kind: kindName(band.kind),
      cells,
      energy_wh: exactNumber(row, collected.values[output] ?? 0n),
      spare_answers: collected.spare[output] ?? 0,
      range_proof: rangeProofOf(record, content, meter, band.kind),
    });
  });
  return rows;
}

/** What is shared as a whole is not proved, where the round's other kinds are shared by bits. */
function rangeProofOf(
  { tested }: RoundRecord,
  { kinds, bits }: SetContent,
  meter: number,
  kind: number,
): RangeProof | null {
  if (bits === undefined) return null;
  const isByBits = (bits[kinds.indexOf(kind)] ?? 0) > 0;
  return isByBits && tested?.proof !== undefined && hasMember(tested.proof.proved, meter) ? "proved" : "unproved";
}

function cellsOf(content: SetContent, meter: number, kind: number, masks: readonly Uint8Array[]): number {
  const k = content.kinds.indexOf(kind);
  let count = 0;
  content.segments.forEach((_, segment) => {
    const unit = content.units[billingUnit(content, segment, meter, k)]?.[0] ?? NOTHING;
    const mask = masks[segment] ?? NOTHING;
    for (let i = 0; i < unit.length; i++) count += ONES[(unit[i] ?? 0) & (mask[i] ?? 0)] ?? 0;
  });
  return count;
}

function unionOf(parts: readonly { readonly cells: Uint8Array }[], bytes: number): Uint8Array {
  const all = new Uint8Array(bytes);
  for (const { cells } of parts) cells.forEach((byte, i) => (all[i] = (all[i] ?? 0) | byte));
  return all;
}

/** What the bill's own period lacks. Export is expected only of meters that have some. */
function ownGaps(
  utility: Utility,
  record: RoundRecord,
  {
    content,
    own,
    spoilt,
  }: { readonly content: SetContent | undefined; readonly own: Period; readonly spoilt: ReadonlySet<string> },
): GapsTable[] {
  const { question } = record;
  const rows: GapsTable[] = [];
  const held = new Map<number, { cells: Uint8Array; reason: string }[]>();
  for (const entry of record.held) held.set(entry.unit, [...(held.get(entry.unit) ?? []), entry]);
  question.meters.forEach((meter, m) => {
    const place = utility.roll.record(meter);
    if (place === undefined) return;
    const expected = expectedSlots(place, question.feeder, own.slots, utility.origin);
    if (countMembers(expected) === 0) return;
    for (const kind of CUSTOMER_KINDS) {
      const unit = billingUnit(question, 0, m, question.kinds.indexOf(kind));
      const inSet = content?.units[unit]?.[0] ?? NOTHING;
      const bitmap = spoilt.has(meter) ? NOTHING : inSet;
      const lost = spoilt.has(meter) && inSet.length > 0 ? [{ cells: inSet, reason: "implausible-total" }] : [];
      const waiting = [...lost, ...(held.get(unit) ?? [])];
      if (kind !== KINDS.import && bitmap.length === 0 && waiting.length === 0) continue;
      // Catch-up comes when it comes: only what is here and waits can be lacking.
      const due = isLoadKind(kind) ? expected : unionOf(waiting, expected.length);
      for (const gap of gapRanges(own.slots, due, bitmap, waiting)) {
        rows.push({
          meter_id: meter,
          period_start: own.from,
          period_end: own.to,
          feeder_id: question.feeder,
          kind: kindName(kind),
          slot_start: gap.from * utility.slotSeconds,
          slot_end: gap.to * utility.slotSeconds,
          slots: gap.to - gap.from,
          reason: gap.reason,
          billed_period_start: null,
        });
      }
    }
  });
  return rows;
}

/** Late energy fills gaps of earlier periods: those bills stay as they were issued, the gap names the later bill. */
async function fillLateGaps(
  db: Queries,
  utility: Utility,
  record: RoundRecord,
  {
    content,
    periods,
    spoilt,
  }: { readonly content: SetContent; readonly periods: readonly Period[]; readonly spoilt: ReadonlySet<string> },
): Promise<void> {
  const own = periods[0];
  for (const [segment, period] of periods.entries()) {
    if (segment === 0 || own === undefined) continue;
    for (const [m, meter] of content.meters.entries()) {
      if (spoilt.has(meter)) continue;
      for (const kind of CUSTOMER_KINDS) {
        const bitmap = content.units[billingUnit(content, segment, m, content.kinds.indexOf(kind))]?.[0] ?? NOTHING;
        if (countMembers(bitmap) === 0) continue;
        const key = { meter, feeder: record.question.feeder, kind: kindName(kind), periodStart: period.from };
        const rows = await db
          .selectFrom("gaps")
          .selectAll()
          .where("meter_id", "=", meter)
          .where("feeder_id", "=", key.feeder)
          .where("kind", "=", key.kind)
          .where("period_start", "=", period.from)
          .execute();
        await deleteGaps(db, key);
        await insertGaps(
          db,
          rows.flatMap((row) => split(row, bitmap, period, own.from, utility.slotSeconds)),
        );
      }
    }
  }
}

function split(
  row: GapsTable,
  bitmap: Uint8Array,
  period: Period,
  billedStart: string,
  slotSeconds: number,
): GapsTable[] {
  if (row.billed_period_start !== null) return [row];
  const parts: GapsTable[] = [];
  for (let at = row.slot_start; at < row.slot_end; at += slotSeconds) {
    const member = at / slotSeconds - period.slots.from;
    const billed = member >> 3 < bitmap.length && hasMember(bitmap, member) ? billedStart : null;
    const last = parts.at(-1);
    if (last?.billed_period_start === billed) {
      last.slot_end = at + slotSeconds;
      last.slots += 1;
    } else {
      parts.push({ ...row, slot_start: at, slot_end: at + slotSeconds, slots: 1, billed_period_start: billed });
    }
  }
  return parts;
}
