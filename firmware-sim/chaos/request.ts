/** What the flags of `npm run chaos` ask for, checked before anything is made. */
import { join, resolve } from "node:path";
import type { Config } from "../../config/index.ts";
import { type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { readText } from "../../config/runtime/text-file.ts";
import { chaosTargets } from "./run.ts";
import { drawEvents, parseSchedule, type Schedule, ScheduleError } from "./schedule.ts";
import { chaosConfig, daysFor } from "./settings.ts";

/** An event for each so many seconds. */
const SECONDS_PER_EVENT = 2.5;
const FEWEST_EVENTS = 3;
const DAY_SECONDS = 86_400;

export interface RequestedRun {
  readonly schedule: Schedule;
  readonly config: Config;
  readonly folder: string;
}

export interface ChaosRequest {
  readonly runs: readonly RequestedRun[];
  readonly shrink: boolean;
  readonly shrinkRuns: number;
  readonly settleSeconds: number;
}

/** Throws UsageError, ConfigError. */
export function chaosRequest(context: RoleContext): ChaosRequest {
  const { options, config } = context;
  const number = (name: string, low: number, high: number, usual: number): number => {
    const value = options[name] === undefined ? usual : Number(options[name]);
    if (value >= low && value <= high) return value;
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new UsageError(`--${flag}: expected a number from ${low} to ${high}, got ${String(options[name])}`);
  };
  const minutes = number("minutes", 0.05, 1_440, 1);
  const events = options["events"] === undefined ? undefined : number("events", 0, 100_000, 0);
  const out = resolve(typeof options["out"] === "string" ? options["out"] : join(config.paths.data, "chaos"));
  const seeds = seedsOf(options["seeds"], config.simulation.seed);
  const file = options["schedule"];
  const runs =
    typeof file === "string"
      ? [readRun(context, file, out)]
      : seeds.map((seed) => drawnRun(context, { seed, minutes, events, out }));
  return {
    runs,
    shrink: options["shrink"] === true,
    shrinkRuns: number("shrinkRuns", 1, 10_000, 100),
    settleSeconds: number("settle", 5, 3_600, 90),
  };
}

interface Drawn {
  readonly seed: number;
  readonly minutes: number;
  readonly events: number | undefined;
  readonly out: string;
}

function drawnRun(context: RoleContext, { seed, minutes, events, out }: Drawn): RequestedRun {
  const days = daysFor(minutes);
  const config = chaosConfig(context, { "simulation.seed": seed, "simulation.days": days });
  const slots = days * (DAY_SECONDS / config.system.slotSeconds);
  const count = events ?? Math.max(FEWEST_EVENTS, Math.round((minutes * 60) / SECONDS_PER_EVENT));
  const { broker } = config.simulation;
  const drawn = drawEvents({ seed, slots, count, targets: chaosTargets(config) });
  return { schedule: { seed, days, broker, events: drawn }, config, folder: join(out, `${broker}-${seed}`) };
}

function readRun(context: RoleContext, file: string, out: string): RequestedRun {
  let schedule: Schedule;
  try {
    schedule = parseSchedule(readText(file), file);
  } catch (error) {
    if (error instanceof ScheduleError) throw new UsageError(error.message);
    const { code } = error as NodeJS.ErrnoException;
    if (code !== undefined) throw new UsageError(`--schedule ${file}: cannot be read (${code})`);
    throw error;
  }
  const { seed, days, broker, events } = schedule;
  const given = { "simulation.seed": seed, "simulation.days": days, "simulation.broker": broker };
  const config = chaosConfig(context, given);
  const names = new Set(chaosTargets(config).map(({ name }) => name));
  const stranger = events.find(({ target }) => !names.has(target));
  if (stranger !== undefined) {
    throw new UsageError(`${file}: there is no ${stranger.target} in this run, only ${[...names].join(", ")}`);
  }
  return { schedule, config, folder: join(out, `${broker}-${seed}-again`) };
}

/** `1-20`, or one. */
function seedsOf(text: unknown, usual: number): number[] {
  if (typeof text !== "string") return [usual];
  const [, from = "", to = from] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (from !== "" && first <= last && last - first < 10_000)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  throw new UsageError(`--seeds: expected two numbers such as 1-20, got ${text}`);
}
