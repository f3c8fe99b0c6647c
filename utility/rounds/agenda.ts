/** What is due next for a feeder, from its progress and the time. Pure: slots in, ranges out. */
import type { SlotRange } from "../../protocol/slots.ts";

export interface Progress {
  /** Slots before these have been asked for as loads, asked a second time, and billed. */
  readonly loadTo: number;
  readonly sweptTo: number;
  readonly billedTo: number;
}

export interface AgendaSettings {
  readonly loadEverySlots: number;
  readonly loadGraceSlots: number;
  readonly billingGraceSlots: number;
  /** Most slots in one load round, however far it lags behind. Asked only when one is due: it goes over the roll. */
  readonly maxLoadSlots: () => number;
}

export type Due =
  | { readonly kind: "load"; readonly range: SlotRange }
  /** Slots of the period that had too few meters are asked once more before it is billed. */
  | { readonly kind: "sweep"; readonly range: SlotRange }
  | { readonly kind: "billing"; readonly range: SlotRange };

/**
 * What to do now, or undefined. `period` is the first billing period that is not billed yet. Bills come first: their
 * customers wait. `nowSlot` has begun, those before it have ended.
 */
export function nextDue(
  progress: Progress,
  period: SlotRange,
  nowSlot: number,
  settings: AgendaSettings,
): Due | undefined {
  if (progress.loadTo >= period.to && nowSlot >= period.to + settings.billingGraceSlots) {
    if (progress.sweptTo < period.to) return { kind: "sweep", range: period };
    return { kind: "billing", range: period };
  }
  const ended = nowSlot - settings.loadGraceSlots;
  const aligned = Math.floor(ended / settings.loadEverySlots) * settings.loadEverySlots;
  // The last slots of a period are not left to a window that reaches into the next one.
  const boundary = ended >= period.to ? period.to : period.from;
  let to = Math.max(aligned, boundary);
  if (to <= progress.loadTo) return undefined;
  if (progress.loadTo < period.to && to > period.to) to = period.to;
  to = Math.min(to, progress.loadTo + settings.maxLoadSlots());
  return to > progress.loadTo ? { kind: "load", range: { from: progress.loadTo, to } } : undefined;
}
