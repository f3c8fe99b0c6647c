/** What happens in the system, as it happens: one stream of server-sent events for all pages. */
import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import type { GridState } from "../../../protocol/grid/state.ts";

export type LiveStatus = "connecting" | "live" | "away";
const TYPES = ["load", "grid", "alert", "analytics", "learning", "checkpoint", "rounds"] as const;
type EventType = (typeof TYPES)[number];

/** Questions whose answers an event makes old. */
const OLD: Record<EventType, readonly QueryKey[]> = {
  load: [["feeders"], ["loads"], ["balances"]],
  grid: [],
  alert: [["alerts"]],
  analytics: [["results"], ["result"]],
  learning: [["model-rounds"]],
  checkpoint: [["checkpoint"], ["log"]],
  rounds: [["rounds"], ["detections"], ["bills"], ["bill"], ["model-rounds"], ["log"], ["balances"]],
};
/** A fleet in simulated time writes a hundred times a second: what is old is asked again this often. */
const ASK_MILLISECONDS = 700;
/** A stream that was refused is not opened again by the browser. */
const AGAIN_MILLISECONDS = 5_000;

interface Live {
  readonly status: LiveStatus;
  /** Date.now() of the newest event. */
  readonly lastAt: number | undefined;
}

const LiveContext = createContext<Live>({ status: "connecting", lastAt: undefined });

export function useLive(): Live {
  return useContext(LiveContext);
}

export const GRID_STATE_KEY: QueryKey = ["grid-state"];

export function LiveProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const queries = useQueryClient();
  const [status, setStatus] = useState<LiveStatus>("connecting");
  const [lastAt, setLastAt] = useState<number>();
  const old = useRef(new Set<EventType>());

  useEffect(() => {
    let source: EventSource;
    let again: ReturnType<typeof setTimeout> | undefined;
    let wasOpen = false;
    const take = (event: MessageEvent<string>): void => {
      const type = event.type as EventType;
      old.current.add(type);
      if (type === "grid") takeGrid(event.data);
    };
    const takeGrid = (data: string): void => {
      const { topic, message } = JSON.parse(data) as { topic: string; message: GridState };
      if (topic.endsWith("/state")) queries.setQueryData(GRID_STATE_KEY, message);
    };
    const connect = (): void => {
      source = new EventSource("/events");
      source.onopen = () => {
        setStatus("live");
        // What came meanwhile may not all be told again.
        if (wasOpen) void queries.invalidateQueries();
        wasOpen = true;
      };
      source.onerror = () => {
        const isClosed = source.readyState === EventSource.CLOSED;
        setStatus(isClosed ? "away" : "connecting");
        if (isClosed) again = setTimeout(connect, AGAIN_MILLISECONDS);
      };
      for (const type of TYPES) source.addEventListener(type, take);
    };
    connect();
    const timer = setInterval(() => {
      if (old.current.size === 0) return;
      const keys = [...old.current].flatMap((type) => OLD[type]);
      old.current.clear();
      setLastAt(Date.now());
      for (const queryKey of keys) void queries.invalidateQueries({ queryKey });
    }, ASK_MILLISECONDS);
    return () => {
      source.close();
      clearTimeout(again);
      clearInterval(timer);
    };
  }, [queries]);

  const live = useMemo(() => ({ status, lastAt }), [status, lastAt]);
  return <LiveContext value={live}>{children}</LiveContext>;
}
