/** A system for tests: enrolled keys, a real broker, fake aggregators and utility, and analytics as a process. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { stringify } from "yaml";
import { enrol, meterList } from "../../config/enrolment/index.ts";
import { type Config, loadConfig } from "../../config/index.ts";
import { openParty } from "../../config/keys/index.ts";
import { startTestBroker, type TestBroker } from "../../config/runtime/testing/broker.ts";
import { analyticsPlace } from "../../config/storage/place.ts";
import type { JobOrder, JobState } from "../store/job.ts";
import { JobStore } from "../store/job-store.ts";
import { WindowCalendar } from "../../config/windows.ts";
import { fakeCiphertext } from "./fake-circuits.ts";
import { type CommandResult, runHeCommand } from "./he-command.ts";
import { FakeAggregator, FakeMeter, FakeUtility, Happenings } from "./fake-parties.ts";

const START = path.join(import.meta.dirname, "../../config/runtime/start.mjs");
const ENTRY = path.join(import.meta.dirname, "analytics-main.ts");
const SLOT_SECONDS = 3_600;
const DAY_SECONDS = 86_400;

export interface BedOptions {
  readonly meters: number;
  readonly feeders?: number;
  readonly analytics?: Partial<Config["analytics"]>;
  /** By default longer than the window is over. */
  readonly graceSlots?: number;
}

export class Bed {
  readonly data = mkdtempSync(path.join(tmpdir(), "wattveil-analytics-"));
  readonly happenings = new Happenings();
  readonly aggregators: FakeAggregator[] = [];
  readonly meters: FakeMeter[] = [];
  config!: Config;
  utility!: FakeUtility;
  calendar!: WindowCalendar;
  firstSlot = 0;
  slots = 0;
  #broker!: TestBroker;
  #child: ChildProcess | undefined;

  static async open(
    context: { after(done: () => Promise<void>): void },
    { meters, feeders = 1, analytics = {}, graceSlots = 48 }: BedOptions,
  ): Promise<Bed> {
    const bed = new Bed();
    context.after(() => bed.close());
    const list = meterList(meters, feeders);
    await enrol({ data: bed.data, meters: list, slotSeconds: SLOT_SECONDS });
    bed.#broker = await startTestBroker(openParty(path.join(bed.data, "keys", "broker")).tls);
    const base = loadConfig({ profile: "demo", env: {} });
    bed.config = {
      ...base,
      system: { ...base.system, aggregators: 3, threshold: 2, quorum: 2, slotSeconds: SLOT_SECONDS },
      release: { minMeters: 2, minSlots: 12 },
      paths: { data: bed.data, logs: path.join(bed.data, "logs"), results: path.join(bed.data, "results") },
      broker: { ...base.broker, tlsPort: bed.#broker.port },
      simulation: { ...base.simulation, enabled: false },
      homomorphic: { ...base.homomorphic, enabled: true, graceSlots },
      analytics: { ...base.analytics, jobs: [], retrySeconds: 0.3, answerSeconds: 5, ...analytics },
    };
    writeFileSync(path.join(bed.data, "config.yaml"), stringify(bed.config));
    const { timezone } = bed.config.system;
    bed.calendar = new WindowCalendar({ slotSeconds: SLOT_SECONDS, timezone, windowDays: 1 });
    const window = bed.calendar.at(Date.now() / 1000 - DAY_SECONDS);
    bed.firstSlot = window.firstSlot;
    bed.slots = window.slots;
    const place = { data: bed.data, port: bed.#broker.port };
    bed.utility = await FakeUtility.open(place, bed.happenings);
    for (const index of [1, 2, 3]) {
      bed.aggregators.push(await FakeAggregator.open(place, index, bed.happenings, bed.utility));
    }
    for (const { meter } of list) bed.meters.push(await FakeMeter.open(place, meter, bed.happenings));
    return bed;
  }

  async start(env: Record<string, string> = {}): Promise<void> {
    const child = fork(START, [ENTRY, "--config", path.join(this.data, "config.yaml")], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "inherit", "pipe", "ipc"],
    });
    let errors = "";
    child.stderr?.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    this.#child = child;
    const [first] = (await Promise.race([once(child, "message"), once(child, "exit")])) as [unknown];
    if (typeof first !== "object" || !first) throw new Error(`analytics ended with ${String(first)}: ${errors}`);
  }

  /** Ends the process without a chance to say anything. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  /** A "ciphertext" of yesterday's window. */
  ciphertext(filler: string | Uint8Array, series = "load"): Uint8Array {
    const bytes = typeof filler === "string" ? Buffer.from(filler) : filler;
    return fakeCiphertext(series, this.firstSlot, this.slots, bytes);
  }

  /** All meters send one; resolves with the codes of the answers. */
  async sendAll(): Promise<number[]> {
    return await Promise.all(
      this.meters.map(async (meter) => {
        const bytes = this.ciphertext(`of ${meter.id}`);
        await meter.send("load", bytes);
        return (await meter.answerTo(bytes)).code;
      }),
    );
  }

  /** Reads and writes analytics' database beside the role, as the command line does. */
  store<T>(work: (jobs: JobStore, db: Database.Database) => T): T {
    const db = new Database(analyticsPlace(this.config), { timeout: 5_000 });
    try {
      return work(new JobStore(db), db);
    } finally {
      db.close();
    }
  }

  request(order: Partial<JobOrder> = {}): number {
    const { firstSlot, slots } = this;
    const base = { request: "test", circuit: "sum", parameters: {}, label: "f-1", feeders: ["f-1"], series: ["load"] };
    return this.store((jobs) => jobs.add({ ...base, firstSlot, slots, ...order }, "requested", 0)!);
  }

  async untilState(number: number, ...states: JobState[]): Promise<void> {
    const state = (): JobState | undefined => this.store((jobs) => jobs.get(number)?.state);
    await this.happenings
      .until(() => states.includes(state()!), `job ${number} ${states.join(" or ")}`)
      .catch((error: unknown) => {
        const job = this.store((jobs) => jobs.get(number));
        throw new Error(`${String(error)}; it is ${job?.state} ${job?.code} ${job?.reason}`);
      });
  }

  /** Runs `npm run he -- ...` on this system. */
  he(...args: string[]): Promise<CommandResult> {
    return runHeCommand(this.data, args);
  }

  async close(): Promise<void> {
    await this.kill();
    const links = [...this.aggregators, ...this.meters, this.utility].map(({ link }) => link.close());
    await Promise.all(links);
    await this.#broker.close();
    rmSync(this.data, { recursive: true, force: true });
  }
}
