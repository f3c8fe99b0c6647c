/** What the flags of `npm run learn` ask for, checked before anything is made. */
import { existsSync, renameSync } from "node:fs";
import { join, resolve } from "node:path";
import { DateTime } from "luxon";
import type { Config } from "../../config/index.ts";
import { makeFolder } from "../../config/runtime/folders.ts";
import { type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { createProgress } from "../../config/runtime/terminal.ts";
import { loadTable, readWeather } from "../../learning/index.ts";
import { planGenerated } from "../fleet/fleet-plan.ts";
import { openReplay, type ReadingsSource } from "../loads/index.ts";
import { writeTruth } from "../loads/truth.ts";
import { WEATHER_ERROR_C, writeWeather } from "../loads/weather-file.ts";
import { type AskedRun, assertSameRun } from "./asked-run.ts";
import { dropOutCount } from "./drop-outs.ts";
import type { HomesPlan } from "./messages.ts";

export interface LearnRequest {
  readonly config: Config;
  readonly asked: AskedRun;
  readonly data: string;
  /** Absolute path of the readings that homes and judge have. */
  readonly readings: string;
  /** Of the weather that homes and judge have; undefined where they have none. */
  readonly weather: string | undefined;
  readonly isSimulated: boolean;
  readonly source: ReadingsSource;
  readonly homes: HomesPlan["homes"];
  readonly dropOut: number;
  readonly seed: number;
  readonly rounds: number;
  /** The coordinator's plan. */
  readonly plan: { readonly announceSeconds: number };
  /** What is asked of the homes after the campaign, as arguments of `npm run learn -- ask`. */
  readonly release: readonly string[] | undefined;
  /** Wall seconds that a round waits for homes that do not answer. */
  readonly patienceSeconds: number;
}

/** Of all homes that stay, so many at least must be in the set: one that is slow must not cost a round. */
const LEAST_PART = 0.8;
const SIMULATED_DAYS = 56;
const TEST_DAYS = 7;
/** Simulated seconds from a round's announcement until it closes; the run moves the clock as soon as all have answered. */
const ROUND_SECONDS = 60;
/** What the histogram of a run costs a home, beside its campaign. */
const RELEASE_EPSILON = 2;
/** Day energies of households, in Wh. */
const RELEASE_EDGES = "5000,10000,20000";
/** An aggregator that hears of the time a moment later is asked again so soon. */
const RETRY_SECONDS = 0.25;

/** Throws UsageError, ReplayError, WeatherError. */
export async function learnRequest(
  context: Pick<RoleContext, "config" | "options" | "json" | "signal">,
): Promise<LearnRequest> {
  const { config, options, json, signal } = context;
  const data = resolve(options["data"] === undefined ? join(config.paths.data, "learn") : config.paths.data);
  const rounds = number(text(options["rounds"]), "--rounds", { min: 1, max: 10_000, byDefault: 30 });
  const count = number(text(options["homes"]), "--homes", { min: 3, max: 2_000, byDefault: 20 });
  const dropOut = number(text(options["dropOut"]), "--drop-out", { min: 0, max: 0.9, byDefault: 0, isFraction: true });
  const testDays = number(text(options["testDays"]), "--test-days", { min: 1, max: 365, byDefault: TEST_DAYS });
  const { seed } = config.simulation;
  const kind = choice(text(options["model"]), "--model", ["linear", "dense", "gru"], "linear");
  const objective = choice(text(options["objective"]), "--objective", ["median", "energy"], "median");
  if (objective === "energy" && kind !== "linear") {
    throw new UsageError(`--objective energy: is for --model linear, got --model ${kind}`);
  }
  const epsilon = epsilonOf(text(options["epsilon"]));
  const bound = boundOf(options["bound"] === true, config.system);
  const asks = choice(text(options["release"]), "--release", ["histogram", "none"], "histogram") === "histogram";
  const stay = count - dropOutCount(count, dropOut);
  const minMeters = Math.max(2, Math.floor(stay * LEAST_PART));
  const patienceSeconds = config.simulation.patienceSeconds;
  const named = text(options["readings"]);
  const isSimulated = named === undefined;
  const namedWeather = text(options["weather"]);
  const { system, simulation, learning } = config;
  const asked = {
    ...{ "--homes": count, "--rounds": rounds, "--epsilon": epsilon ?? "none", "--seed": seed, "--drop-out": dropOut },
    ...{ "--model": kind, "--objective": objective, "--bound": bound !== "none", "--test-days": testDays },
    "--readings": isSimulated ? "" : resolve(named),
    "--weather": namedWeather === undefined || namedWeather === "none" ? (namedWeather ?? "") : resolve(namedWeather),
    "--release": asks ? "histogram" : "none",
    "system.slotSeconds": system.slotSeconds,
    "system.timezone": system.timezone,
    "system.aggregators": system.aggregators,
    "system.threshold": system.threshold,
    "learning.delta": learning.delta,
    "learning.colluderShare": learning.colluderShare,
    ...(isSimulated ? { "simulation.start": simulation.start } : {}),
  };
  // Before anything is made: generating homes takes its time.
  assertSameRun(data, asked);
  if (asked["--weather"] !== "" && namedWeather !== "none") await readWeather(asked["--weather"], system.slotSeconds);
  const readings = isSimulated
    ? await simulatedReadings(config, data, count, { silent: json, signal })
    : resolve(named);
  const source = await sourceOf(readings, config, isSimulated);
  const weather = await weatherOf(namedWeather, source, config, isSimulated ? readings : undefined);
  if (source.meters.length < count) {
    throw new UsageError(`--homes: ${readings} has ${source.meters.length} homes, ${count} were asked for`);
  }
  const homes = homesOf(source, count, testDays, config);
  const plan = {
    campaign: {
      ...{ campaign: "forecast", kind, objective, rounds, homes: count, minMeters, epsilon, seed, bound },
      colluders: epsilon === null ? 0 : Math.ceil(config.learning.colluderShare * minMeters),
      slotSeconds: config.system.slotSeconds,
      timezone: config.system.timezone,
      delta: config.learning.delta,
    },
    roundSeconds: ROUND_SECONDS,
    announceSeconds: 1,
    patienceSeconds: 2 * patienceSeconds,
    judge: { readings, ...(weather === undefined ? {} : { weather }), testDays, seed },
  };
  return {
    config: configOf(config, data, { minMeters, epsilon, weather, more: asks ? RELEASE_EPSILON : 0 }),
    release: asks ? releaseOf(homes, config) : undefined,
    ...{ asked, data, readings, weather, isSimulated, source, homes, dropOut, seed, rounds, plan, patienceSeconds },
  };
}

interface Asked {
  readonly minMeters: number;
  readonly epsilon: number | null;
  readonly weather: string | undefined;
  /** Epsilon beside the campaign's. */
  readonly more: number;
}

/** What the run sets aside is what a household decides: whoever runs all of them decides for all. */
function configOf(config: Config, data: string, asked: Asked): Config {
  const { minMeters, epsilon, weather = "", more } = asked;
  // Together they cost less than one after the other.
  const ofRound = epsilon === null ? { exact: true } : { epsilon: epsilon + more };
  return {
    ...config,
    paths: { ...config.paths, data },
    homomorphic: { ...config.homomorphic, enabled: false },
    release: { ...config.release, minMeters: Math.min(config.release.minMeters, minMeters) },
    // A round is over when its sum is there: nobody waits for the next one.
    rounds: { ...config.rounds, retrySeconds: Math.min(config.rounds.retrySeconds, RETRY_SECONDS) },
    learning: { ...config.learning, ...ofRound, enabled: true, minMeters, weather, resendSeconds: 2 },
  };
}

/** Of the last day that all homes have. */
function releaseOf(homes: HomesPlan["homes"], { system }: Config): string[] {
  const end = Math.min(...homes.map(({ endSlot }) => endSlot)) * system.slotSeconds;
  const from = DateTime.fromSeconds(end, { zone: system.timezone }).minus({ days: 1 }).toISODate() ?? "";
  const asked = {
    name: "day-energy",
    edges: RELEASE_EDGES,
    from,
    epsilon: RELEASE_EPSILON,
    "round-seconds": ROUND_SECONDS,
  };
  return ["histogram", ...Object.entries(asked).flatMap(([name, value]) => [`--${name}`, String(value)])];
}

async function simulatedReadings(
  config: Config,
  data: string,
  homes: number,
  { silent, signal }: { readonly silent: boolean; readonly signal: AbortSignal },
): Promise<string> {
  const { seed, start } = config.simulation;
  const { slotSeconds } = config.system;
  const file = join(data, `readings-${homes}-${SIMULATED_DAYS}-${slotSeconds}-${start}-${seed}.csv`);
  if (existsSync(file)) return file;
  makeFolder(data, { mode: 0o700 });
  const simulation = { ...config.simulation, meters: homes, days: SIMULATED_DAYS, theft: "", heads: false };
  const { source } = await planGenerated({ ...config, simulation }, undefined);
  const bar = createProgress({ label: "simulated slots", total: source.range.to - source.range.from, silent });
  try {
    const partial = `${file}.next`;
    await writeTruth(partial, source, (done) => {
      signal.throwIfAborted();
      bar.update(done);
    });
    renameSync(partial, file);
  } finally {
    bar.stop();
  }
  return file;
}

/** The file that is named, or for homes that are generated the weather that they feel, as forecast the day before. */
async function weatherOf(
  named: string | undefined,
  source: ReadingsSource,
  { system, simulation }: Config,
  simulated: string | undefined,
): Promise<string | undefined> {
  if (named === "none") return undefined;
  if (named !== undefined) {
    const file = resolve(named);
    const { firstSlot, temperatureC } = await readWeather(file, system.slotSeconds);
    if (firstSlot < source.range.to && firstSlot + temperatureC.length > source.range.from) return file;
    throw new UsageError(`--weather ${named}: has no temperature of the days of the readings`);
  }
  if (simulated === undefined) return undefined;
  const file = simulated.replace(/\.csv$/, "-weather.csv");
  if (existsSync(file)) return file;
  const { slotSeconds } = system;
  await writeWeather(`${file}.next`, {
    seed: simulation.seed,
    range: source.range,
    slotSeconds,
    errorC: WEATHER_ERROR_C,
  });
  renameSync(`${file}.next`, file);
  return file;
}

async function sourceOf(file: string, { system }: Config, isSimulated: boolean): Promise<ReadingsSource> {
  try {
    return await openReplay(file, { slotSeconds: system.slotSeconds });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "EACCES" && code !== "EISDIR") throw error;
    throw new UsageError(`${isSimulated ? "" : "--readings "}${file}: cannot be read (${code})`);
  }
}

/** The first homes by their ids, with the slot at which the days begin that nobody trains on. */
function homesOf(source: ReadingsSource, count: number, testDays: number, { system }: Config): HomesPlan["homes"] {
  const { slotSeconds, timezone } = system;
  const order = [...source.meters.entries()].sort(([, a], [, b]) => (a.id < b.id ? -1 : 1)).slice(0, count);
  return order.map(([index, { id }]) => {
    const slots: number[] = [];
    for (let slot = source.range.from; slot < source.range.to; slot += 1) {
      if (source.read(index, slot) !== undefined) slots.push(slot);
    }
    const firstSlot = slots[0]!;
    const span = slots.at(-1)! + 1 - firstSlot;
    if (slots.length * 2 < span) {
      throw new UsageError(
        `home ${id}: only ${slots.length} of ${span} slots have readings (slots are of ${slotSeconds} s: system.slotSeconds)`,
      );
    }
    const { days } = loadTable(
      { id, firstSlot, energyWh: new Float64Array(span) },
      {
        slotSeconds,
        timezone,
      },
    );
    const endSlot = days.at(-2 * testDays)?.firstSlot;
    if (endSlot !== undefined && endSlot > firstSlot) return { id, endSlot };
    throw new UsageError(
      `home ${id}: ${days.length} days of readings leave none to train on; the last ${2 * testDays} are kept (--test-days)`,
    );
  });
}

function text(given: unknown): string | undefined {
  return typeof given === "string" ? given : undefined;
}

interface Range {
  readonly min: number;
  readonly max: number;
  readonly byDefault: number;
  readonly isFraction?: boolean;
}

function number(given: string | undefined, flag: string, { min, max, byDefault, isFraction = false }: Range): number {
  if (given === undefined) return byDefault;
  const value = Number(given);
  if (given.trim() !== "" && value >= min && value <= max && (isFraction || Number.isInteger(value))) return value;
  throw new UsageError(`${flag}: expected ${isFraction ? "a" : "a whole"} number from ${min} to ${max}, got ${given}`);
}

function choice<T extends string>(given: string | undefined, flag: string, of: readonly T[], byDefault: T): T {
  if (given === undefined) return byDefault;
  const found = of.find((one) => one === given);
  if (found !== undefined) return found;
  throw new UsageError(`${flag}: expected ${of.join(", ")}, got ${given}`);
}

/** Products of shares are of twice the degree: below that many aggregators nothing could be proved. */
function boundOf(isAsked: boolean, { aggregators, threshold }: Config["system"]): "none" | "norm" {
  if (!isAsked) return "none";
  const needed = 2 * threshold - 1;
  if (aggregators >= needed) return "norm";
  throw new UsageError(`--bound: a threshold of ${threshold} takes ${needed} aggregators, there are ${aggregators}`);
}

function epsilonOf(given: string | undefined): number | null {
  if (given === "none") return null;
  return number(given, "--epsilon", { min: 0.01, max: 1_000, byDefault: 8, isFraction: true });
}
