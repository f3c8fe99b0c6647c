/** What answers each question about the grid. */
import type { GridStatistics, GridTopology } from "../../../protocol/grid/index.ts";
import { GridFault } from "./fault.ts";
import type { Snapshot } from "./operation.ts";
import type { OperationPlan } from "./plan.ts";
import type { RecentStates } from "./recent.ts";
import { releasedDay } from "./released-day.ts";
import type { Handlers } from "./request-desk.ts";
import type { GridStore } from "./store.ts";
import type { At } from "./tasks/optimise.ts";
import type { RequestThreads } from "./threads.ts";

export interface Sources {
  readonly plan: OperationPlan;
  readonly topology: GridTopology;
  readonly store: GridStore;
  readonly recent: RecentStates;
  readonly threads: Pick<RequestThreads, "run" | "trained">;
  /** With a share of some bus. */
  readonly feeders: readonly string[];
  readonly snapshot: () => Snapshot | undefined;
  readonly sinceStart: () => GridStatistics["sinceStart"];
}

/** Loads that a forecast looks back on. */
const HISTORY_DAYS = 120;
const MOST_FEEDERS = 50;
const DAY_SECONDS = 86_400;

/** Nobody is told of days long before or after what is known: each slot up to then would be held in memory. */
function assertKnownDay(date: string | undefined, loads: ReturnType<GridStore["newestLoads"]>, days: number): void {
  if (date === undefined) return;
  const newest = loads.reduce((most, { slotStart }) => Math.max(most, slotStart), 0);
  const [from, to] = [newest - (days + 1) * DAY_SECONDS, newest + 2 * DAY_SECONDS];
  const asked = Date.parse(date) / 1_000;
  if (asked >= from && asked <= to) return;
  const dayOf = (time: number): string => new Date(time * 1_000).toISOString().slice(0, 10);
  throw new GridFault("invalid", `date: expected ${dayOf(from)} to ${dayOf(to)}, got ${date}`);
}

export function handlersOf(sources: Sources): Handlers {
  const { plan, topology, store, recent, threads, feeders } = sources;
  const now = (): { readonly snapshot: Snapshot; readonly at: At } => {
    const [snapshot, state] = [sources.snapshot(), recent.last];
    if (snapshot === undefined || state === undefined) throw new GridFault("unavailable", "there is no state yet");
    return { snapshot, at: { time: state.time, simulated: state.simulated } };
  };
  return {
    state: () => {
      if (recent.last === undefined) throw new GridFault("unavailable", "there is no state yet");
      return recent.last;
    },
    topology: () => topology,
    node: ({ bus }) => recent.node(bus),
    history: ({ kind: _, ...range }) => ({ rows: store.history(range) }),
    optimise: ({ kind: _, ...options }, signal) => threads.run("optimise", { ...now(), options }, signal),
    paths: (options, signal) => threads.run("paths", { ...now(), options }, signal),
    maintenance: async (options, signal) => {
      await threads.trained();
      signal.throwIfAborted();
      return threads.run("maintenance", options, signal);
    },
    statistics: async (range, signal) => ({
      ...(await threads.run("statistics", range, signal)),
      sinceStart: sources.sinceStart(),
    }),
    forecast: async ({ feeder, date }, signal) => {
      if (feeder !== undefined && !feeders.includes(feeder)) {
        throw new GridFault("not-found", `no bus of ${topology.case} has a share of feeder ${feeder}`);
      }
      assertKnownDay(date, store.newestLoads(), plan.settings.retentionDays);
      const begun = performance.now();
      const half = (plan.settings.requestSeconds * 1_000) / 2;
      const items = [];
      for (const one of feeder === undefined ? feeders.slice(0, MOST_FEEDERS) : [feeder]) {
        const newest = store.newestLoads().find((load) => load.feeder === one)?.slotStart ?? 0;
        const until = date === undefined ? newest : Math.min(newest, Date.parse(date) / 1_000);
        const loads = store.loads(one, until - HISTORY_DAYS * DAY_SECONDS);
        // Training takes seconds for each feeder: those that are late get what needs none, and are trained next time.
        const quick = performance.now() - begun > half;
        const task = { history: { feeder: one, loads }, quick, ...(date === undefined ? {} : { date }) };
        items.push(await threads.run("forecast", task, signal));
      }
      return { items };
    },
    renewables: (_, signal) => {
      const { at } = now();
      const known = store.newestLoads().map(({ feeder }) => feeder);
      const released = releasedDay(
        plan,
        known.filter((feeder) => feeders.includes(feeder)),
        at.time,
        (...asked) => store.netLoads(...asked),
      );
      return threads.run("renewables", { at, released }, signal);
    },
  };
}
