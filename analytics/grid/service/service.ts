/**
 * The grid in operation, as a part of analytics: released loads and samples in, states on `wv/1/pub/grid/state` and answers to
 * the HTTP interface out, over the connection of whoever starts it.
 */
import path from "node:path";
import type { Config } from "../../../config/index.ts";
import { openRoll, type Party } from "../../../config/keys/index.ts";
import type { Logger } from "../../../config/runtime/logger.ts";
import {
  type GridState,
  type GridTopology,
  optimiseOptions,
  STATE_TOPIC,
  type Switching,
} from "../../../protocol/grid/index.ts";
import { filterOf, parseTopic, topicOf } from "../../../protocol/topics.ts";
import type { Scan } from "../scada/scan.ts";
import { GridFault } from "./fault.ts";
import { FeederLoads } from "./feeder-loads.ts";
import { handlersOf } from "./handlers.ts";
import type { Outcome, Snapshot } from "./operation.ts";
import { operationPlan, type OperationPlan } from "./plan.ts";
import { RecentStates } from "./recent.ts";
import { RequestDesk } from "./request-desk.ts";
import { feedScans } from "./scada-feed.ts";
import { gridFile, GridStore, historyRowOf } from "./store.ts";
import { switchingOf } from "./tasks/optimise.ts";
import { Spread } from "./tasks/statistics.ts";
import { OperateThread, RequestThreads } from "./threads.ts";
import { topologyMessage } from "./topology.ts";

export interface GridServiceOptions {
  readonly config: Config;
  readonly party: Party;
  readonly log: Logger;
}

/** The connection, clock and counters of the process. */
export interface GridPorts {
  /** Unix seconds; 0 while nobody has told the time. */
  readonly now: () => number;
  readonly send: (topic: string, payload: Uint8Array) => void;
  readonly refuse: (code: string, detail: string) => void;
}

/** Loads of several feeders come together, and are one change. */
const SOON_MILLISECONDS = 20;
/** Changes are not followed faster than this. */
const LEAST_MILLISECONDS = 200;
const FORGET_MILLISECONDS = 3_600_000;
/** Scans that may fail to come before a state is called stale. */
const STALE_SCANS = 3;
/** New loads are followed by proposals not faster than this. */
const LEAST_PROPOSAL_MILLISECONDS = 10_000;

export class GridService {
  readonly subscriptions: readonly string[] = [filterOf("gridRequest"), filterOf("feederLoad")];
  readonly #options: GridServiceOptions;
  readonly #plan: OperationPlan;
  readonly #topology: GridTopology;
  readonly #store: GridStore;
  readonly #loads: FeederLoads;
  readonly #recent: RecentStates;
  readonly #milliseconds = new Spread();
  readonly #stopping = new AbortController();
  #ports: GridPorts | undefined;
  #desk: RequestDesk | undefined;
  #thread: OperateThread | undefined;
  #requests: RequestThreads | undefined;
  #timers: NodeJS.Timeout[] = [];
  #soon: NodeJS.Timeout | undefined;
  /** Of a real sensor: the newest that waits for the thread. */
  #waiting: Scan | undefined;
  #scanDue = false;
  /** Monotonic seconds, and the time of samples, of the scan before. */
  #scanned = { at: Number.NEGATIVE_INFINITY, time: 0 };
  #sequence = 0;
  #snapshot: Snapshot | undefined;
  #switching: Switching | undefined;
  /** The slot of the loads that it was made for. */
  #proposedSlot: number | null | undefined;
  #proposing = false;
  #proposedAt = Number.NEGATIVE_INFINITY;

  private constructor(options: GridServiceOptions, plan: OperationPlan, topology: GridTopology, store: GridStore) {
    this.#options = options;
    this.#plan = plan;
    this.#topology = topology;
    this.#store = store;
    this.#loads = new FeederLoads(plan, store.newestLoads());
    this.#recent = new RecentStates(topology);
  }

  /** Throws UsageError for a grid that cannot be operated, StorageError `locked` while another process operates. */
  static open(options: GridServiceOptions): GridService {
    const { config, party } = options;
    const plan = operationPlan(config, openRoll(party).feeders());
    return new GridService(options, plan, topologyMessage(plan), new GridStore(gridFile(config), plan.grid.name));
  }

  /** Once there is a connection. */
  start(ports: GridPorts): void {
    const { config, log } = this.#options;
    const { settings } = this.#plan;
    this.#ports = ports;
    const crashed = (error: unknown): void => {
      // Nothing operates without it: the process says why and ends.
      if (!this.#stopping.signal.aborted) {
        process.nextTick(() => {
          throw error;
        });
      }
    };
    this.#thread = new OperateThread(this.#plan, crashed);
    const { slotSeconds, timezone } = config.system;
    const { histories, hazardModel, seed } = settings;
    const modelFile = path.join(config.paths.data, "analytics", "hazard.json");
    this.#requests = new RequestThreads({
      ...{ plan: this.#plan, calendar: { slotSeconds, timezone }, file: gridFile(config) },
      assets: { histories, hazardModel, modelFile, seed },
    });
    this.#desk = new RequestDesk({
      ...{ maxRequests: settings.maxRequests, requestSeconds: settings.requestSeconds, refuse: ports.refuse },
      send: (request, payload) => ports.send(topicOf("gridAnswer", { job: request }), payload),
      failed: (err) => log.error({ err }, "a question about the grid could not be answered"),
      handlers: handlersOf({
        ...{ plan: this.#plan, topology: this.#topology, store: this.#store, recent: this.#recent },
        ...{ threads: this.#requests, feeders: this.#loads.feeders },
        snapshot: () => this.#snapshot,
        sinceStart: () => ({
          ...{ scans: this.#sequence, scanMilliseconds: this.#milliseconds.told() },
          ...this.#desk!.counts,
        }),
      }),
    });
    const every = (seconds: number, work: () => void): void => {
      this.#timers.push(setInterval(work, seconds * 1_000));
    };
    if (settings.scada === "simulated") {
      every(settings.scanSeconds, () => this.#scanSoon());
      this.#scanSoon();
    } else {
      void feedScans({
        ...{ plan: this.#plan, signal: this.#stopping.signal, log, refuse: ports.refuse },
        onScan: (scan) => {
          this.#waiting = scan;
          this.#scan();
        },
      }).catch(crashed);
      every(settings.scanSeconds, () => this.#watch());
    }
    if (settings.optimiseSeconds > 0 && this.#topology.radial)
      every(settings.optimiseSeconds, () => void this.#propose());
    const forget = (): void => void this.#store.forget(settings.retentionDays, Date.now() / 1_000);
    this.#timers.push(setInterval(forget, FORGET_MILLISECONDS));
    forget();
  }

  /** Takes a message if it is a question, or a load. */
  accept(topic: string, payload: Uint8Array): boolean {
    const parsed = parseTopic(topic);
    if (parsed?.name === "gridRequest") {
      this.#desk?.take(parsed.parameters.job!, payload);
      return true;
    }
    if (parsed?.name !== "feederLoad") return false;
    try {
      this.#store.addLoad(this.#loads.take(parsed.parameters.feeder!, payload), Date.now() / 1_000);
      if (this.#plan.settings.scada === "simulated") this.#scanSoon();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#ports?.refuse("refused-load", error.message);
    }
    return true;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#soon);
    this.#desk?.stop();
    await Promise.all([this.#thread?.stop(), this.#requests?.stop()]);
    this.#store.close();
  }

  #scanSoon(): void {
    const since = performance.now() - this.#scanned.at * 1_000;
    this.#soon ??= setTimeout(
      () => {
        this.#soon = undefined;
        this.#scanDue = true;
        this.#scan();
      },
      Math.max(SOON_MILLISECONDS, LEAST_MILLISECONDS - since),
    );
  }

  /** The next scan, if one is due and the thread is free. */
  #scan(): void {
    const thread = this.#thread;
    const now = this.#ports?.now() ?? 0;
    const scan = this.#waiting;
    if (thread === undefined || thread.busy || this.#stopping.signal.aborted) return;
    if (scan === undefined && (!this.#scanDue || now <= 0)) return;
    this.#waiting = undefined;
    this.#scanDue = false;
    const at = performance.now() / 1_000;
    const time = scan?.time ?? now;
    // Simulated time may stand still, or run ahead: temperatures follow whichever passes more.
    const seconds = this.#scanned.time === 0 ? 0 : Math.max(time - this.#scanned.time, at - this.#scanned.at, 0);
    this.#scanned = { at, time };
    thread
      .scan({
        ...{ time, seconds, loads: this.#loads.newest, released: this.#loads.takeNews() },
        ...(scan === undefined ? {} : { scan }),
        faults: this.#loads.stale(now),
      })
      .then(
        (outcome) => this.#publish(outcome),
        (error: unknown) => this.#options.log.warn({ err: error }, "a scan has no state"),
      )
      .finally(() => this.#scan());
  }

  #publish({ believed, findings, findingsLeftOut, snapshot, milliseconds }: Outcome): void {
    if (this.#stopping.signal.aborted) return;
    this.#milliseconds.add(milliseconds);
    const switched = this.#snapshot === undefined || this.#snapshot.closed.some((one, i) => one !== snapshot.closed[i]);
    this.#snapshot = snapshot;
    if (believed === undefined) return;
    this.#sequence += 1;
    // A proposal for other loads says nothing of these.
    const isCurrent = this.#proposedSlot === this.#loads.slotStart;
    const { settings, grid, assumedRatings } = this.#plan;
    const state: GridState = {
      ...{ case: grid.name, topology: this.#topology.digest, sequence: this.#sequence, source: settings.scada },
      ...{ ...believed, assumedRatings, publishedAt: Date.now() / 1_000 },
      loads: {
        source: settings.scada !== "simulated" ? "sensors" : this.#loads.slotStart === null ? "case" : "feeders",
        ...{ slotStart: this.#loads.slotStart, feeders: this.#loads.newest.length, factor: settings.loadFactor },
        stale: findings.some(({ kind, element }) => kind === "stale" && element.startsWith("feeder:")),
      },
      switching: (isCurrent ? this.#switching : undefined) ?? null,
      ...{ findings: [...findings], findingsLeftOut },
    };
    this.#send(state);
    this.#store.add(historyRowOf(state), state.publishedAt);
    const isDue = !isCurrent && performance.now() - this.#proposedAt > LEAST_PROPOSAL_MILLISECONDS;
    if ((switched || isDue) && settings.optimiseSeconds > 0 && this.#topology.radial) void this.#propose();
  }

  #send(state: GridState): void {
    this.#recent.add(state);
    this.#ports?.send(topicOf("grid", { topic: STATE_TOPIC }), Buffer.from(JSON.stringify(state)));
  }

  /** Says so when sensors have fallen silent. */
  #watch(): void {
    const silent = performance.now() / 1_000 - this.#scanned.at;
    const limit = STALE_SCANS * this.#plan.settings.scanSeconds;
    const { last } = this.#recent;
    if (last === undefined || silent <= limit) return;
    const before = last.findings.filter(({ kind, element }) => kind !== "stale" || element !== "grid");
    const known = last.findings.find(({ kind, element }) => kind === "stale" && element === "grid");
    // Told once, and again as time goes on, but not with every look.
    if (known !== undefined && silent < 2 * known.value) return;
    const since = known?.since ?? last.time;
    const stale = { kind: "stale", element: "grid", since, scans: (known?.scans ?? 0) + 1 } as const;
    const findings = [{ ...stale, value: Math.round(silent), limit, unit: "s" }, ...before].slice(0, 200);
    this.#send({ ...last, stale: true, publishedAt: Date.now() / 1_000, findings });
  }

  /** A proposal for the loads and switches of now. One that cannot be made in time is none. */
  async #propose(): Promise<void> {
    const [snapshot, state, threads] = [this.#snapshot, this.#recent.last, this.#requests];
    if (snapshot === undefined || state === undefined || threads === undefined || this.#proposing) return;
    const { time, simulated } = state;
    const { slotStart } = state.loads;
    this.#proposing = true;
    this.#proposedAt = performance.now();
    const signal = AbortSignal.any([
      this.#stopping.signal,
      AbortSignal.timeout(this.#plan.settings.requestSeconds * 1_000),
    ]);
    try {
      const task = { snapshot, options: optimiseOptions.parse({}), at: { time, simulated } };
      this.#switching = switchingOf(await threads.run("optimise", task, signal));
      this.#proposedSlot = slotStart;
    } catch (err) {
      if (this.#stopping.signal.aborted) return;
      if (err instanceof GridFault || signal.aborted) this.#options.log.warn({ err }, "no proposal for the switches");
      else throw err;
    } finally {
      this.#proposing = false;
    }
  }
}
