/**
 * Theft on simulated feeders: what is found, how soon, and how often an honest feeder is suspected. Homes, lines, errors
 * of meters and thieves come from seeds that nothing was tuned on; the detector is the utility's, with its defaults.
 */
import { loadConfig } from "../config/index.ts";
import { createProgress } from "../config/runtime/terminal.ts";
import type { Theft } from "../firmware-sim/feeder/thefts.ts";
import { balanceSettings } from "../utility/balance/settings.ts";
import type { BenchOptions } from "./bench.ts";
import { runFeeder } from "./theft/feeder-run.ts";
import { Homes, PER_DAY, SLOT_SECONDS, YEAR_DAYS } from "./theft/homes.ts";
import { figure, figuresTable } from "./words.ts";

const POOL_SEED = 20_260_101;
const HONEST_SEED = 1_000_000;
const THIEF_SEED = 2_000_000;
const HOMES_IN_POOL = 120;
/** A theft begins after 20 to 60 days, and is looked for over so many. */
const WATCHED_DAYS = 90;

type Scenario = Pick<Theft, "kind" | "share" | "days">;

const SCENARIOS: readonly (readonly [words: string, scenario: Scenario])[] = [
  ["bypass of all", { kind: "bypass", share: 1, days: 0 }],
  ["bypass of half", { kind: "bypass", share: 0.5, days: 0 }],
  ["bypass of a quarter", { kind: "bypass", share: 0.25, days: 0 }],
  ["bypass of a tenth", { kind: "bypass", share: 0.1, days: 0 }],
  ["readings scaled, down to half in 60 days", { kind: "scale", share: 0.5, days: 60 }],
  ["meter stopped", { kind: "stop", share: 1, days: 0 }],
  ["register reset every night", { kind: "reset", share: 0, days: 0 }],
];

interface Found {
  readonly scenario: string;
  readonly homes: number;
  readonly runs: number;
  readonly detected: number;
  readonly medianDays: number | undefined;
  readonly slowestTenthDays: number | undefined;
  readonly byKind: Readonly<Record<string, number>>;
}

interface Honest {
  readonly homes: number;
  readonly feederYears: number;
  readonly alarms: number;
  readonly alarmsPerYear: number;
  readonly byKind: Readonly<Record<string, number>>;
}

export function run({ json, quick }: BenchOptions): Promise<Record<string, unknown>> {
  const config = loadConfig({ env: {} });
  const { detector: settings, lineOf } = balanceSettings(config, SLOT_SECONDS);
  const line = lineOf("f-1");
  const days = quick ? 182 : YEAR_DAYS;
  const making = createProgress({ label: "days of homes", total: days, silent: json });
  const pool = new Homes(quick ? 60 : HOMES_IN_POOL, days, POOL_SEED, (day) => making.update(day));
  making.stop();
  const sizes = quick ? [10] : [10, 40];
  const [feeders, thieves] = quick ? [20, 20] : [200, 100];
  const bar = createProgress({
    label: "feeders",
    total: sizes.length * (feeders + thieves * SCENARIOS.length),
    silent: json,
  });
  let done = 0;
  const honest: Honest[] = [];
  const found: Found[] = [];
  for (const homes of sizes) {
    const alarms = new Map<string, number>();
    for (let feeder = 0; feeder < feeders; feeder++) {
      const alerted = ({ kind }: { kind: string }): boolean => {
        alarms.set(kind, (alarms.get(kind) ?? 0) + 1);
        return false;
      };
      runFeeder(pool, { seed: HONEST_SEED + feeder, homes, days, settings, line, alerted });
      bar.update(++done);
    }
    const total = [...alarms.values()].reduce((sum, count) => sum + count, 0);
    // The first days are spent learning.
    const feederYears = (feeders * (days - settings.learnDays)) / 365.25;
    honest.push({
      homes,
      feederYears,
      alarms: total,
      alarmsPerYear: total / feederYears,
      byKind: Object.fromEntries(alarms),
    });
    for (const [words, scenario] of SCENARIOS) {
      const delays: number[] = [];
      const kinds = new Map<string, number>();
      for (let thief = 0; thief < thieves; thief++) {
        const fromDay = 20 + (thief % 40);
        runFeeder(pool, {
          ...{ seed: THIEF_SEED + thief, homes, settings, line, theft: { ...scenario, fromDay } },
          days: fromDay + WATCHED_DAYS,
          alerted: ({ kind, detected }) => {
            const delay = (detected + 1) / PER_DAY - fromDay;
            if (delay <= 0) return false;
            delays.push(delay);
            kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
            return true;
          },
        });
        bar.update(++done);
      }
      delays.sort((a, b) => a - b);
      found.push({
        ...{ scenario: words, homes, runs: thieves, detected: delays.length },
        medianDays: delays[Math.floor(delays.length / 2)],
        slowestTenthDays: delays[Math.floor(delays.length * 0.9)],
        byKind: Object.fromEntries(kinds),
      });
    }
  }
  bar.stop();
  const { falseAlarmsPerYear } = settings;
  if (!json) process.stdout.write(`${describe(honest, found, falseAlarmsPerYear)}\n`);
  return Promise.resolve({ falseAlarmsPerYear, watchedDays: WATCHED_DAYS, honest, found });
}

function describe(honest: readonly Honest[], found: readonly Found[], allowed: number): string {
  const kinds = (byKind: Readonly<Record<string, number>>): string =>
    Object.entries(byKind)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(", ");
  const days = (value: number | undefined): string => (value === undefined ? "" : `${figure(value, 1)} d`);
  return [
    figuresTable(
      ["theft by one home", "homes", "found", "median delay", "nine of ten within", "first alert"],
      found.map((one) => [
        ...[one.scenario, one.homes, `${one.detected} of ${one.runs}`],
        ...[days(one.medianDays), days(one.slowestTenthDays), kinds(one.byKind)],
      ]),
    ),
    figuresTable(
      ["honest feeders", "feeder-years", "alarms", "per feeder and year", "configured"],
      honest.map((one) => [
        ...[`of ${one.homes} homes`, figure(one.feederYears), one.alarms],
        ...[figure(one.alarmsPerYear, 3), allowed],
      ]),
    ),
  ].join("\n");
}
