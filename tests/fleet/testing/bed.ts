/**
 * A whole system of real processes in a temporary folder, conducted by the test itself, so that it can act at a
 * certain slot. Nothing stands between the parties but the broker.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, type Flag, loadConfig } from "../../../config/index.ts";
import { storePlace } from "../../../config/storage/place.ts";
import { createLogger } from "../../../config/runtime/logger.ts";
import { dueOpenings } from "../../../firmware-sim/fleet/due-openings.ts";
import { expectedOf } from "../../../firmware-sim/fleet/expected.ts";
import { Fleet, type FleetOptions } from "../../../firmware-sim/fleet/fleet.ts";
import { type FleetPlan, planGenerated } from "../../../firmware-sim/fleet/fleet-plan.ts";
import { measuredBy } from "../../../firmware-sim/fleet/measured.ts";
import { awaitOutcome, type Outcome, type Seen } from "../../../firmware-sim/fleet/outcome.ts";
import { openPowerSupply } from "../../../firmware-sim/fleet/power-supply.ts";

/** Hours as slots: a day of them is quick, and every band of the tariff has at least four. */
const HOURS = {
  "system.slotSeconds": 3600,
  "release.minSlots": 4,
  "rounds.loadEverySlots": 2,
  "rounds.retrySeconds": 0.5,
  "rounds.answerSeconds": 2,
  "meter.resendSeconds": 0.5,
  "simulation.meters": 10,
  "simulation.feeders": 2,
  // Whoever tests ciphertexts or the HTTP interface turns them on.
  "homomorphic.enabled": false,
  "api.enabled": false,
  "grid.enabled": false,
};

export interface BedOptions {
  readonly set?: Readonly<Record<string, unknown>>;
  readonly fleet?: Omit<FleetOptions, "config" | "plan" | "log">;
}

export class FleetBed {
  readonly data: string;
  readonly config: Config;
  readonly plan: FleetPlan;
  readonly fleet: Fleet;

  private constructor(data: string, config: Config, plan: FleetPlan, options: BedOptions) {
    this.data = data;
    this.config = config;
    this.plan = plan;
    const { log } = createLogger(config, "fleet", { stderr: "silent" });
    this.fleet = new Fleet({ config, plan, log, ...options.fleet });
  }

  /** Enrolled, and nothing runs yet. Everything ends, and the folder goes, with the test. */
  static async create(t: { after: (work: () => Promise<void>) => void }, options: BedOptions = {}): Promise<FleetBed> {
    const data = mkdtempSync(join(tmpdir(), "wattveil-fleet-"));
    const set: Readonly<Record<string, unknown>> = {
      ...HOURS,
      "paths.data": data,
      "paths.logs": join(data, "logs"),
      "paths.results": join(data, "results"),
      "broker.tlsPort": 0,
      "broker.wssPort": 0,
      "broker.publicPort": 0,
      ...options.set,
    };
    const flags = Object.entries(set).map(([path, value]): Flag => ({ name: "test", path, value }));
    const config = loadConfig({ profile: "demo", env: {}, flags });
    const bed = new FleetBed(data, config, await planGenerated(config, undefined), options);
    t.after(async () => {
      await bed.fleet.stop();
      rmSync(data, { recursive: true, force: true });
    });
    await bed.fleet.enrol();
    return bed;
  }

  /** The end of what all processes wrote to their log: what a failure on another machine is explained by. */
  lastWords(lines = 80): string {
    const log = readFileSync(join(this.config.paths.logs, "system.log"), "utf8").trimEnd().split("\n");
    return log.slice(-lines).join("\n");
  }

  /** Waits for everything that is due and compares it with what was fed. */
  outcome(options: { patienceSeconds?: number; onProgress?: (seen: Seen) => void } = {}): Promise<Outcome> {
    const { config, plan, data } = this;
    const measured = measuredBy(plan.source, openPowerSupply(config, plan.source));
    const { onProgress } = options;
    return awaitOutcome({
      data,
      utility: storePlace(config, "utility", "utility.db"),
      plan,
      measured,
      timezone: config.system.timezone,
      expected: expectedOf(config, plan),
      opened: config.homomorphic.enabled ? { data, config, plan, measured, due: dueOpenings(config, plan) } : undefined,
      patienceMilliseconds: (options.patienceSeconds ?? 60) * 1_000,
      signal: new AbortController().signal,
      ...(onProgress === undefined ? {} : { onProgress }),
    });
  }
}
