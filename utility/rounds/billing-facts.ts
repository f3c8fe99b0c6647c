/** What the release rules of a bill are judged by, and small sums over bitmaps. Pure. */
import type { Question, Scheme } from "../../protocol/messages/round.ts";

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
  /** For units with catch-up cells, the missing slots right before their segment where a gap reaches back. */
  readonly missingBefore?: ReadonlyMap<number, number>;
  /** s: fewest slots in anything released of one meter. */
  readonly minSlots: number;
}

export interface BillingCells {
  readonly cells: Uint8Array[];
  readonly held: Held[];
}

export const NOTHING = new Uint8Array(0);

/** How many bits a byte has set. */
export const ONES: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0;
  for (let rest = byte; rest > 0; rest &= rest - 1) ones++;
  return ones;
});

/** Takes the members of `mask` out of `bitmap`. */
export function clear(bitmap: Uint8Array, mask: Uint8Array): void {
  for (let i = 0; i < bitmap.length; i++) bitmap[i] = (bitmap[i] ?? 0) & ~(mask[i] ?? 0);
}

export function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
