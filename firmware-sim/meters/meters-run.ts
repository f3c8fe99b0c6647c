/**
 * Runs simulated meters alone: their hosts as processes, and a conductor that gives them a slot every so many seconds.
 * In a simulation it also publishes the clock; in a production system slots end when the real clock says so.
 */
import { brokerAddress } from "../../config/runtime/broker-address.ts";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import type { Config } from "../../config/index.ts";
import { openParty } from "../../config/keys/index.ts";
import { connectLink } from "../../config/runtime/link.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import { SIM_CLOCK_TOPIC } from "../../config/runtime/sim-clock-feed.ts";
import { type ClockDuty, takeClockDuty } from "../fleet/clock-duty.ts";
import { Conductor } from "../fleet/conductor.ts";
import { LockHeldError } from "../fleet/folder-lock.ts";
import type { HostCommand, HostCounters, HostPlan, HostProgress } from "../fleet/host-messages.ts";
import { connectSimulator, type SimulatorClock } from "../fleet/simulator-clock.ts";
import { Supervisor } from "../fleet/supervisor.ts";
import { MetersError, type MetersPlan } from "./meters-plan.ts";

/** How long the broker may take to answer before this gives up. */
const BROKER_MILLISECONDS = 10_000;
/** A conductor repeats its clock twice a second. */
const LISTEN_MILLISECONDS = 1_500;
/** A fleet at rest sees within this time that its clock is taken over, and falls silent. */
const YIELD_MILLISECONDS = 1_000;

export interface MetersRunOptions {
  readonly config: Config;
  readonly data: string;
  readonly plan: MetersPlan;
  readonly intervalSeconds: number;
  readonly log: Logger;
  readonly onPhase?: (phase: string) => void;
  readonly onSlot?: (done: number) => void;
}

export class MetersRun {
  readonly supervisor: Supervisor;
  readonly #options: MetersRunOptions;
  readonly #hosts: string[] = [];
  readonly #conductor: Conductor;
  #simulator: SimulatorClock | undefined;
  #duty: ClockDuty | undefined;
  #failure: Error | undefined;
  #stopped = false;

  constructor(options: MetersRunOptions) {
    this.#options = options;
    const { config, plan, intervalSeconds, onSlot, log } = options;
    const { slotSeconds } = config.system;
    const count = config.simulation.hosts;
    // Named as in the fleet, so that a meter finds its outbox again.
    for (let number = 1; number <= count; number++) this.#hosts.push(count === 1 ? "meters" : `meters-${number}`);
    this.#conductor = new Conductor({
      slotSeconds,
      hosts: this.#hosts,
      send: (host, command: HostCommand) => this.supervisor.send(host, command),
      publishClock: (time) => {
        this.#duty?.note(time);
        return this.#simulator?.publish(time) ?? Promise.resolve();
      },
      lagSlots: config.rounds.graceSlots + config.meter.batchSlots,
      speed: slotSeconds / intervalSeconds,
      monotonic: () => performance.now(),
      onSlot: (slot) => onSlot?.(slot + 1 - plan.from),
    });
    this.supervisor = new Supervisor({
      restarted: (name, reason) => log.warn({ name, reason }, "a process ended and is started again"),
      message: (name, message) => this.#conductor.onProgress(name, message as HostProgress),
      failed: (name, reason) => {
        this.#failure = new Error(`${name} cannot go on: ${reason}`);
        this.#conductor.stop();
      },
    });
  }

  /** Connects; rejects with MetersError when there is no broker, or when someone else conducts the simulated time. */
  async start(): Promise<void> {
    const { config, data, log, onPhase } = this.#options;
    const broker = brokerAddress(config);
    onPhase?.(`looking for the broker at ${broker.host}:${broker.port}`);
    if (config.simulation.enabled) this.#duty = dutyOf(data);
    await this.#assertNoOtherClock();
    if (config.simulation.enabled) this.#simulator = await connectSimulator({ data, broker, log });
    onPhase?.("connecting the meters");
    this.#planHosts();
    this.#conductor.start();
    const entry = "firmware-sim/fleet/host-main.ts";
    await Promise.all(
      this.#hosts.map((name) => this.supervisor.start({ name, entry, args: [join(data, name, "plan.json")] })),
    );
  }

  /** Listens as one of the meters. Two clocks would tear the simulated time to and fro. */
  async #assertNoOtherClock(): Promise<void> {
    const { config, data, plan, log } = this.#options;
    const { host, tlsPort: port } = config.broker;
    const party = openParty(join(data, "keys", plan.feed.meters[0]!.id));
    let ticks = 0;
    const silent = { info: () => undefined, warn: log.debug.bind(log) };
    const signal = AbortSignal.timeout(BROKER_MILLISECONDS);
    const link = await connectLink({
      party,
      ...brokerAddress(config),
      subscriptions: config.simulation.enabled ? [SIM_CLOCK_TOPIC] : [],
      onMessage: () => {
        ticks++;
      },
      settings: config.link,
      log: silent,
      signal,
    }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
      throw new MetersError(
        `no broker answers at ${host}:${port}: start it with npm run broker, or set broker.tlsPort`,
      );
    });
    if (config.simulation.enabled) {
      await new Promise((resolve) => setTimeout(resolve, YIELD_MILLISECONDS));
      ticks = 0;
      await new Promise((resolve) => setTimeout(resolve, LISTEN_MILLISECONDS));
    }
    await link.close();
    if (ticks === 0) return;
    throw new MetersError("another process publishes the simulated clock: wait until that fleet or those meters end");
  }

  #planHosts(): void {
    const { config, data, plan } = this.#options;
    const count = this.#hosts.length;
    // Hosts run in the project's folder, whoever's folder this command was called in.
    const paths = { data, results: resolve(config.paths.results), logs: resolve(config.paths.logs) };
    for (const [number, name] of this.#hosts.entries()) {
      const folder = join(data, name);
      mkdirSync(folder, { recursive: true });
      const configFile = join(folder, "config.yaml");
      writeFileSync(configFile, stringify({ ...config, paths }));
      const hostPlan: HostPlan = {
        name,
        configFile,
        data,
        meters: [...plan.feed.meters.keys()].filter((index) => index % count === number),
        feed: plan.feed,
        network: config.simulation.network,
        seed: config.simulation.seed,
      };
      writeFileSync(join(folder, "plan.json"), JSON.stringify(hostPlan));
    }
  }

  /** Feeds for `seconds` (or until `end`), waits until everything is acknowledged; resolves with the slot after the last. */
  async run(seconds: number, end: AbortSignal): Promise<number> {
    const { config, plan } = this.#options;
    const { slotSeconds } = config.system;
    const limit = setTimeout(() => this.#conductor.endFeeding(), seconds * 1_000);
    const abort = (): void => this.#conductor.stop();
    if (end.aborted) abort();
    end.addEventListener("abort", abort, { once: true });
    try {
      // A slot of the real clock is read when it ends, however long the start took: later, its load may be asked for already.
      const begunAt = performance.now() - (Date.now() - plan.from * slotSeconds * 1_000);
      const to = await this.#conductor.run(plan.from, plan.to, config.simulation.enabled ? undefined : begunAt);
      await this.#conductor.drain();
      if (this.#failure !== undefined) throw this.#failure;
      // Lets the rounds of these slots come due.
      const { graceSlots, loadEverySlots } = config.rounds;
      if (config.simulation.enabled)
        await this.#conductor.setTime((to + graceSlots + loadEverySlots + 1) * slotSeconds);
      return to;
    } finally {
      clearTimeout(limit);
      end.removeEventListener("abort", abort);
    }
  }

  /** The names of the processes that share the meters; each has a folder of that name. */
  get hosts(): readonly string[] {
    return this.#hosts;
  }

  counters(): HostCounters {
    return this.#conductor.counters();
  }

  get absentAggregators(): readonly number[] {
    return this.#conductor.absentAggregators;
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#conductor.stop();
    await this.supervisor.stopAll();
    await this.#simulator?.close();
    this.#duty?.end();
  }
}

function dutyOf(data: string): ClockDuty {
  try {
    return takeClockDuty(data);
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
    throw new MetersError(`process ${error.pid} moves the simulated time of ${data}: wait until it ends`);
  }
}
