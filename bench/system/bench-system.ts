/**
 * A whole system for a benchmark: enrolled in a temporary folder, every role a process of its own over real TLS. Time
 * is simulated and stands far ahead, so that a benchmark may hand in slots as fast as the system takes them.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { enrol } from "../../config/enrolment/index.ts";
import { loadConfig } from "../../config/index.ts";
import type { Config, Flag } from "../../config/index.ts";
import { meterNames, spreadOverFeeders } from "../../firmware-sim/fleet/fleet-plan.ts";
import { connectSimulator, type SimulatorClock } from "../../firmware-sim/fleet/simulator-clock.ts";
import { type RoleSpec, Supervisor } from "../../firmware-sim/fleet/supervisor.ts";

/** The slot at which benchmarks begin: some time in 2024. */
export const FIRST_SLOT = 1_900_800;
const QUIET = { info: () => undefined, warn: () => undefined };

export interface BenchSystemOptions {
  readonly meters: number;
  readonly feeders?: number;
  /** Fields of the configuration that the benchmark needs otherwise than by default. */
  readonly set?: Readonly<Record<string, unknown>>;
  /** Another entry file for a process: one that behaves otherwise. */
  readonly entryOf?: (name: string) => string | undefined;
  /** Write a CPU profile of each process into this folder when it stops. */
  readonly cpuProfile?: string | undefined;
  readonly onEnrolled?: (done: number, total: number) => void;
}

export class BenchSystem {
  readonly data: string;
  readonly config: Config;
  readonly meters: readonly { readonly id: string; readonly feeder: string }[];
  readonly supervisor: Supervisor;
  readonly #options: BenchSystemOptions;
  readonly #failures: string[] = [];
  #onMessage: (name: string, message: unknown) => void = () => undefined;
  #simulator: SimulatorClock | undefined;
  #clock: NodeJS.Timeout | undefined;
  #time = 0;
  #stopped = false;

  constructor(options: BenchSystemOptions) {
    this.#options = options;
    this.data = mkdtempSync(join(tmpdir(), "wattveil-bench-"));
    // Also when interrupted: it holds keys, if only of a benchmark.
    process.once("exit", () => rmSync(this.data, { recursive: true, force: true }));
    const set: Record<string, unknown> = {
      "paths.data": this.data,
      "paths.logs": join(this.data, "logs"),
      "paths.results": join(this.data, "results"),
      "broker.tlsPort": 0,
      "broker.wssPort": 0,
      "broker.publicPort": 0,
      "broker.connectionsPerSecond": 0,
      "simulation.enabled": true,
      "simulation.meters": options.meters,
      "simulation.feeders": options.feeders ?? 1,
      "logging.level": "warn",
      "logging.performance": false,
      ...options.set,
    };
    const flags = Object.entries(set).map(([path, value]): Flag => ({ name: "bench", path, value }));
    this.config = loadConfig({ env: {}, flags });
    this.meters = spreadOverFeeders(meterNames(options.meters), options.feeders ?? 1);
    this.supervisor = new Supervisor({
      message: (name, message) => this.#onMessage(name, message),
      restarted: (name, reason) => this.#failures.push(`${name}: ${reason}`),
      failed: (name, reason) => this.#failures.push(`${name}: ${reason}`),
    });
  }

  get configFile(): string {
    return join(this.data, "bench", "config.yaml");
  }

  /** What ended though nobody asked it to: a benchmark with entries here has no result. */
  get failures(): readonly string[] {
    return this.#failures;
  }

  async enrol(): Promise<void> {
    const { aggregators, threshold, quorum, slotSeconds } = this.config.system;
    const { onEnrolled } = this.#options;
    await enrol({
      data: this.data,
      meters: this.meters.map(({ id, feeder }) => ({ meter: id, feeder })),
      aggregators,
      threshold,
      quorum,
      slotSeconds,
      simulation: true,
      ...(onEnrolled === undefined ? {} : { onProgress: onEnrolled }),
    });
  }

  /** Starts the broker, and then fixes its ports for everyone. */
  async startBroker(): Promise<void> {
    const { tlsPort, wssPort, publicPort } = this.config.broker;
    this.#writeConfig({ tls: tlsPort, wss: wssPort, public: publicPort });
    const ready = await this.start("broker", "broker/main.ts", ["--config", this.configFile]);
    this.#writeConfig(ready["ports"] as { tls: number; wss: number; public: number });
    this.#simulator = await this.#connectSimulator((ready["ports"] as { tls: number }).tls);
  }

  #writeConfig(ports: { readonly tls: number; readonly wss: number; readonly public: number }): void {
    const { broker } = this.config;
    const effective = {
      ...this.config,
      broker: { ...broker, tlsPort: ports.tls, wssPort: ports.wss, publicPort: ports.public },
    };
    mkdirSync(join(this.data, "bench"), { recursive: true });
    writeFileSync(this.configFile, stringify(effective));
  }

  #connectSimulator(port: number): Promise<SimulatorClock> {
    return connectSimulator({ data: this.data, broker: { host: this.config.broker.host, port }, log: QUIET });
  }

  /** Sets the simulated time, and repeats it for processes that start later. */
  async setSlot(slot: number): Promise<void> {
    this.#time = slot * this.config.system.slotSeconds;
    this.#clock ??= setInterval(() => void this.#publishClock().catch(() => undefined), 200);
    await this.#publishClock();
  }

  async #publishClock(): Promise<void> {
    await this.#simulator?.publish(this.#time);
  }

  async startAggregators(): Promise<void> {
    const indices = Array.from({ length: this.config.system.aggregators }, (_, index) => index + 1);
    const start = (index: number): Promise<unknown> => {
      const name = `a-${index}`;
      const entry = this.#options.entryOf?.(name) ?? "aggregator/main.ts";
      return this.start(name, entry, ["--id", String(index), "--config", this.configFile]);
    };
    await Promise.all(indices.map(start));
  }

  async startUtility(): Promise<void> {
    await this.start("utility", "utility/main.ts", ["--config", this.configFile]);
  }

  /** Starts a process of the benchmark's own; `plan` reaches it as a file. */
  async startWorker(name: string, entry: string, plan: object): Promise<Readonly<Record<string, unknown>>> {
    const file = join(this.data, "bench", `${name}.json`);
    writeFileSync(file, JSON.stringify(plan));
    return this.start(name, entry, [file]);
  }

  async start(name: string, entry: string, args: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
    return this.supervisor.start(this.#profiled({ name, entry, args }));
  }

  #profiled(spec: RoleSpec): RoleSpec {
    const { cpuProfile } = this.#options;
    if (cpuProfile === undefined) return spec;
    return { ...spec, nodeFlags: ["--cpu-prof", `--cpu-prof-dir=${cpuProfile}`] };
  }

  /** Sends a worker a command and waits for the one message that answers it. */
  ask<Answer>(name: string, command: object): Promise<Answer> {
    return this.askAll<Answer>([name], () => command).then(([answer]) => answer!);
  }

  /** The same for several workers at a time; one question at a time. */
  async askAll<Answer>(names: readonly string[], command: (name: string) => object): Promise<Answer[]> {
    const answers = new Map<string, Answer>();
    const done = new Promise<void>((resolve, reject) => {
      this.#onMessage = (name, message) => {
        if (names.includes(name)) answers.set(name, message as Answer);
        if (answers.size === names.length) resolve();
      };
      const watch = setInterval(() => {
        if (answers.size < names.length && this.#failures.length > 0) reject(new Error(this.#failures.join("; ")));
        if (answers.size === names.length || this.#failures.length > 0) clearInterval(watch);
      }, 250);
    });
    for (const name of names) {
      if (!this.supervisor.send(name, command(name))) throw new Error(`${name} is not running`);
    }
    await done;
    return names.map((name) => answers.get(name)!);
  }

  /** Stops all processes and keeps the folder; they may be started again. */
  async pause(): Promise<void> {
    clearInterval(this.#clock);
    this.#clock = undefined;
    await this.#simulator?.close();
    this.#simulator = undefined;
    const last = ["broker"];
    const first = this.supervisor.names().filter((name) => !last.includes(name));
    await Promise.all(first.map((name) => this.supervisor.stop(name)));
    await this.supervisor.stop("broker");
  }

  /** Stops everything and removes the folder; a second call does nothing. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#clock);
    await this.#simulator?.close();
    const last = ["broker"];
    const first = this.supervisor.names().filter((name) => !last.includes(name));
    await Promise.all(first.map((name) => this.supervisor.stop(name)));
    await this.supervisor.stopAll(last);
    rmSync(this.data, { recursive: true, force: true });
  }
}
