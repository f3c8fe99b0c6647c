/** Situations of a feeder by seed: what the policy is trained on, and, with other seeds, judged by. */
import type { Grid } from "../model/grid.ts";
import { SeededRandom } from "../random.ts";
import { assertRange } from "../generate/range.ts";

export const FAMILIES = ["scale", "loads", "generation", "faults"] as const;
/**
 * `scale`: all loads times 0.5 to 1.4; `loads`: each bus times 0.2 to 1.8; `generation`: loads as in `loads`, and 2 to 6
 * generators that give together 20 to 100 % of the load; `faults`: loads times 0.6 to 1.4 each, and 1 or 2 broken branches.
 */
export type Family = (typeof FAMILIES)[number];

export interface Scenario {
  readonly family: Family;
  readonly seed: number;
  /** With the loads of the scenario; generation counts as load below 0. */
  readonly grid: Grid;
  /** Ids of branches that must stay open. */
  readonly broken: readonly number[];
}

/** Loads are net of generation. The same seed gives the same scenario. */
export function scenarioOf(grid: Grid, family: Family, seed: number): Scenario {
  assertRange("seed", seed, 0, 2 ** 31 - 1, true);
  const random = new SeededRandom(seed * FAMILIES.length + FAMILIES.indexOf(family));
  const [low, high] = family === "faults" ? [0.6, 1.4] : family === "scale" ? [1, 1] : [0.2, 1.8];
  const overall = family === "scale" ? random.uniform(0.5, 1.4) : 1;
  const buses = grid.buses.map((bus) => {
    const factor = overall * random.uniform(low, high);
    return { ...bus, loadMw: bus.loadMw * factor, loadMvar: bus.loadMvar * factor };
  });
  if (family === "generation") {
    const total = buses.reduce((sum, { loadMw }) => sum + Math.max(0, loadMw), 0) * random.uniform(0.2, 1);
    const served = [...buses.keys()].filter((bus) => buses[bus]!.kind === "pq");
    const shares = Array.from({ length: 2 + random.below(5) }, () => random.uniform(0.3, 1));
    const whole = shares.reduce((sum, share) => sum + share, 0);
    for (const share of shares) {
      const at = random.pick(served);
      const bus = buses[at]!;
      buses[at] = { ...bus, loadMw: bus.loadMw - (total * share) / whole };
    }
  }
  const broken = new Set<number>();
  if (family === "faults") {
    const count = Math.min(1 + random.below(2), grid.branches.length);
    while (broken.size < count) broken.add(random.pick(grid.branches).id);
  }
  return { family, seed, grid: { ...grid, buses }, broken: [...broken].sort((a, b) => a - b) };
}
