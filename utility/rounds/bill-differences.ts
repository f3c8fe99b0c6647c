/**
 * What separates bills from feeder loads, and what must wait so that no difference of two totals is somebody's few
 * slots. Pure.
 */
import type { Scheme } from "../../protocol/messages/round.ts";
import { isLoadKind, type Kind } from "../../protocol/units.ts";
import { type BillingFacts, clear, type Held, type HoldReason, NOTHING, ONES, total } from "./billing-facts.ts";
import { billingUnit } from "./shape.ts";

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
export function repairDifferences(facts: BillingFacts, cells: Uint8Array[], held: Held[]): boolean {
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
