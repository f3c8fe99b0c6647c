/** What pages ask about the grid. Analytics answers through the HTTP interface; types are those of its messages. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type {
  GridForecast,
  GridHistoryRow,
  GridMaintenance,
  GridNode,
  GridPaths,
  GridRenewables,
  GridState,
  GridStatistics,
  GridTopology,
  Optimised,
} from "../../../protocol/grid/index.ts";
import { ask } from "../api/client.ts";
import { GRID_STATE_KEY } from "../live/live.tsx";

/** Analytics may come later than the page: what it did not answer it is asked again. */
const AGAIN_MILLISECONDS = 5_000;
const againWhileMissing = ({ state }: { readonly state: { readonly data?: unknown; readonly error: Error | null } }) =>
  state.data === undefined && state.error !== null ? AGAIN_MILLISECONDS : false;

export const gridTopology = queryOptions({
  queryKey: ["grid-topology"],
  queryFn: async () => ask<GridTopology>("GET", "/grid/topology"),
  refetchInterval: againWhileMissing,
  staleTime: Infinity,
});

/** The server says that a state is old where analytics is gone, which then tells nobody: it is asked now and then. */
const LOOK_MILLISECONDS = 10_000;

/** The newest state; live events put later ones in its place. */
export const gridState = queryOptions({
  queryKey: GRID_STATE_KEY,
  queryFn: async () => ask<GridState>("GET", "/grid/state"),
  refetchInterval: (query) => againWhileMissing(query) || LOOK_MILLISECONDS,
  staleTime: Infinity,
});

export function gridNode(bus: number | undefined) {
  return queryOptions({
    queryKey: ["grid-node", bus],
    queryFn: async () => ask<GridNode>("GET", `/grid/node/${bus ?? 0}`),
    enabled: bus !== undefined,
  });
}

export const gridPaths = queryOptions({
  queryKey: ["grid-paths"],
  queryFn: async () => ask<GridPaths>("GET", "/grid/paths"),
  enabled: false,
});

/** Scans since a moment of Unix seconds. */
export function gridHistory(from: number | undefined) {
  return queryOptions({
    queryKey: ["grid-history", from],
    queryFn: async () => ask<{ items: GridHistoryRow[] }>("GET", `/grid/loss?limit=1000&from=${from ?? 0}`),
    enabled: from !== undefined,
    placeholderData: keepPreviousData,
    refetchInterval: 5_000,
  });
}

export const gridStatistics = queryOptions({
  queryKey: ["grid-statistics"],
  queryFn: async () => ask<GridStatistics>("GET", "/grid/statistics"),
});

export const gridForecast = queryOptions({
  queryKey: ["grid-forecast"],
  queryFn: async () => ask<GridForecast>("GET", "/grid/forecast"),
  refetchInterval: againWhileMissing,
});

export const gridMaintenance = queryOptions({
  queryKey: ["grid-maintenance"],
  queryFn: async () => ask<GridMaintenance>("GET", "/grid/maintenance"),
});

export const gridRenewables = queryOptions({
  queryKey: ["grid-renewables"],
  queryFn: async () => ask<GridRenewables>("GET", "/grid/renewables"),
});

export type Method = Optimised["method"];

export interface Asked {
  readonly method: Method;
  readonly broken: readonly number[];
  readonly repaired: readonly number[];
}

export async function optimise(asked: Asked): Promise<Optimised> {
  return ask<Optimised>("POST", "/grid/optimize", asked);
}
