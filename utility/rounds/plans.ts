/** Which agreed cells enter a set, by the release rules, by what was released before and by what was refused. Pure. */
import { countMembers } from "../../protocol/bitmap.ts";
import type { Question, Scheme } from "../../protocol/messages/round.ts";
import type { BillingFacts } from "./billing-facts.ts";
import type { Excluded, HeldCells } from "./record.ts";
import { releasableCells, releasableLoadUnits } from "./release-rules.ts";
import type { SetPlan } from "./set-builder.ts";
import { billingUnit, loadPlace } from "./shape.ts";

/** A load: slots that were released are left out, and units with too few meters. */
export function planLoad(
  question: Question,
  agreed: readonly Uint8Array[],
  released: ReadonlySet<number>,
  excluded: readonly Excluded[],
  minMeters: number,
): SetPlan {
  const barred = new Set(excluded.flatMap(({ units }) => units));
  const open = agreed.map((cells, unit) =>
    barred.has(unit) || released.has(loadPlace(question, unit).slot) ? new Uint8Array(cells.length) : cells.slice(),
  );
  const leftOut: HeldCells[] = [];
  for (const { parts, code } of excluded) {
    for (const [unit, mask] of parts) take(open, leftOut, unit, Buffer.from(mask, "base64"), code);
  }
  const cells = releasableLoadUnits(open, minMeters);
  const held = open.flatMap((bitmap, unit): HeldCells[] =>
    countMembers(bitmap) > 0 && countMembers(cells[unit] ?? bitmap) === 0
      ? [{ unit, cells: bitmap, reason: "too-few-meters" }]
      : [],
  );
  // Export without import would be a slot of which half is known; its import can never be released again.
  cells.forEach((unit, index) => {
    if (loadPlace(question, index).kind === 0 && countMembers(unit) === 0) {
      for (let k = 1; k < question.kinds.length; k++) cells[index + k] = new Uint8Array(unit.length);
    }
  });
  return { schemes: [], assignment: [], cells, held: [...leftOut, ...held] };
}

export interface BillingPlanFacts {
  readonly question: Question;
  readonly agreed: readonly Uint8Array[];
  readonly inLoads: readonly Uint8Array[];
  readonly billed: readonly Uint8Array[];
  readonly excluded: readonly Excluded[];
  /** See `BillingFacts`. */
  readonly missingBefore?: ReadonlyMap<number, number>;
  readonly minSlots: number;
  /** Per tariff the scheme that merges late energy into the own bands, and the one that keeps it apart. */
  readonly schemes: readonly { readonly merged: Scheme; readonly apart: Scheme }[];
  /** Position in `schemes` of each meter's tariff. */
  readonly tariffOf: readonly number[];
}

/** A bill: late energy stands alone where there is enough of it, and joins the own bands where there is not. */
export function planBilling(facts: BillingPlanFacts): SetPlan {
  const { question, agreed, billed, excluded, minSlots } = facts;
  const schemes = facts.schemes.flatMap(({ merged, apart }) => [merged, apart]);
  const assignment = question.meters.map((_, meter) => {
    const tariff = facts.tariffOf[meter] ?? 0;
    const apart = facts.schemes[tariff]?.apart;
    return 2 * tariff + (apart !== undefined && lateStandsAlone(facts, meter, apart, minSlots) ? 1 : 0);
  });
  const open = agreed.map((cells) => cells.slice());
  const held: HeldCells[] = [];
  for (const { units, parts, code } of excluded) {
    for (const unit of units) take(open, held, unit, undefined, code);
    for (const [unit, mask] of parts) take(open, held, unit, Buffer.from(mask, "base64"), code);
  }
  const ruleFacts: BillingFacts = {
    question,
    schemes,
    assignment,
    agreed: open,
    inLoads: facts.inLoads,
    billed,
    ...(facts.missingBefore === undefined ? {} : { missingBefore: facts.missingBefore }),
    minSlots,
  };
  const { cells, held: byRule } = releasableCells(ruleFacts);
  for (const entry of byRule) {
    const band = schemes[entry.scheme]?.bands[entry.band];
    if (band === undefined) continue;
    const unit = billingUnit(question, entry.segment, entry.meter, question.kinds.indexOf(band.kind));
    const mask = band.masks[entry.segment];
    const waiting = (open[unit] ?? new Uint8Array(0)).map(
      (byte, i) => byte & (mask?.[i] ?? 0) & ~(cells[unit]?.[i] ?? 0) & ~(billed[unit]?.[i] ?? 0),
    );
    if (countMembers(waiting) > 0) held.push({ unit, cells: waiting, reason: entry.reason });
  }
  return { ...usedSchemes(schemes, assignment), cells, held };
}

function take(open: Uint8Array[], held: HeldCells[], unit: number, mask: Uint8Array | undefined, reason: string): void {
  const cells = open[unit];
  if (cells === undefined) return;
  const taken = mask === undefined ? Uint8Array.from(cells) : cells.map((byte, i) => byte & (mask[i] ?? 0));
  if (countMembers(taken) === 0) return;
  for (let i = 0; i < cells.length; i++) cells[i] = (cells[i] ?? 0) & ~(taken[i] ?? 0);
  held.push({ unit, cells: taken, reason });
}

/** True when every late sum of this meter has no cell or at least s, so that none needs company. */
function lateStandsAlone(facts: BillingPlanFacts, meter: number, apart: Scheme, minSlots: number): boolean {
  const { question, agreed, billed } = facts;
  const counts = apart.bands.map((band) => {
    const k = question.kinds.indexOf(band.kind);
    let count = 0;
    for (let segment = 1; segment < question.segments.length; segment++) {
      const unit = billingUnit(question, segment, meter, k);
      const mask = band.masks[segment];
      agreed[unit]?.forEach((byte, i) => {
        for (let rest = byte & (mask?.[i] ?? 0) & ~(billed[unit]?.[i] ?? 0); rest > 0; rest &= rest - 1) count++;
      });
    }
    return { count, needed: band.kind > 2 ? 0 : minSlots };
  });
  return counts.some(({ count }) => count > 0) && counts.every(({ count, needed }) => count === 0 || count >= needed);
}

/** Schemes that no meter has would only make the set longer. Outputs of the others keep their order. */
function usedSchemes(
  schemes: readonly Scheme[],
  assignment: readonly number[],
): Pick<SetPlan, "schemes" | "assignment"> {
  const used = [...new Set(assignment)].sort((a, b) => a - b);
  return {
    schemes: used.map((index) => schemes[index] ?? { bands: [] }),
    assignment: assignment.map((index) => used.indexOf(index)),
  };
}
