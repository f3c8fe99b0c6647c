/** Loads that no choice of switches supplies: an answer says how much that is, and it has its price. */
import type { Grid } from "../../model/grid.ts";

export interface Unserved {
  readonly mw: number;
  /**
   * Loads without supply. Each is 1 of violation, as a branch with twice its rating is: what is missing is all of it. The same for
   * every choice of switches, so it changes none; and an answer that leaves loads in the dark is never free.
   */
  readonly loads: number;
}

/** `cutOff`: ids of buses. Buses that give more than they take lack nothing. */
export function unservedOf({ buses, indexOf }: Grid, cutOff: readonly number[]): Unserved {
  const lacking = cutOff.map((id) => buses[indexOf.get(id)!]!).filter(({ loadMw }) => loadMw > 0);
  return { mw: lacking.reduce((sum, { loadMw }) => sum + loadMw, 0), loads: lacking.length };
}

/** What a decision costs, with the loads that it cannot supply. */
export function withUnserved<T extends { readonly cost: number; readonly violation: number }>(
  figures: T,
  { loads }: Unserved,
  violationWeight: number,
): T {
  return { ...figures, cost: figures.cost + violationWeight * loads, violation: figures.violation + loads };
}
