/**
 * The whole system on one machine: enrols it, starts every role as a process with its own keys, conducts simulated
 * time, waits for bills and loads, and compares them with what was fed. Roles meet over MQTT only; this only conducts.
 */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ckksPlan, enrol } from "../../config/enrolment/index.ts";
import type { Config } from "../../config/index.ts";
import { brokerAddress } from "../../config/runtime/broker-address.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import { TruthFile } from "../loads/index.ts";
import { type FleetApi, startApi } from "./api-process.ts";
import { type BrokerPorts, type FleetBroker, startBroker } from "./broker-process.ts";
import { isClockTaken, notedTime } from "./clock-duty.ts";
import { Conductor } from "./conductor.ts";
import { ConfigFiles, type RouteOf } from "./config-files.ts";
import { windowHolds } from "./due-openings.ts";
import { leadSeconds } from "./emulated-meter.ts";
import { settingsOf } from "./enrollable.ts";
import { type FleetHistory, type FleetPlan, planUntil } from "./fleet-plan.ts";
import { FleetRoles } from "./fleet-roles.ts";
import { readHistory } from "./history.ts";
import type { HostCommand, HostProgress } from "./host-messages.ts";
import { writeHostPlans } from "./host-plans.ts";
import { type Enrolled, enrolledBeside, placesOf } from "./placement.ts";
import { RestingClock } from "./resting-clock.ts";
import { connectSimulator, type SimulatorClock } from "./simulator-clock.ts";
import { Supervisor } from "./supervisor.ts";

/** A meter whose readings end in a gap encrypts only after the grace: the clock does not wait for it longer. */
const HOLD_MILLISECONDS = 3_000;

export interface FleetOptions {
  readonly config: Config;
  readonly plan: FleetPlan;
  readonly log: Logger;
  /** Earlier runs have fed all of the plan: time begins at its end, and results are awaited. */
  readonly isFed?: boolean;
  /** Aggregators (by index) that are enrolled but not started. */
  readonly withoutAggregators?: readonly number[];
  /** Another entry file for a process, by its name, for example an aggregator on a disk that fails. */
  readonly entryOf?: (name: string) => string | undefined;
  /** Node's own flags for a process, by its name. */
  readonly nodeFlagsOf?: (name: string) => readonly string[];
  /** How a process reaches the broker, if not straight. */
  readonly routeOf?: RouteOf;
  /** How many slots the clock may be ahead of the oldest unacknowledged one; `rounds.graceSlots` where it is left out. */
  readonly lagSlots?: number;
  /** Called as things happen: for a progress bar, or for a test that kills processes. */
  readonly onPhase?: (phase: string) => void;
  readonly onSlot?: (slot: number, done: number, total: number) => void;
  readonly onConnected?: (connected: number, total: number) => void;
  readonly onEnrolled?: (done: number, total: number) => void;
  readonly onRestart?: (name: string, reason: string) => void;
  /** A role cannot be started again: its configuration, keys or port is wrong. */
  readonly onFailed?: (name: string, reason: string) => void;
}

export class Fleet {
  readonly supervisor: Supervisor;
  readonly #options: FleetOptions;
  readonly #data: string;
  readonly #files: ConfigFiles;
  readonly #roles: FleetRoles;
  readonly #hosts: string[] = [];
  #conductor: Conductor | undefined;
  #simulator: SimulatorClock | undefined;
  #resting: RestingClock | undefined;
  #interrupted = false;
  #broker: FleetBroker | undefined;
  #api: FleetApi | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#data = resolve(options.config.paths.data);
    const { config, plan, routeOf, entryOf, nodeFlagsOf } = options;
    const data = this.#data;
    const files = new ConfigFiles({ data, config, plan, routeOf });
    this.#files = files;
    const configOf = (name: string): string => files.of(name);
    this.#roles = new FleetRoles({ data, configFile: files.shared, configOf, entryOf, nodeFlagsOf });
    this.supervisor = new Supervisor({
      restarted: (name, reason) => {
        options.log.info({ name, reason }, "a process ended and is started again");
        options.onRestart?.(name, reason);
      },
      message: (name, message) => this.#conductor?.onProgress(name, message as HostProgress),
      failed: (name, reason) => {
        options.log.info({ name, reason }, "a process cannot be started");
        options.onFailed?.(name, reason);
      },
    });
  }

  get ports(): BrokerPorts {
    if (this.#broker === undefined) throw new Error("the broker has not been started");
    return this.#broker.ports;
  }

  /** Undefined where it is not started. */
  get api(): FleetApi | undefined {
    return this.#api;
  }

  get configFile(): string {
    return this.#files.shared;
  }

  get conductor(): Conductor {
    if (this.#conductor === undefined) throw new Error("the fleet has not been started");
    return this.#conductor;
  }

  /** Makes whatever keys are missing. `assertEnrollable` tells before whether the folder allows it. */
  async enrol(): Promise<Enrolled> {
    const { config, plan, onEnrolled, onPhase } = this.#options;
    await enrol({
      data: this.#data,
      meters: [
        ...placesOf(plan.source),
        ...plan.heads.map(({ id, feeder }) => ({ meter: id, feeder, role: "head" as const })),
      ],
      ...settingsOf(config),
      hosts: [...new Set(["localhost", "127.0.0.1", config.broker.host])],
      ckks: ckksPlan(config),
      onDealing: (set, number, total) => onPhase?.(`making the keys for ciphertexts: ${set} (${number} of ${total})`),
      ...(onEnrolled === undefined ? {} : { onProgress: onEnrolled }),
    });
    return enrolledBeside(this.#data, plan.source, plan.range);
  }

  /** Starts the broker, the other servers, then the meters; returns when all are ready. */
  async start(): Promise<void> {
    const { config, plan, onPhase, onSlot, withoutAggregators = [] } = this.#options;
    this.#assertGoingOn();
    const withAnalytics = config.homomorphic.enabled || config.grid.enabled;
    onPhase?.(`starting the broker, the aggregators${withAnalytics ? ", analytics" : ""} and the utility`);
    this.#files.writeShared(config.broker);
    this.#broker = await startBroker(config, this.#roles, this.supervisor);
    this.#files.writeShared(this.#broker.settings);
    const servers = Array.from({ length: config.system.aggregators }, (_, index) => index + 1)
      .filter((index) => !withoutAggregators.includes(index))
      .flatMap((index) => this.#roles.aggregator(index, config.simulation));
    servers.push(this.#roles.server("utility"));
    if (withAnalytics) servers.push(this.#roles.server("analytics"));
    const simulator = await this.#connectSimulator();
    this.#simulator = simulator;
    this.#hosts.push(...writeHostPlans({ config, plan, data: this.#data, configOf: (name) => this.#files.of(name) }));
    const names = [...servers.map(({ name }) => name), "api", ...this.#hosts];
    await this.#files.writeRoutes(names, this.#broker.settings);
    const total = plan.range.to - plan.range.from;
    const conductor = new Conductor({
      slotSeconds: config.system.slotSeconds,
      hosts: this.#hosts,
      send: (host, command: HostCommand) => this.supervisor.send(host, command),
      publishClock: (time) => simulator.publish(time),
      lagSlots: this.#options.lagSlots ?? config.rounds.graceSlots,
      holds: { slots: windowHolds(config, plan), patienceMilliseconds: HOLD_MILLISECONDS },
      speed: config.simulation.speed,
      monotonic: () => performance.now(),
      onSlot: (slot) => onSlot?.(slot, slot + 1 - plan.range.from, total),
    });
    this.#conductor = conductor;
    this.#assertGoingOn();
    conductor.start();
    // What is there already may be sent again, and would lie ahead of a clock that begins anew.
    const { slotSeconds } = config.system;
    // An emulated device counts in a slot whose beginning it has seen.
    const lead = plan.emulated.length > 0 ? leadSeconds(slotSeconds) : 0;
    await conductor.setTime((this.#options.isFed === true ? plan.range.to : plan.range.from) * slotSeconds - lead);
    await Promise.all([...servers.map((spec) => this.supervisor.start(spec)), this.#startApi()]);
    this.#assertGoingOn();
    onPhase?.("connecting the meters");
    await Promise.all(this.#hosts.map((name) => this.supervisor.start(this.#roles.host(name))));
  }

  async #startApi(): Promise<void> {
    const { config, plan } = this.#options;
    if (!config.api.enabled) return;
    const [roles, supervisor] = [this.#roles, this.supervisor];
    const shown = { meter: plan.source.meters[0]?.id, isMadeUp: plan.feed.kind === "generated" };
    this.#api = await startApi({ data: this.#data, roles, supervisor, ...shown });
  }

  #connectSimulator(signal?: AbortSignal): Promise<SimulatorClock> {
    const { config, log } = this.#options;
    const given = signal === undefined ? {} : { signal };
    const broker = brokerAddress({ broker: this.#broker?.settings ?? config.broker });
    return connectSimulator({ data: this.#data, broker, log, ...given });
  }

  /**
   * Runs the slots of the plan, and lets time go on until every round of them is due. Resolves with the part of the
   * plan that was run: all of it, unless the conductor was told to end earlier.
   */
  async run(): Promise<FleetPlan> {
    const { config } = this.#options;
    const { slotSeconds } = config.system;
    const { range } = this.#options.plan;
    const from = this.#options.isFed === true ? range.to - 1 : range.from;
    const plan = planUntil(this.#options.plan, config, await this.conductor.run(from, range.to));
    await this.conductor.drain();
    // Bills cover local days: the last of them ends at the last date's midnight, which may be after the last slot.
    const whole = plan.range.to === range.to;
    const end = whole ? Math.max(plan.range.to, plan.periodEnd) : plan.range.to;
    const { rounds, billing, balance } = config;
    const slowest =
      this.#options.plan.heads.length > 0 ? Math.max(rounds.graceSlots, balance.graceSlots) : rounds.graceSlots;
    const grace = Math.max(slowest + rounds.loadEverySlots, billing.graceSlots);
    const { enabled, graceSlots } = config.homomorphic;
    if (enabled) {
      // Once their grace is over, results would be computed from the first ciphertexts that came.
      await this.conductor.setTime((end + Math.max(0, Math.min(grace, graceSlots - 1))) * slotSeconds);
      await this.conductor.encrypted(config.simulation.patienceSeconds * 1_000);
    }
    await this.conductor.setTime((end + Math.max(grace, enabled ? graceSlots : 0) + 1) * slotSeconds);
    // A run that was interrupted is taken up again, not passed over.
    if (!this.conductor.stopped) this.#remember(plan);
    return plan;
  }

  #remember(plan: FleetPlan): void {
    if (plan.feed.kind !== "generated") return;
    const history: FleetHistory = {
      firstDate: readHistory(this.#data)?.firstDate ?? plan.dates.from,
      nextDate: plan.dates.to,
    };
    writeFileSync(join(this.#data, "fleet", "history.json"), JSON.stringify(history));
  }

  /** Writes the readings of what was run as CSV. */
  async writeTruth(file: string, { source, range }: FleetPlan): Promise<void> {
    const truth = new TruthFile(file);
    for (let slot = range.from; slot < range.to; slot++) {
      for (const [index, { id }] of source.meters.entries()) {
        const energy = source.read(index, slot);
        if (energy === undefined) continue;
        const slotStart = slot * source.slotSeconds;
        await truth.write({ meter: id, slotStart, feeder: source.feederOf(index, slot), ...energy });
      }
    }
    await truth.close();
  }

  /** Gives up what is under way, also a start: whoever waits for it goes on, and stops the fleet. */
  interrupt(): void {
    this.#interrupted = true;
    this.#conductor?.stop();
    this.supervisor.endStarts();
  }

  #assertGoingOn(): void {
    if (this.#interrupted) throw new Error("the fleet was interrupted while it started");
  }

  /** Stops the meters, and lets the servers run with the clock at rest: `npm run meters` may take over. */
  async releaseMeters(): Promise<void> {
    this.conductor.stop();
    this.supervisor.sampleMemory();
    await Promise.all(this.#hosts.map((name) => this.supervisor.stop(name)));
    const simulator = this.#simulator;
    if (simulator === undefined) return;
    this.#simulator = undefined;
    this.#resting = new RestingClock({
      time: this.conductor.time,
      simulator,
      connect: (signal) => this.#connectSimulator(signal),
      isTaken: () => isClockTaken(this.#data),
      notedTime: () => notedTime(this.#data),
      onFailure: (err) => this.#options.log.warn({ err }, "the clock at rest failed, and tries again"),
    });
  }

  /** Stops everything it started: meters first, the broker last. */
  async stop(): Promise<void> {
    this.#conductor?.stop();
    const servers = this.supervisor.names().filter((name) => name !== "broker" && !this.#hosts.includes(name));
    this.supervisor.sampleMemory();
    await Promise.all(this.#hosts.map((name) => this.supervisor.stop(name)));
    await Promise.all(servers.map((name) => this.supervisor.stop(name)));
    await this.#resting?.stop();
    this.#resting = undefined;
    await this.#simulator?.close();
    this.#simulator = undefined;
    await this.supervisor.stop("broker");
  }
}
