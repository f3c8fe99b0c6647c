/**
 * The release rules as the utility mirrors them, so that an aggregator normally has nothing to refuse: which of the
 * agreed cells may enter a bill now, and which wait, and why. The aggregators check by themselves; leaving a cell out
 * here costs a gap that a later bill fills, putting one in that they refuse costs a round trip. Pure.
 */
import { countMembers, members } from "../../protocol/bitmap.ts";
import type { Question, Scheme } from "../../protocol/messages/round.ts";
import { isLoadKind, type Kind } from "../../protocol/units.ts";
import { billingUnit } from "./shape.ts";

/** Why cells wait. */
export type HoldReason = "too-few-slots" | "difference-too-small" | "held-back";

export interface Held {
  readonly meter: number;
  readonly segment: number;
  readonly scheme: number;
  readonly band: number;
  readonly cells: number;
  readonly reason: HoldReason;
}

export interface BillingFacts {
  readonly question: Question;
  readonly schemes: readonly Scheme[];
  /** One scheme per meter. */
  readonly assignment: readonly number[];
  /** For each unit the agreed cells. */
  readonly agreed: readonly Uint8Array[];
  /** For each unit the cells in released feeder loads. */
  readonly inLoads: readonly Uint8Array[];
  /** For each unit the cells in earlier bills. */
  readonly billed: readonly Uint8Array[];
  /** s: fewest slots in anything released of one meter. */
  readonly minSlots: number;
}

export interface BillingCells {
  readonly cells: Uint8Array[];
  readonly held: Held[];
}

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
  return b === undefined ? Uint8Array.from(a) : a.map((byte, i) => byte & ~(b[i] ?? 0));
}

function countIn(bitmap: Uint8Array, mask: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < bitmap.length; i++) {
    for (let rest = (bitmap[i] ?? 0) & (mask[i] ?? 0); rest > 0; rest &= rest - 1) count++;
  }
  return count;
}

function clear(bitmap: Uint8Array, mask: Uint8Array): void {
  for (let i = 0; i < bitmap.length; i++) bitmap[i] = (bitmap[i] ?? 0) & ~(mask[i] ?? 0);
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
        if (unit === undefined) return;
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
 * How many slots the catch-up cells of one output stand for: the missing import (or export) slots that end right
 * before each, or contain it. A gap that began before the segment counts only from there: the aggregators see more.
 */
function gapSlots(
  { question, agreed }: BillingFacts,
  cells: readonly Uint8Array[],
  meter: number,
  band: Scheme["bands"][number],
): number {
  const k = question.kinds.indexOf(band.kind);
  const plain = question.kinds.indexOf(band.kind - 2);
  let slots = 0;
  question.segments.forEach((_, segment) => {
    const own = cells[billingUnit(question, segment, meter, k)] ?? NOTHING;
    const held = plain < 0 ? NOTHING : (agreed[billingUnit(question, segment, meter, plain)] ?? NOTHING);
    const mask = band.masks[segment] ?? NOTHING;
    let counted = 0;
    for (const slot of members(own)) {
      if (!has(mask, slot)) continue;
      let end = slot;
      while (end < 8 * held.length && !has(held, end)) end++;
      let start = Math.max(slot, counted);
      while (start > counted && !has(held, start - 1)) start--;
      slots += end - start;
      counted = Math.max(counted, end);
    }
  });
  return slots;
}

function has(bitmap: Uint8Array, member: number): boolean {
  return ((bitmap[member >>> 3] ?? 0) & (1 << (member & 7))) !== 0;
}

/** One sum of one meter over a kind that feeder loads hold too, and how it differs from them. */
interface Row {
  readonly meter: number;
  readonly scheme: number;
  readonly band: number;
  /** Per segment: cells that would be billed now, those of them that no load holds, and cells of loads in no bill. */
  readonly now: readonly number[];
  readonly late: readonly number[];
  readonly missing: readonly number[];
}

interface BandPlace {
  readonly scheme: number;
  readonly band: number;
}

/**
 * Bands whose slots overlap in some segment, of all schemes: whoever compares bills with feeder loads must take them
 * together, so they are judged together.
 */
function bandComponents(schemes: readonly Scheme[], kind: number): BandPlace[][] {
  const components: BandPlace[][] = [];
  schemes.forEach((scheme, s) => {
    scheme.bands.forEach((band, b) => {
      if (band.kind !== kind) return;
      const touched = components.filter((component) =>
        component.some((other) => masksOverlap(band.masks, schemes[other.scheme]?.bands[other.band]?.masks ?? [])),
      );
      const joined = [{ scheme: s, band: b }, ...touched.flat()];
      for (const component of touched) components.splice(components.indexOf(component), 1);
      components.push(joined);
    });
  });
  return components;
}

function masksOverlap(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.some((mask, segment) => mask.some((byte, i) => (byte & (b[segment]?.[i] ?? 0)) !== 0));
}

/**
 * What separates bills from feeder loads, one way or the other, is nothing or at least s cells of at least two meters:
 * else the difference of two totals would be somebody's few slots.
 */
function repairDifferences(facts: BillingFacts, cells: Uint8Array[], held: Held[]): boolean {
  const { question, schemes } = facts;
  let changed = false;
  for (const kind of question.kinds) {
    if (!isLoadKind(kind as Kind)) continue;
    for (const component of bandComponents(schemes, kind)) {
      while (repairComponent(facts, cells, held, kind, component)) changed = true;
    }
  }
  return changed;
}

function repairComponent(
  facts: BillingFacts,
  cells: Uint8Array[],
  held: Held[],
  kind: number,
  component: readonly BandPlace[],
): boolean {
  const { question, minSlots } = facts;
  const rows = rowsOf(facts, cells, kind, component);
  // A sum that shares no cell with a load cannot be set against one.
  const tied = rows.filter((row) => row.now.some((count, segment) => count > (row.late[segment] ?? 0)));
  const late = tied.filter((row) => total(row.late) > 0);
  if (
    tooFew(
      late.map((row) => ({ meter: row.meter, count: total(row.late) })),
      minSlots,
    )
  ) {
    for (const row of late) {
      row.late.forEach((count, segment) => {
        if (count > 0) hold(facts, cells, held, row, segment, kind, count, "difference-too-small");
      });
    }
    return true;
  }
  for (const segment of question.segments.keys()) {
    const billed = rows.filter((row) => (row.now[segment] ?? 0) > (row.late[segment] ?? 0));
    if (billed.length === 0) continue;
    const missing = rows.map((row) => ({ meter: row.meter, count: row.missing[segment] ?? 0 }));
    if (!tooFew(missing, minSlots)) continue;
    for (const row of companions(billed, missing, segment, minSlots)) {
      hold(facts, cells, held, row, segment, kind, row.now[segment] ?? 0, "held-back");
    }
    return true;
  }
  return false;
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

function tooFew(counts: readonly { meter: number; count: number }[], minSlots: number): boolean {
  const some = counts.filter(({ count }) => count > 0);
  if (some.length === 0) return false;
  return total(some.map(({ count }) => count)) < minSlots || new Set(some.map(({ meter }) => meter)).size < 2;
}

/**
 * Whose cells wait so that an incomplete meter does not stand alone: first what is left of the incomplete ones, then
 * the smallest of the others. An earlier period stays as it was, so nothing of it enters.
 */
function companions(
  billed: readonly Row[],
  missing: readonly { meter: number; count: number }[],
  segment: number,
  minSlots: number,
): readonly Row[] {
  if (segment > 0) return billed;
  const incomplete = new Set(missing.filter(({ count }) => count > 0).map(({ meter }) => meter));
  const inOrder = [...billed].sort(
    (a, b) =>
      Number(incomplete.has(b.meter)) - Number(incomplete.has(a.meter)) ||
      (a.now[segment] ?? 0) - (b.now[segment] ?? 0),
  );
  let count = total(missing.map((entry) => entry.count));
  const meters = new Set(incomplete);
  const chosen: Row[] = [];
  for (const row of inOrder) {
    if (count >= minSlots && meters.size >= 2) break;
    chosen.push(row);
    meters.add(row.meter);
    count += row.now[segment] ?? 0;
  }
  return chosen;
}

/** Takes cells of one meter and band out: those that no load holds, or all. */
function hold(
  facts: BillingFacts,
  cells: Uint8Array[],
  held: Held[],
  row: Row,
  segment: number,
  kind: number,
  count: number,
  reason: HoldReason,
): void {
  const { question, schemes, inLoads } = facts;
  const u = billingUnit(question, segment, row.meter, question.kinds.indexOf(kind));
  const unit = cells[u];
  const mask = schemes[row.scheme]?.bands[row.band]?.masks[segment];
  if (unit === undefined || mask === undefined) return;
  const load = reason === "difference-too-small" ? inLoads[u] : undefined;
  clear(unit, load === undefined ? mask : mask.map((byte, i) => byte & ~(load[i] ?? 0)));
  held.push({ meter: row.meter, segment, scheme: row.scheme, band: row.band, cells: count, reason });
}

function rowsOf(
  facts: BillingFacts,
  cells: readonly Uint8Array[],
  kind: number,
  component: readonly BandPlace[],
): Row[] {
  const { question, schemes, assignment, inLoads, billed } = facts;
  const k = question.kinds.indexOf(kind);
  const rows: Row[] = [];
  assignment.forEach((scheme, meter) => {
    for (const place of component) {
      if (place.scheme !== scheme) continue;
      const masks = schemes[scheme]?.bands[place.band]?.masks ?? [];
      const now: number[] = [];
      const late: number[] = [];
      const missing: number[] = [];
      question.segments.forEach((_, segment) => {
        const u = billingUnit(question, segment, meter, k);
        const counts = compare(cells[u] ?? NOTHING, masks[segment] ?? NOTHING, inLoads[u], billed[u]);
        now.push(counts.now);
        late.push(counts.late);
        missing.push(counts.missing);
      });
      rows.push({ meter, scheme, band: place.band, now, late, missing });
    }
  });
  return rows;
}

function compare(
  unit: Uint8Array,
  mask: Uint8Array,
  load: Uint8Array | undefined,
  before: Uint8Array | undefined,
): { now: number; late: number; missing: number } {
  let now = 0;
  let late = 0;
  let missing = 0;
  for (let i = 0; i < unit.length; i++) {
    const mask8 = mask[i] ?? 0;
    if (mask8 === 0) continue;
    const own8 = (unit[i] ?? 0) & mask8;
    const load8 = (load?.[i] ?? 0) & mask8;
    if (own8 !== 0) {
      now += ONES[own8] ?? 0;
      late += ONES[own8 & ~load8] ?? 0;
    }
    const lacking8 = load8 & ~(own8 | (before?.[i] ?? 0));
    if (lacking8 !== 0) missing += ONES[lacking8] ?? 0;
  }
  return { now, late, missing };
}

const NOTHING = new Uint8Array(0);
const ONES = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0;
  for (let rest = byte; rest > 0; rest &= rest - 1) ones++;
  return ones;
});

/** A load releases a unit (slot and kind) over at least k meters, or not at all. */
export function releasableLoadUnits(agreed: readonly Uint8Array[], minMeters: number): Uint8Array[] {
  return agreed.map((bitmap) => (countMembers(bitmap) >= minMeters ? bitmap : new Uint8Array(bitmap.length)));
}
