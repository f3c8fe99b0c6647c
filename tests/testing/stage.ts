/**
 * A system of real processes for tests: broker, aggregators and, when asked for, the utility, each with its own folder
 * of keys and its own database, meeting over MQTT only. The test moves simulated time and plays everybody else, with
 * the key folder of whom it plays.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { stringify } from "yaml";
import { enrol } from "../../config/enrolment/index.ts";
import { type Config, loadConfig } from "../../config/index.ts";
import { openParty, type Party } from "../../config/keys/index.ts";
import { connectLink, type Link, type LinkOptions } from "../../config/runtime/link.ts";
import { readStats } from "../../config/runtime/role-report.ts";
import { type RoleSpec, Supervisor } from "../../firmware-sim/fleet/supervisor.ts";
import { sealClock } from "../../protocol/envelope/index.ts";
import { aggregatorId } from "../../protocol/names.ts";
import { topicOf } from "../../protocol/topics.ts";

export interface MeterOnFeeder {
  readonly meter: string;
  readonly feeder: string;
}

export interface StageOptions {
  readonly meters: readonly MeterOnFeeder[];
  /** Default 3 aggregators, threshold 2. */
  readonly aggregators?: number;
  readonly threshold?: number;
  /** The broker's entry; one that records what passes, for example. */
  readonly brokerEntry?: string;
  /** Where simulated time begins; default the end of the first day. */
  readonly firstSlot?: number;
  readonly configure?: (config: Config) => Config;
  /** When everybody is enrolled and nothing runs yet. */
  readonly beforeStart?: (stage: Stage) => Promise<void>;
}

/** Hours as slots: a day is 24 of them. */
export const SLOT_SECONDS = 3600;
/** Fewest slots and meters that may be released here. */
export const MIN_SLOTS = 4;
const MIN_METERS = 5;
/** The first slot of 15 January 2025 in Berlin, where the simulated time of the demo begins. */
export const DAY_START = Date.parse("2025-01-15T00:00:00+01:00") / 1000 / SLOT_SECONDS;
export const DAY_SLOTS = 24;

const CLOCK_MILLISECONDS = 250;
const QUIET = { info: () => {}, warn: () => {} };
const ROOT = path.resolve(import.meta.dirname, "../..");

export class Stage {
  readonly data: string;
  readonly config: Config;
  readonly supervisor = new Supervisor();
  readonly #options: StageOptions;
  readonly #links: Link[] = [];
  #port = 0;
  #time = 0;
  #sequence = Date.now();
  #simulator: Link | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: StageOptions) {
    this.#options = options;
    this.data = mkdtempSync(path.join(tmpdir(), "wattveil-privacy-"));
    const base = loadConfig({ profile: "demo", env: {} });
    const { aggregators = 3, threshold = 2, configure = (config: Config) => config } = options;
    const quorum = Math.max(Math.floor(aggregators / 2) + 1, threshold);
    this.config = configure({
      ...base,
      system: { ...base.system, aggregators, threshold, quorum, slotSeconds: SLOT_SECONDS },
      release: { minMeters: MIN_METERS, minSlots: MIN_SLOTS },
      paths: { data: this.data, logs: path.join(this.data, "logs"), results: path.join(this.data, "results") },
      broker: { ...base.broker, tlsPort: 0, wssPort: 0, publicPort: 0 },
      rounds: { ...base.rounds, retrySeconds: 0.5, answerSeconds: 2 },
      billing: { ...base.billing, tariff: path.join(ROOT, "config/tariffs/time-of-use.yaml") },
      simulation: { ...base.simulation, enabled: true },
    });
  }

  /** Enrols and starts everybody. */
  static async open(options: StageOptions): Promise<Stage> {
    const stage = new Stage(options);
    try {
      await stage.#start();
    } catch (error) {
      await stage.close();
      throw error;
    }
    return stage;
  }

  async #start(): Promise<void> {
    const { meters, brokerEntry = "broker/main.ts", beforeStart, firstSlot = DAY_START + DAY_SLOTS } = this.#options;
    const { aggregators, threshold, quorum, slotSeconds } = this.config.system;
    const { data } = this;
    await enrol({ data, meters, aggregators, threshold, quorum, slotSeconds, simulation: true });
    await beforeStart?.(this);
    this.#writeConfig({ tls: 0, wss: 0, public: 0 });
    const ready = await this.supervisor.start(this.#spec("broker", brokerEntry));
    const ports = ready["ports"] as { tls: number; wss: number; public: number };
    this.#port = ports.tls;
    this.#writeConfig(ports);
    this.#simulator = await this.connect(this.party("simulator"));
    await this.setSlot(firstSlot);
    this.#timer = setInterval(() => void this.#tick().catch(() => {}), CLOCK_MILLISECONDS);
    const specs = this.aggregators.map((index) => this.#spec(aggregatorId(index), "aggregator/main.ts", index));
    await Promise.all(specs.map((spec) => this.supervisor.start(spec)));
  }

  /** Starts the real utility; its first slot is the first of the day. */
  async startUtility(): Promise<void> {
    await this.supervisor.start(this.#spec("utility", "utility/main.ts"));
  }

  #spec(name: string, entry: string, index?: number): RoleSpec {
    const id = index === undefined ? [] : ["--id", String(index)];
    return { name, entry, args: [...id, "--config", path.join(this.data, "config.yaml")] };
  }

  #writeConfig(ports: { tls: number; wss: number; public: number }): void {
    const broker = { ...this.config.broker, tlsPort: ports.tls, wssPort: ports.wss, publicPort: ports.public };
    mkdirSync(this.data, { recursive: true });
    writeFileSync(path.join(this.data, "config.yaml"), stringify({ ...this.config, broker }));
  }

  /** Share indices. */
  get aggregators(): readonly number[] {
    return Array.from({ length: this.config.system.aggregators }, (_, i) => i + 1);
  }

  get port(): number {
    return this.#port;
  }

  get slot(): number {
    return Math.floor(this.#time / SLOT_SECONDS);
  }

  keys(id: string): string {
    return path.join(this.data, "keys", id);
  }

  party(id: string): Party {
    return openParty(this.keys(id));
  }

  /** Moves the simulated clock to the start of a slot; everybody hears it again and again. */
  setSlot(slot: number): Promise<void> {
    return this.setTime(slot * SLOT_SECONDS);
  }

  /** Moves the simulated clock, in Unix seconds. */
  async setTime(time: number): Promise<void> {
    this.#time = time;
    await this.#tick();
  }

  async #tick(): Promise<void> {
    const { signKey } = this.party("simulator");
    const tick = sealClock({ time: this.#time, sequence: ++this.#sequence }, { id: "simulator", signKey: signKey! });
    await this.#simulator?.publish(topicOf("simClock", {}), tick);
  }

  /** A link as whom the certificate names. Closed with the stage. */
  async connect(
    party: LinkOptions["party"],
    subscriptions: readonly string[] = [],
    onMessage: (topic: string, payload: Uint8Array) => void = () => {},
  ): Promise<Link> {
    const link = await connectLink({
      party,
      host: "127.0.0.1",
      port: this.#port,
      subscriptions,
      onMessage,
      log: QUIET,
      settings: this.config.link,
    });
    this.#links.push(link);
    return link;
  }

  /** Stops a process, so that its figures are written and its database is at rest; returns refusals by code. */
  async refusalsOf(name: string): Promise<Readonly<Record<string, number>>> {
    await this.supervisor.stop(name);
    return readStats(this.data, name)?.refused ?? {};
  }

  /** Stops every process that it started, and removes the folder. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#links.map((link) => link.close()));
    const names = this.supervisor.names();
    await Promise.all(names.filter((name) => name !== "broker").map((name) => this.supervisor.stop(name)));
    await this.supervisor.stop("broker");
    rmSync(this.data, { recursive: true, force: true });
  }
}
