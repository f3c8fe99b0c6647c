/** Which homes fall silent in a round, and how: always the same part of them, drawn anew for each round. */
import { createHash } from "node:crypto";

/** `deaf`: never hears of the round. `cut`: gets through to one aggregator, then is gone. */
export type Silence = "deaf" | "cut";

export interface DropOutPlan {
  /** From 0 to below 1. */
  readonly part: number;
  readonly seed: number;
}

/** The homes that drop out of a round: floor(part * homes) of them, every second one half-way. */
export function silentHomes(
  round: string,
  homes: readonly string[],
  { part, seed }: DropOutPlan,
): Map<string, Silence> {
  const drawn = (home: string): string => createHash("sha256").update(`${seed} ${round} ${home}`).digest("hex");
  const order = homes.map((home) => ({ home, at: drawn(home) })).sort((a, b) => (a.at < b.at ? -1 : 1));
  const silent = order.slice(0, dropOutCount(homes.length, part));
  return new Map(silent.map(({ home }, i) => [home, i % 2 === 0 ? "deaf" : "cut"]));
}

export function dropOutCount(homes: number, part: number): number {
  return Math.floor(homes * part);
}
