/** What a proposal for the switches brings, in words: supply first, then losses. Pure. */
import type { Optimised } from "../../../protocol/grid/index.ts";
import { count, percent, powersAlike } from "../format.ts";

type Proposed = Pick<Optimised, "before" | "after" | "cutOff" | "cutOffBefore" | "unservedMw" | "unservedBeforeMw">;

function power(mw: number): string {
  return powersAlike([mw])(mw);
}

/** One or two sentences; empty where nothing gets better. */
export function gainOf({ before, after, cutOff, cutOffBefore, unservedMw, unservedBeforeMw }: Proposed): string {
  const back = cutOffBefore.filter((bus) => !cutOff.includes(bus)).length;
  if (back > 0) {
    const buses = back === 1 ? "1 bus gets" : `${count(back)} buses get`;
    const supplied = power(unservedBeforeMw - unservedMw);
    return `${buses} supply again: ${supplied}. Losses of the two cannot be compared: now they are those of fewer loads.`;
  }
  const saved = before.lossKw - after.lossKw;
  return saved > 0 ? `${power(saved / 1_000)} less loss (${percent(saved / before.lossKw)}).` : "";
}

/** Branches that no proposal may close: what opened in a fault and was not called repaired, and what somebody marked. */
export interface OutOfOrder {
  readonly marked: readonly number[];
  readonly repaired: readonly number[];
}
export const ALL_IN_ORDER: OutOfOrder = { marked: [], repaired: [] };

export function outOfOrder({ marked, repaired }: OutOfOrder, faulted: readonly number[]): readonly number[] {
  return [...new Set([...marked, ...faulted.filter((id) => !repaired.includes(id))])].sort((a, b) => a - b);
}

/** Marks a branch, or takes its mark away, whoever has set it. */
export function toggled(mine: OutOfOrder, faulted: readonly number[], id: number): OutOfOrder {
  const without = (ids: readonly number[]): number[] => ids.filter((one) => one !== id);
  if (!outOfOrder(mine, faulted).includes(id)) {
    const repaired = without(mine.repaired);
    return { repaired, marked: faulted.includes(id) ? mine.marked : [...mine.marked, id] };
  }
  return { marked: without(mine.marked), repaired: faulted.includes(id) ? [...mine.repaired, id] : mine.repaired };
}
