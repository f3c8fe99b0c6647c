/** Decides what enters a set with the facts that the database holds: endorsed sets, tariffs, periods. */
import { bitmapBytes } from "../../protocol/bitmap.ts";
import { feederAt } from "../../protocol/membership.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import { planBalance } from "../balance/plan.ts";
import { planVector } from "../learning/plan.ts";
import { bookOf } from "../bills/period-book.ts";
import { schemeOf } from "../bills/tariff-book.ts";
import { periodOfSegment, type Utility } from "../settings.ts";
import { modelRound, shapeOf } from "../store/learning-store.ts";
import { releasedSets } from "../store/rounds-store.ts";
import { cellsInBills, cellsInLoads } from "./facts.ts";
import { missingBeforeSegments } from "./gap-reach.ts";
import type { AgreedCells } from "./manifests.ts";
import { planBilling, planLoad } from "./plans.ts";
import type { RoundRecord } from "./record.ts";
import type { SetPlan } from "./set-builder.ts";

/** The plan of a round's set, from what was released before. */
export async function planOf(
  utility: Utility,
  { question, excluded }: RoundRecord,
  { cells }: AgreedCells,
): Promise<SetPlan> {
  const { db, slotSeconds, minMeters, minSlots } = utility;
  const [from, to] = question.segments[0] ?? [0, 0];
  if (question.purpose === "load") {
    const before = await releasedSets(db, "load", question.feeder, { from, to }, slotSeconds);
    return planLoad(question, cells, releasedSlots(before), excluded, minMeters);
  }
  if (question.purpose === "vector") {
    const row = await modelRound(db, question.feeder);
    if (row === undefined) throw new Error(`learning round ${question.feeder} is not in the database`);
    const { maxMeters, minMeters: announced, bound } = shapeOf(row);
    return planVector(question, cells, excluded, { maxMeters, minMeters: Math.max(minMeters, announced), bound });
  }
  if (question.purpose === "balance") {
    const places = question.meters.map((meter) => utility.roll.record(meter)?.places ?? []);
    return planBalance({
      question,
      agreed: cells,
      excluded,
      isHere: (meter, slot) => feederAt(places[meter] ?? [], slot) === question.feeder,
      isHead: (meter) => utility.roll.isHead(question.meters[meter] ?? ""),
      minMeters,
    });
  }
  const range = {
    from: Math.min(...question.segments.map(([start]) => start)),
    to: Math.max(...question.segments.map(([, end]) => end)),
  };
  const loads = await releasedSets(db, "load", question.feeder, range, slotSeconds);
  const bills = await releasedSets(db, "billing", question.feeder, range, slotSeconds);
  const periods = question.segments.map((segment) => periodOfSegment(utility, segment));
  const [own] = periods;
  if (own === undefined) throw new Error(`a billing round of ${question.feeder} has no period`);
  const book = await bookOf(db, utility.book, own);
  const tariffs = [...new Map(question.meters.map((meter) => [book.of(meter).id, book.of(meter).tariff]))];
  return planBilling({
    question,
    agreed: cells,
    inLoads: cellsInLoads(question, loads),
    billed: cellsInBills(question, bills),
    missingBefore: await missingBeforeSegments(utility, question, cells),
    excluded,
    minSlots,
    schemes: tariffs.map(([, tariff]) => ({
      merged: schemeOf(tariff, periods, slotSeconds, true).scheme,
      apart: schemeOf(tariff, periods, slotSeconds, false).scheme,
    })),
    tariffOf: question.meters.map((meter) => tariffs.findIndex(([id]) => id === book.of(meter).id)),
  });
}

/** Slots whose import was released by an endorsed set. */
function releasedSlots(loads: readonly SetContent[]): Set<number> {
  const slots = new Set<number>();
  for (const { segments, kinds, units, meters } of loads) {
    const bytes = bitmapBytes(meters.length);
    units.forEach(([bitmap], unit) => {
      if (bitmap.length === bytes && bitmap.some((byte) => byte !== 0)) {
        slots.add((segments[0]?.[0] ?? 0) + Math.floor(unit / kinds.length));
      }
    });
  }
  return slots;
}
