/**
 * The grid in operation, as a part of analytics: released loads and samples in, states on `wv/1/pub/grid/state` and answers to
 * the HTTP interface out, over the connection of whoever starts it.
 */
import path from "node:path";
import type { Config } from "../../../config/index.ts";
import { openRoll, type Party } from "../../../config/keys/index.ts";
import type { Logger } from "../../../config/runtime/logger.ts";
import { type GridState, type GridTopology, STATE_TOPIC } from "../../../protocol/grid/index.ts";
import { filterOf, parseTopic, topicOf } from "../../../protocol/topics.ts";
import type { Scan } from "../scada/scan.ts";
import { FeederLoads } from "./feeder-loads.ts";
import { handlersOf } from "./handlers.ts";
import type { Outcome, Snapshot } from "./operation.ts";
import { operationPlan, type OperationPlan } from "./plan.ts";
import { Proposals } from "./proposals.ts";
import { RecentStates } from "./recent.ts";
import { RequestDesk } from "./request-desk.ts";
import { checkScans, feedScans } from "./scada-feed.ts";
import { isSilenceNews, type Silence, staleState } from "./silence.ts";
import { stateOf } from "./state.ts";
import { gridPlace } from "../../../config/storage/place.ts";
import { GridStore, historyRowOf } from "./store.ts";
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
  /** No scan comes until somebody mends their source. */
  #isBroken = false;
  /** Samples, by code. */
  readonly #refused: Record<string, number> = {};
  /** Monotonic seconds, and the time of samples, of the scan before. */
  #scanned = { at: Number.NEGATIVE_INFINITY, time: 0 };
  #sequence = 0;
  #snapshot: Snapshot | undefined;
  /** None for a grid without switches to choose, or where none are wanted. */
  #proposals: Proposals | undefined;

  private constructor(options: GridServiceOptions, plan: OperationPlan, topology: GridTopology, store: GridStore) {
    this.#options = options;
    this.#plan = plan;
    this.#topology = topology;
    this.#store = store;
    this.#loads = new FeederLoads(plan, store.newestLoads());
    this.#recent = new RecentStates(topology);
  }

  /** Throws UsageError for a grid or a file of scans that cannot be used, StorageError `locked` while another process operates. */
  static async open(options: GridServiceOptions): Promise<GridService> {
    const { config, party } = options;
    const plan = operationPlan(config, openRoll(party).feeders());
    await checkScans(plan);
    return new GridService(options, plan, topologyMessage(plan), new GridStore(gridPlace(config), plan.grid.name));
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
      ...{ plan: this.#plan, calendar: { slotSeconds, timezone }, file: gridPlace(config) },
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
        sinceStart: () => {
          const { requests, refused } = this.#desk!.counts;
          const scanned = { scans: this.#sequence, scanMilliseconds: this.#milliseconds.told() };
          return { ...scanned, requests, refused: { ...refused, ...this.#refused } };
        },
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
        ...{ plan: this.#plan, signal: this.#stopping.signal, log, now: ports.now },
        refuse: (code, detail) => {
          this.#refused[code] = (this.#refused[code] ?? 0) + 1;
          ports.refuse(code, detail);
        },
        onScan: (scan) => {
          this.#isBroken = false;
          this.#waiting = scan;
          this.#scan();
        },
        onBroken: () => {
          this.#isBroken = true;
          this.#tellBroken();
        },
      }).catch(crashed);
      every(settings.scanSeconds, () => this.#watch());
    }
    if (settings.optimiseSeconds > 0 && this.#topology.radial) {
      const proposals = new Proposals({
        ...{ threads: this.#requests, requestSeconds: settings.requestSeconds, log, signal: this.#stopping.signal },
        now: () => ({ snapshot: this.#snapshot, state: this.#recent.last }),
      });
      this.#proposals = proposals;
      every(settings.optimiseSeconds, () => void proposals.make());
    }
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
      .finally(() => {
        this.#scan();
        this.#tellBroken();
      });
  }

  #publish(outcome: Outcome): void {
    if (this.#stopping.signal.aborted) return;
    const { believed, snapshot, milliseconds } = outcome;
    this.#milliseconds.add(milliseconds);
    const switched = this.#snapshot === undefined || this.#snapshot.closed.some((one, i) => one !== snapshot.closed[i]);
    this.#snapshot = snapshot;
    if (believed === undefined) return;
    this.#sequence += 1;
    const { slotStart } = this.#loads;
    const state = stateOf(believed, outcome, {
      ...{ plan: this.#plan, topology: this.#topology, sequence: this.#sequence, slotStart },
      ...{ feeders: this.#loads.newest.length, switching: this.#proposals?.of(slotStart, snapshot) ?? null },
      publishedAt: Date.now() / 1_000,
    });
    this.#send(state);
    this.#store.add(historyRowOf(state), state.publishedAt);
    if (switched || this.#proposals?.isDue(slotStart) === true) void this.#proposals?.make();
  }

  #send(state: GridState): void {
    this.#recent.add(state);
    this.#ports?.send(topicOf("grid", { topic: STATE_TOPIC }), Buffer.from(JSON.stringify(state)));
  }

  get #silence(): Silence {
    const seconds = performance.now() / 1_000 - this.#scanned.at;
    return { seconds, limitSeconds: STALE_SCANS * this.#plan.settings.scanSeconds };
  }

  /** Says so when sensors have fallen silent. */
  #watch(): void {
    const { last } = this.#recent;
    if (last !== undefined && isSilenceNews(last, this.#silence)) this.#sendStale(last);
  }

  #sendStale(last: GridState): void {
    this.#send(staleState(last, this.#silence, Date.now() / 1_000));
  }

  /** At once where it is known that nothing will come, but not while a scan is on its way to be a state. */
  #tellBroken(): void {
    const { last } = this.#recent;
    if (!this.#isBroken || this.#thread?.busy === true || last === undefined || last.stale) return;
    this.#sendStale(last);
  }
}
