/**
 * How far gaps that catch-up cells close reach back before their segment: the aggregators count a gap from the last
 * share before it, wherever a billing period begins. What was released, and what this round found, tells the same.
 */
import { hasMember, members } from "../../protocol/bitmap.ts";
import type { Question, Unit } from "../../protocol/messages/round.ts";
import { isLoadKind, type Kind } from "../../protocol/units.ts";
import type { Utility } from "../settings.ts";
import { releasedSets } from "../store/rounds-store.ts";
import { billingUnit, loadPlace } from "./shape.ts";

/** Kind catchup is import + 2, catchupExport is export + 2. */
const CATCHUP_OFFSET = 2;
const NOTHING = new Uint8Array(0);

/** A gap that is open at the beginning of a segment. */
interface OpenGap {
  readonly unit: number;
  readonly meter: string;
  /** The kinds whose cells end it. */
  readonly kinds: readonly number[];
  readonly before: number;
}

/** Gaps, closed by a catch-up cell of the question, that no cell of their segment bounds on the left. Pure. */
export function openGaps(question: Question, agreed: readonly Uint8Array[]): OpenGap[] {
  return question.segments.flatMap(([from], segment) =>
    question.meters.flatMap((meter, m) =>
      question.kinds.flatMap((kind, k): OpenGap[] => {
        if (isLoadKind(kind as Kind)) return [];
        const unit = billingUnit(question, segment, m, k);
        const [first] = members(agreed[unit] ?? NOTHING);
        if (first === undefined) return [];
        const plain = question.kinds.indexOf(kind - CATCHUP_OFFSET);
        const [held] = plain < 0 ? [] : members(agreed[billingUnit(question, segment, m, plain)] ?? NOTHING);
        if (held !== undefined && held <= first) return [];
        return [{ unit, meter, kinds: [kind - CATCHUP_OFFSET, kind], before: from }];
      }),
    ),
  );
}

/** What was asked, or released, with its cells. */
type Cells = Question & { readonly units: readonly Unit[] };

/** The last slot before `before` in which one of the sets has a cell of these kinds of a meter. Pure. */
export function lastCell(
  sets: readonly Cells[],
  { meter, kinds, before }: Pick<OpenGap, "meter" | "kinds" | "before">,
): number | undefined {
  let last: number | undefined;
  const note = (slot: number): void => {
    if (slot < before && (last === undefined || slot > last)) last = slot;
  };
  for (const set of sets) {
    const m = set.meters.indexOf(meter);
    if (m < 0) continue;
    if (set.purpose === "load") {
      set.units.forEach(([bitmap], unit) => {
        const { slot, kind } = loadPlace(set, unit);
        if (bitmap.length > 0 && kinds.includes(set.kinds[kind] ?? 0) && hasMember(bitmap, m)) note(slot);
      });
      continue;
    }
    set.segments.forEach(([from], segment) => {
      set.kinds.forEach((kind, k) => {
        if (!kinds.includes(kind)) return;
        for (const member of members(set.units[billingUnit(set, segment, m, k)]?.[0] ?? NOTHING)) note(from + member);
      });
    });
  }
  return last;
}

/**
 * For units with catch-up cells whose gap began before the segment: how many slots before it are missing. A gap without
 * a known far side is not listed: to the aggregators too it only counts when something was stored before it.
 */
export async function missingBeforeSegments(
  utility: Pick<Utility, "db" | "roll" | "slotSeconds" | "windowSlots">,
  question: Question,
  agreed: readonly Uint8Array[],
): Promise<Map<number, number>> {
  const { db, roll, slotSeconds, windowSlots } = utility;
  const missing = new Map<number, number>();
  const gaps = openGaps(question, agreed);
  if (gaps.length === 0) return missing;
  const range = {
    from: Math.max(0, Math.min(...gaps.map(({ before }) => before)) - windowSlots),
    to: Math.max(...gaps.map(({ before }) => before)),
  };
  // A meter that moved has its earlier cells in sets of another feeder.
  const feeders = new Set(gaps.flatMap(({ meter }) => roll.record(meter)?.places.map(({ feeder }) => feeder) ?? []));
  const sets: Cells[] = [{ ...question, units: agreed.map((bitmap): Unit => [bitmap, NOTHING]) }];
  for (const feeder of feeders) {
    for (const purpose of ["load", "billing"] as const) {
      sets.push(...(await releasedSets(db, purpose, feeder, range, slotSeconds)));
    }
  }
  for (const gap of gaps) {
    const last = lastCell(sets, gap);
    if (last !== undefined) missing.set(gap.unit, Math.min(gap.before - 1 - last, windowSlots));
  }
  return missing;
}
