/**
 * The release rules as the utility mirrors them, so that an aggregator normally has nothing to refuse: which of the
 * agreed cells may enter a bill now, and which wait, and why. The aggregators check by themselves; leaving a cell out
 * here costs a gap that a later bill fills, putting one in that they refuse costs a round trip. Pure.
 */
import { countMembers, isEmptyBitmap, members } from "../../protocol/bitmap.ts";
import type { Scheme } from "../../protocol/messages/round.ts";
import { isLoadKind, type Kind } from "../../protocol/units.ts";
import { repairDifferences } from "./bill-differences.ts";
import { type BillingCells, type BillingFacts, clear, type Held, NOTHING, ONES, total } from "./billing-facts.ts";
import { billingUnit } from "./shape.ts";

/** The cells that may be billed now. A subset of the agreed ones; none is billed twice. */
export function releasableCells(facts: BillingFacts): BillingCells {
  const cells = facts.agreed.map((bitmap, u) => subtract(bitmap, facts.billed[u]));
  const held: Held[] = [];
  dropUncovered(facts, cells);
  // Each pass that changes anything takes cells out, so this ends.
  for (let changed = true; changed; ) {
    changed = dropSmallOutputs(facts, cells, held);
    changed = repairDifferences(facts, cells, held) || changed;
  }
  return { cells, held };
}

function subtract(a: Uint8Array, b: Uint8Array | undefined): Uint8Array {
  const rest = a.slice();
  if (b !== undefined) clear(rest, b);
  return rest;
}

function countIn(bitmap: Uint8Array, mask: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < bitmap.length; i++) count += ONES[(bitmap[i] ?? 0) & (mask[i] ?? 0)] ?? 0;
  return count;
}

/** A cell that no band of its meter's scheme counts would be endorsed for nothing. */
function dropUncovered({ question, schemes, assignment }: BillingFacts, cells: Uint8Array[]): void {
  question.segments.forEach((_, segment) => {
    const covered = schemes.map((scheme) =>
      question.kinds.map((kind) => {
        const masks = scheme.bands.filter((band) => band.kind === kind).map((band) => band.masks[segment]);
        return masks.reduce<Uint8Array | undefined>(
          (sum, mask) =>
            mask === undefined ? sum : sum === undefined ? mask : sum.map((byte, i) => byte | (mask[i] ?? 0)),
          undefined,
        );
      }),
    );
    assignment.forEach((scheme, meter) => {
      question.kinds.forEach((_kind, k) => {
        const unit = cells[billingUnit(question, segment, meter, k)];
        const mask = covered[scheme]?.[k];
        if (unit === undefined || isEmptyBitmap(unit)) return;
        for (let i = 0; i < unit.length; i++) unit[i] = (unit[i] ?? 0) & (mask?.[i] ?? 0);
      });
    });
  });
}

/** Every sum over one meter's slots has none or at least s of them. */
function dropSmallOutputs(facts: BillingFacts, cells: Uint8Array[], held: Held[]): boolean {
  const { question, schemes, assignment, minSlots } = facts;
  let changed = false;
  assignment.forEach((scheme, meter) => {
    schemes[scheme]?.bands.forEach((band, b) => {
      const k = question.kinds.indexOf(band.kind);
      const counts = question.segments.map((_, segment) =>
        countIn(
          cells[billingUnit(question, segment, meter, k)] ?? new Uint8Array(0),
          band.masks[segment] ?? new Uint8Array(0),
        ),
      );
      const count = total(counts);
      if (count === 0) return;
      // A catch-up cell is one cell, but the energy of the whole gap before it: it stands for that many slots.
      if ((isLoadKind(band.kind as Kind) ? count : gapSlots(facts, cells, meter, band)) >= minSlots) return;
      counts.forEach((cellCount, segment) => {
        if (cellCount === 0) return;
        const unit = cells[billingUnit(question, segment, meter, k)];
        if (unit !== undefined) clear(unit, band.masks[segment] ?? new Uint8Array(0));
        held.push({ meter, segment, scheme, band: b, cells: cellCount, reason: "too-few-slots" });
      });
      changed = true;
    });
  });
  return changed;
}

/**
 * How many slots the catch-up cells of one output stand for, counted as the aggregators do: the missing import (or
 * export) slots that end at each, back to the cell or catch-up before them, also before the segment.
 */
function gapSlots(
  { question, agreed, missingBefore }: BillingFacts,
  cells: readonly Uint8Array[],
  meter: number,
  band: Scheme["bands"][number],
): number {
  const k = question.kinds.indexOf(band.kind);
  const plain = question.kinds.indexOf(band.kind - 2);
  let slots = 0;
  question.segments.forEach((_, segment) => {
    const unit = billingUnit(question, segment, meter, k);
    const catchups = agreed[unit] ?? NOTHING;
    const held = plain < 0 ? NOTHING : (agreed[billingUnit(question, segment, meter, plain)] ?? NOTHING);
    const mask = band.masks[segment] ?? NOTHING;
    for (const slot of members(cells[unit] ?? NOTHING)) {
      if (!has(mask, slot)) continue;
      let start = slot + 1;
      while (start > 0 && !has(held, start - 1) && (start > slot || !has(catchups, start - 1))) start--;
      slots += slot + 1 - start + (start === 0 ? (missingBefore?.get(unit) ?? 0) : 0);
    }
  });
  return slots;
}

function has(bitmap: Uint8Array, member: number): boolean {
  return ((bitmap[member >>> 3] ?? 0) & (1 << (member & 7))) !== 0;
}

/** A load releases a unit (slot and kind) over at least k meters, or not at all. */
export function releasableLoadUnits(agreed: readonly Uint8Array[], minMeters: number): Uint8Array[] {
  return agreed.map((bitmap) => (countMembers(bitmap) >= minMeters ? bitmap : new Uint8Array(bitmap.length)));
}
