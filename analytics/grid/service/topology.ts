/** The grid as it is shown to others: what the columns of states are about. */
import { createHash } from "node:crypto";
import type { GridTopology } from "../../../protocol/grid/index.ts";
import { topologyOf } from "../index.ts";
import { FeederProblem } from "../optimise/problem.ts";
import { layoutOf } from "./layout.ts";
import type { OperationPlan } from "./plan.ts";

export function topologyMessage({ grid, shares, assumedRatings }: OperationPlan): GridTopology {
  const places = layoutOf(grid);
  const generators = new Set(grid.generators.filter(({ inService }) => inService).map(({ bus }) => bus));
  const feeders = [...new Set(shares.map(({ feeder }) => feeder))];
  const content: Omit<GridTopology, "digest"> = {
    ...{ case: grid.name, baseMva: grid.baseMva, assumedRatings, radial: isSwitchable(grid) },
    buses: grid.buses.map(({ id, kind, baseKv, vMinPu, vMaxPu, loadMw }, i) => ({
      ...{ id, kind, baseKv, ...places[i]!, vMinPu, vMaxPu, loadMw },
      generator: generators.has(id),
      feeders: [...new Set(shares.filter(({ bus }) => bus === id).map(({ feeder }) => feeder))].sort(),
    })),
    branches: grid.branches.map(({ id, kind, from, to, rPu, xPu, rateMva, closed }) => ({
      ...{ id, kind, from, to, rPu, xPu },
      rateMva: Math.round(rateMva * 1e6) / 1e6,
      normallyClosed: closed,
    })),
    feeders: feeders.map((feeder) => {
      const own = shares.filter((share) => share.feeder === feeder);
      const whole = own.reduce((sum, { weight }) => sum + weight, 0);
      return { feeder, shares: own.map(({ bus, weight }) => ({ bus, weight: weight / whole })) };
    }),
  };
  return { ...content, digest: createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 16) };
}

/** Whether its switches can be optimised: a tree now, with something to choose, that sweeps can solve. */
function isSwitchable(grid: OperationPlan["grid"]): boolean {
  try {
    return topologyOf(grid).radial && new FeederProblem(grid).graph.openCount > 0;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
