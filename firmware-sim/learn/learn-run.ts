/**
 * A campaign of federated learning on this machine: enrols, starts broker, aggregators, utility, homes and analytics as
 * processes, and moves simulated time on when a round's homes have done what they will. They meet over MQTT only.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { DateTime } from "luxon";
import { stringify } from "yaml";
import { enrol } from "../../config/enrolment/index.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import { type ClockDuty, notedTime, takeClockDuty } from "../fleet/clock-duty.ts";
import { FleetRoles } from "../fleet/fleet-roles.ts";
import { settingsOf } from "../fleet/enrollable.ts";
import { connectSimulator, type SimulatorClock } from "../fleet/simulator-clock.ts";
import { type RoleSpec, Supervisor } from "../fleet/supervisor.ts";
import { keepRun } from "./asked-run.ts";
import type { CoordinatorMessage, HomesMessage, HomesPlan, RoundEntry } from "./messages.ts";
import { type ReleaseReport, releaseReport } from "./release-report.ts";
import type { LearnRequest } from "./request.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Everybody hears the time so often; a process that is started again waits no longer for it. */
const CLOCK_MILLISECONDS = 200;
/** The utility asks a second after a round has closed. */
const AFTER_SECONDS = 2;

export interface LearnRunOptions {
  readonly request: LearnRequest;
  readonly log: Logger;
  readonly onPhase?: (phase: string) => void;
  readonly onRound?: (entry: RoundEntry, reason: string | undefined, refused: Readonly<Record<string, number>>) => void;
  /** Homes are about to hear of a round, for the first time or from a coordinator that was started again. */
  readonly onAnnounced?: (step: number, round: string) => void;
  readonly onRestart?: (name: string, reason: string) => void;
  /** Another entry file for a process, by its name: a broker that records, for example. */
  readonly entryOf?: (name: string) => string | undefined;
}

interface OpenRound {
  readonly round: string;
  readonly closesAt: number;
  finished: number;
  refused: Readonly<Record<string, number>>;
  /** When something moved last. */
  movedAt: number;
}

export class LearnRun {
  readonly supervisor: Supervisor;
  readonly #options: LearnRunOptions;
  readonly #configFile: string;
  readonly #early = new Map<string, HomesMessage>();
  #history: readonly RoundEntry[] = [];
  #open: OpenRound | undefined;
  #simulator: SimulatorClock | undefined;
  #duty: ClockDuty | undefined;
  #time = 0;
  #timer: NodeJS.Timeout | undefined;
  #settle: { readonly done: (file: string) => void; readonly failed: (error: Error) => void } | undefined;

  constructor(options: LearnRunOptions) {
    this.#options = options;
    this.#configFile = join(options.request.data, "fleet", "config.yaml");
    this.supervisor = new Supervisor({
      restarted: (name, reason) => {
        options.log.info({ name, reason }, "a process ended and is started again");
        options.onRestart?.(name, reason);
      },
      message: (name, message) => {
        if (name === "homes") this.#onHomes(message as HomesMessage);
        else if (name === "analytics") this.#onCoordinator(message as CoordinatorMessage);
      },
      failed: (name, reason) => this.#settle?.failed(new Error(`${name} cannot go on: ${reason}`)),
    });
  }

  /** Rounds that earlier runs in the folder have settled. */
  get history(): readonly RoundEntry[] {
    return this.#history;
  }

  /** Resolves with the coordinator's report when the campaign is over; rejects when a process cannot go on. */
  async run(signal: AbortSignal): Promise<string> {
    const over = new Promise<string>((done, failed) => {
      this.#settle = { done, failed };
    });
    over.catch(() => undefined);
    const stop = (): void => {
      this.supervisor.endStarts();
      this.#settle?.failed(new Error("interrupted"));
    };
    signal.addEventListener("abort", stop, { once: true });
    try {
      signal.throwIfAborted();
      await this.#start();
      return await over;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async #start(): Promise<void> {
    const { request, log, onPhase } = this.#options;
    const { config, data, source, homes } = request;
    keepRun(data, request.asked);
    onPhase?.(`enrolling ${homes.length} homes`);
    const chosen = new Set(homes.map(({ id }) => id));
    const meters = source.meters.filter(({ id }) => chosen.has(id)).map(({ id, feeder }) => ({ meter: id, feeder }));
    await enrol({ data, meters, ...settingsOf(config), hosts: ["localhost", "127.0.0.1", config.broker.host] });
    this.#duty = takeClockDuty(data);
    const end = homes.reduce((most, { endSlot }) => Math.max(most, endSlot), 0);
    this.#time = Math.max(notedTime(data), end * config.system.slotSeconds);
    this.#writeConfig({ tls: 0, wss: 0, public: 0 });
    const roles = new FleetRoles({ data, configFile: this.#configFile, entryOf: this.#options.entryOf });
    onPhase?.("starting the broker, the aggregators and the utility");
    const { ports } = await this.supervisor.start(roles.broker("embedded"));
    const { tls, wss, public: open } = ports as { tls: number; wss: number; public: number };
    this.#writeConfig({ tls, wss, public: open });
    this.#simulator = await connectSimulator({ data, broker: { host: config.broker.host, port: tls }, log });
    await this.#tick();
    this.#timer = setInterval(() => void this.#tick().catch(() => undefined), CLOCK_MILLISECONDS);
    const indices = Array.from({ length: config.system.aggregators }, (_, i) => i + 1);
    const aggregators = indices.flatMap((index) => roles.aggregator(index, config.simulation));
    await Promise.all([...aggregators, roles.server("utility")].map((spec) => this.supervisor.start(spec)));
    onPhase?.("connecting the homes");
    await this.supervisor.start(this.#homes());
    onPhase?.("the campaign begins");
    await this.supervisor.start(this.#analytics());
  }

  #homes(): RoleSpec {
    const { data, readings, homes, dropOut, seed } = this.#options.request;
    const plan: HomesPlan = { configFile: this.#configFile, data, readings, homes, dropOut, seed };
    const file = this.#write("homes", plan);
    return { name: "homes", entry: this.#entry("homes", "firmware-sim/learn/homes-main.ts"), args: [file] };
  }

  #analytics(): RoleSpec {
    const entry = this.#entry("analytics", "analytics/main.ts");
    return { name: "analytics", entry, args: ["--config", this.#configFile] };
  }

  #entry(name: string, usual: string): string {
    return this.#options.entryOf?.(name) ?? usual;
  }

  #write(folder: string, plan: object): string {
    const own = join(this.#options.request.data, folder);
    mkdirSync(own, { recursive: true, mode: 0o700 });
    const file = join(own, "plan.json");
    writeFileSync(file, JSON.stringify(plan));
    return file;
  }

  #writeConfig(ports: { tls: number; wss: number; public: number }): void {
    const { config, data, homes, plan } = this.#options.request;
    const { slotSeconds, timezone } = config.system;
    // The utility asks for no loads from before: nobody has shared these readings here.
    const last = homes.reduce((most, { endSlot }) => Math.max(most, endSlot), 0) * slotSeconds;
    const start = DateTime.fromSeconds(last, { zone: timezone }).toFormat("yyyy-MM-dd");
    const effective = {
      ...config,
      paths: { data, results: resolve(config.paths.results), logs: resolve(config.paths.logs) },
      broker: { ...config.broker, tlsPort: ports.tls, wssPort: ports.wss, publicPort: ports.public },
      simulation: { ...config.simulation, enabled: true, start },
      analytics: {
        ...config.analytics,
        campaign: this.#write("learning", plan),
        announceSeconds: plan.announceSeconds,
      },
    };
    mkdirSync(join(data, "fleet"), { recursive: true });
    writeFileSync(
      this.#configFile,
      `# Written by the run: the configuration of its processes.\n${stringify(effective)}`,
    );
  }

  async #tick(): Promise<void> {
    this.#moveOn();
    this.#duty?.note(this.#time);
    await this.#simulator?.publish(this.#time);
  }

  /** Closes the round when every home has done what it will, or nothing has moved for long. */
  #moveOn(): void {
    const open = this.#open;
    const { homes, patienceSeconds } = this.#options.request;
    if (open === undefined || this.#time > open.closesAt) return;
    const isDone = open.finished >= homes.length;
    const isStuck = performance.now() - open.movedAt > patienceSeconds * 1_000;
    if (isDone || isStuck) this.#time = open.closesAt + AFTER_SECONDS;
  }

  #onHomes(message: HomesMessage): void {
    const open = this.#open;
    if (message.round !== open?.round) {
      // The homes may be quicker to tell than the coordinator.
      this.#early.set(message.round, message);
      return;
    }
    if (message.finished > open.finished) open.movedAt = performance.now();
    open.finished = message.finished;
    open.refused = message.refused;
  }

  #onCoordinator(message: CoordinatorMessage): void {
    if (message.type === "campaign") this.#history = message.history;
    else if (message.type === "announced") {
      const { round, step, closesAt } = message;
      this.#options.onAnnounced?.(step, round);
      if (this.#open?.round === round) return;
      this.#open = { round, closesAt, finished: 0, refused: {}, movedAt: performance.now() };
      const early = this.#early.get(round);
      this.#early.clear();
      if (early !== undefined) this.#onHomes(early);
    } else if (message.type === "settled") {
      const { entry, reason } = message;
      this.#options.onRound?.(entry, reason, this.#open?.refused ?? {});
    } else this.#settle?.done(message.file);
  }

  /**
   * Asks the running analytics for a release as anyone would, by `npm run learn -- ask`; resolves with what it prints as
   * JSON, opened or not. Throws for what it refuses.
   */
  async ask(what: readonly string[], signal: AbortSignal): Promise<ReleaseReport> {
    const command = ["config/runtime/start.mjs", "analytics/releases-main.ts", "ask", ...what];
    const args = [...command, "--json", "--config", this.#configFile];
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"], signal });
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    if (out === "") throw new Error(`asking for a release: ${err.trim()}`);
    return releaseReport.parse(JSON.parse(out));
  }

  /** Stops everything it started: homes and analytics first, the broker last. */
  async stop(): Promise<void> {
    this.supervisor.sampleMemory();
    for (const name of ["analytics", "homes"]) await this.supervisor.stop(name);
    const servers = this.supervisor.names().filter((name) => name !== "broker");
    await Promise.all(servers.map((name) => this.supervisor.stop(name)));
    clearInterval(this.#timer);
    await this.#simulator?.close();
    await this.supervisor.stop("broker");
    this.#duty?.end();
  }
}
