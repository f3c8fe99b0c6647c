/** A state of the grid for tests: nothing is wrong but what is said. */
import type { Finding, GridState } from "../../../protocol/grid/index.ts";

export interface StateParts {
  readonly topology: string;
  readonly time: number;
  readonly publishedAt: number;
  readonly buses: Partial<GridState["buses"]> & { readonly count: number };
  readonly branches: Partial<GridState["branches"]> & { readonly count: number };
  readonly findings: readonly object[];
}

export function emptyState({ buses, branches, findings, ...head }: StateParts): GridState {
  const column = (count: number, value = 0): number[] => Array.from({ length: count }, () => value);
  const { count: busCount, ...ofBuses } = buses;
  const { count: branchCount, ...ofBranches } = branches;
  const zero = (count: number, names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, column(count)]));
  return {
    ...{ case: "test", sequence: 1, source: "simulated", simulated: true, stale: false, assumedRatings: false },
    ...{ status: "trusted", cutOff: [], faulted: [], bad: [], switching: null, findingsLeftOut: 0 },
    loads: { source: "case", slotStart: null, feeders: 0, factor: 1, stale: false },
    totals: {
      ...{ inputMw: 1, deliveredMw: 1, efficiency: 1, lackingMw: 0, risk: 0, leastVoltagePu: 1, mostVoltagePu: 1 },
      ...{ mostLoadingPercent: 0, hottestC: 20 },
      losses: {
        ...{ transmissionLinesMw: 0, transmissionTransformersMw: 0, distributionLinesMw: 0 },
        ...{ distributionTransformersMw: 0, shuntsMw: 0, technicalMw: 0 },
      },
    },
    ...head,
    buses: {
      ...(zero(busCount, ["vaDeg", "loadMw", "loadMvar", "generationMw", "risk"]) as GridState["buses"]),
      vmPu: column(busCount, 1),
      ...ofBuses,
    },
    branches: {
      ...(zero(branchCount, [
        "fromMw",
        "fromMvar",
        "toMw",
        "currentA",
        "loadingPercent",
        "temperatureC",
        "risk",
      ]) as GridState["branches"]),
      closed: column(branchCount, 1),
      ...ofBranches,
    },
    findings: findings as Finding[],
  };
}
