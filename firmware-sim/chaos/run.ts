/**
 * One run under chaos: a fleet with witnesses, every way to the broker through relays, a schedule carried out while its
 * slots go by, everything healed at the end, and then the checker, a process of its own that knows the files only.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Config } from "../../config/index.ts";
import { createLogger } from "../../config/runtime/logger.ts";
import { Fleet } from "../fleet/fleet.ts";
import { type FleetPlan, planGenerated } from "../fleet/fleet-plan.ts";
import { type CheckerReport, runChecker } from "./check-process.ts";
import { Director } from "./director.ts";
import { canMount, type DiskKind, Disks, unmountUnder } from "./disks.ts";
import { Faults } from "./faults.ts";
import { type Manifest, MANIFEST } from "./manifest.ts";
import { ChaosNetwork } from "./network.ts";
import { type Observer, observe } from "./observer.ts";
import { openRunLog, type RunLog } from "./run-log.ts";
import { formatSchedule, type Schedule, type Target } from "./schedule.ts";
import { untilStuck } from "./stuck.ts";
import { settled } from "./settle.ts";
import { brokerNodes, pidFiles, targetsOf } from "./targets.ts";
import { prepareWitnesses, type Witnesses, witnessNames } from "./witnesses.ts";

const SCHEDULE = "schedule.yaml";
/** Further behind than so many slots no meter may be: the utility's clock may then be wrong by what is left of the grace. */
const LAG_SLOTS = 2;
/** Of the log, each a process; all of them must have seen a bill. */
const WITNESSES = 2;
const ROLE_FAULTS = new URL("./role-faults.mjs", import.meta.url).href;

export interface ChaosOptions {
  /** With the settings of chaos (`settings.ts`). */
  readonly config: Config;
  readonly schedule: Schedule;
  /** Where everything goes; what is there of an earlier run is deleted. */
  readonly folder: string;
  readonly settleSeconds: number;
  /** Processes that cosign the log, if not two. */
  readonly witnesses?: number;
  readonly signal: AbortSignal;
  /** Another entry file for a process, by its name: a planted fault. */
  readonly entryOf?: (name: string) => string | undefined;
  readonly onPhase?: (text: string) => void;
  readonly onSlot?: (done: number, total: number) => void;
  readonly onSettling?: (there: number, total: number) => void;
}

export interface ChaosResult {
  readonly report: CheckerReport;
  readonly folder: string;
  readonly seconds: number;
  /** Events that were carried out, and those whose target did not run just then. */
  readonly events: { readonly done: number; readonly missed: number };
  /** How often each process was started again. */
  readonly restarts: Readonly<Record<string, number>>;
  /** Connections that relays cut, by reason. */
  readonly cuts: Readonly<Record<string, number>>;
  readonly disks: DiskKind;
}

/** A run that cannot be begun. */
class ChaosError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ChaosError";
  }
}

/** What may befall the processes of such a run. */
export function chaosTargets(config: Config, witnesses = WITNESSES): Target[] {
  return targetsOf({ config, witnesses: witnessNames(witnesses) });
}

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const folder = resolve(options.folder);
  const data = join(folder, "data");
  assertOwn(folder);
  unmountUnder(folder);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(data, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, SCHEDULE), formatSchedule(options.schedule));
  const log = openRunLog(join(folder, "run.jsonl"));
  const paths = { data, logs: join(folder, "logs"), results: join(folder, "results") };
  const run = new ChaosRun({ ...options, folder, config: { ...options.config, paths } }, data, log);
  try {
    return await run.run();
  } finally {
    await log.close();
  }
}

/** A folder that is no earlier run's is not deleted. */
function assertOwn(folder: string): void {
  if (!existsSync(folder) || readdirSync(folder).length === 0 || existsSync(join(folder, SCHEDULE))) return;
  throw new ChaosError(`${folder} holds something else than a run under chaos; choose another --out, or delete it`);
}

class ChaosRun {
  readonly #options: ChaosOptions;
  readonly #data: string;
  readonly #log: RunLog;
  readonly #restarts: Record<string, number> = {};
  readonly #network: ChaosNetwork;
  readonly #witnesses: number;

  constructor(options: ChaosOptions, data: string, log: RunLog) {
    this.#options = options;
    this.#data = data;
    this.#log = log;
    this.#witnesses = options.witnesses ?? WITNESSES;
    this.#network = new ChaosNetwork({ seed: options.schedule.seed, nodes: brokerNodes(options.config) });
  }

  async run(): Promise<ChaosResult> {
    const { config, schedule, folder } = this.#options;
    const onPhase = (text: string): void => this.#phase(text);
    const startedAt = performance.now();
    this.#log.write("run", { ...schedule, events: schedule.events.length });
    const plan = await planGenerated(config, undefined);
    onPhase("enrolling");
    await new Fleet({ config, plan, log: createLogger(config, "fleet", { stderr: "silent" }).log }).enrol();
    const nodeFlags = ["--import", ROLE_FAULTS];
    const network = this.#network;
    const witnesses = await prepareWitnesses({ config, data: this.#data, count: this.#witnesses, network, nodeFlags });
    const kind: DiskKind = canMount() ? "tmpfs" : "page-limit";
    try {
      const fed = await this.#feed({ plan, witnesses, nodeFlags, kind });
      writeFileSync(join(folder, MANIFEST), `${JSON.stringify(this.#manifest(fed, witnesses), undefined, 1)}\n`);
      onPhase("checking");
      const report = await runChecker(folder);
      this.#log.write("verdict", report);
      const { director } = fed;
      const events = { done: director.done, missed: director.missed };
      const seconds = (performance.now() - startedAt) / 1_000;
      const figures = { events, restarts: this.#restarts, cuts: network.stats().cuts, disks: kind };
      this.#log.write("end", { seconds, ...figures });
      return { report, folder, seconds, ...figures };
    } finally {
      await network.close();
    }
  }

  async #feed(given: Given): Promise<Fed> {
    const { config, schedule, folder, signal, onSlot, onSettling, settleSeconds, entryOf } = this.#options;
    const { plan, witnesses, nodeFlags, kind } = given;
    const onPhase = (text: string): void => this.#phase(text);
    const failed: string[] = [];
    const { log, flush } = createLogger(config, "fleet", { stderr: "silent" });
    let slots = 0;
    let director: Director | undefined;
    const fleet = new Fleet({
      config: { ...config, log: witnesses.log },
      plan,
      log,
      lagSlots: LAG_SLOTS,
      routeOf: (party, broker) => this.#network.routeOf(party, broker),
      nodeFlagsOf: () => nodeFlags,
      ...(entryOf === undefined ? {} : { entryOf }),
      onPhase,
      onSlot: (_slot, done, total) => {
        slots = done;
        onSlot?.(done, total);
        director?.onSlot(done);
      },
      onRestart: (name, reason) => {
        this.#restarts[name] = (this.#restarts[name] ?? 0) + 1;
        this.#log.write("restart", { slot: slots, name, reason });
      },
      onFailed: (name, reason) => {
        this.#log.write("failed", { slot: slots, name, reason });
        failed.push(`${name} cannot be started again: ${reason}`);
        fleet.interrupt();
      },
    });
    const { supervisor } = fleet;
    const disks = new Disks({
      folders: this.#folders(witnesses),
      kind,
      send: (name, what) => supervisor.send(name, what),
    });
    const faults = new Faults({
      ...{ supervisor, network: this.#network, disks, slotSeconds: config.system.slotSeconds },
      pidFiles: pidFiles(this.#data, config),
    });
    const onHappened = (happened: object): void => this.#log.write("chaos", happened);
    const directing = new Director({ events: schedule.events, faults, onHappened });
    const interrupt = (): void => fleet.interrupt();
    signal.addEventListener("abort", interrupt, { once: true });
    let observer: Observer | undefined;
    try {
      disks.open();
      await Promise.all(witnesses.specs.map((spec) => supervisor.start(spec)));
      await fleet.start();
      observer = observe(fleet.ports.public, join(folder, "observed.jsonl"));
      director = directing;
      const progress = (): string => `${slots} ${fleet.conductor.counters().settled}`;
      const done = await untilStuck(() => fleet.run(), { progress, seconds: settleSeconds, onStuck: interrupt });
      directing.healAll();
      signal.throwIfAborted();
      this.#log.write("fed", { slots, of: plan.range.to - plan.range.from, stuck: done.isStuck, failed });
      await fleet.writeTruth(join(folder, "truth.csv"), done.result);
      onPhase("waiting for bills, loads and witnesses");
      const expected = this.#expected(done.result);
      const isSettled = await settled({
        ...{ data: this.#data, expected, quorum: this.#witnesses, signal },
        patienceMilliseconds: settleSeconds * 1_000,
        ...(onSettling === undefined ? {} : { onProgress: onSettling }),
      });
      signal.throwIfAborted();
      this.#log.write("settled", { settled: isSettled, observed: observer.messages(), ...expected });
      return {
        plan: done.result,
        director: directing,
        isFedAll: slots === plan.range.to - plan.range.from && !done.isStuck,
        isSettled,
        failed,
      };
    } finally {
      signal.removeEventListener("abort", interrupt);
      directing.healAll();
      await observer?.close();
      await fleet.stop();
      disks.close();
      flush();
    }
  }

  #phase(text: string): void {
    this.#log.write("phase", { text });
    this.#options.onPhase?.(text);
  }

  #folders(witnesses: Witnesses): Map<string, string> {
    const { config } = this.#options;
    const parties = chaosTargets(config, this.#witnesses).filter(({ actions }) => actions.includes("disk-full"));
    return new Map(parties.map(({ name }) => [name, witnesses.folders.get(name) ?? join(this.#data, name)]));
  }

  #expected({ source, range, dates }: FleetPlan): { bills: number; loads: number } {
    const days = Math.round((Date.parse(dates.to) - Date.parse(dates.from)) / 86_400_000);
    const feeders = new Set(source.meters.map(({ feeder }) => feeder)).size;
    return { bills: source.meters.length * days, loads: feeders * (range.to - range.from) };
  }

  #manifest({ plan, isFedAll, isSettled, failed }: Fed, witnesses: Witnesses): Manifest {
    const { system, billing, release } = this.#options.config;
    return {
      version: 1,
      data: "data",
      truth: "truth.csv",
      observed: "observed.jsonl",
      slotSeconds: system.slotSeconds,
      timezone: system.timezone,
      aggregators: system.aggregators,
      threshold: system.threshold,
      minMeters: release.minMeters,
      tariff: readFileSync(resolve(billing.tariff), "utf8"),
      dates: { from: plan.dates.from, to: plan.completeTo },
      policy: witnesses.policy,
      witnesses: [...witnesses.folders.values()].map((one) => join(one.slice(this.#data.length + 1), "witness.db")),
      fedAll: isFedAll,
      settled: isSettled,
      failed,
    };
  }
}

interface Given {
  readonly plan: FleetPlan;
  readonly witnesses: Witnesses;
  readonly nodeFlags: readonly string[];
  readonly kind: DiskKind;
}

interface Fed {
  /** The part that was fed: all of it, unless it got stuck. */
  readonly plan: FleetPlan;
  readonly director: Director;
  readonly isFedAll: boolean;
  readonly isSettled: boolean;
  /** Processes that could not be started again, and why. */
  readonly failed: readonly string[];
}
