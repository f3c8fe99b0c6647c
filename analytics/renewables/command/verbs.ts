/** What each verb of `npm run renewables` does with its flags. */
import { writeFileSync } from "node:fs";
import { EXIT, type RoleContext, UsageError } from "../../../config/runtime/role-command.ts";
import { type Cell, createProgress, renderTable } from "../../../config/runtime/terminal.ts";
import { withAssumedRatings } from "../../grid/index.ts";
import { countOf, gridNamed, numberOf, wordOf } from "../../grid/command/request.ts";
import {
  capacityByBus,
  evaluateForecast,
  HostingGrid,
  type Mix,
  mixOf,
  percentile,
  type Plant,
  randomCapacity,
  simulateWeather,
  summed,
  uniformCapacity,
  usualLoad,
  weatherCsv,
} from "../index.ts";
import { dayOf, pvOf, siteOf, weatherOf, windOf } from "./request.ts";

/** Seeds of `forecast`. */
const SEEDS = [11, 12, 13, 14, 15];
const PERCENTILES = [5, 10, 25, 50, 75, 90, 95];

export function runWeather({ options, json }: RoleContext): number {
  const { actual } = simulateWeather({
    ...siteOf(options),
    ...{ seed: numberOf(options, "seed", 1), days: countOf(options, "days", 7), start: dayOf(options, "2025-06-01") },
    slotSeconds: countOf(options, "slot", 3_600),
  });
  const out = options["out"] as string | undefined;
  const text = weatherCsv(actual);
  if (out !== undefined) writeFileSync(out, text);
  else if (!json) process.stdout.write(text);
  if (json) process.stdout.write(`${JSON.stringify({ simulated: true, file: out, ...actual })}\n`);
  else if (out !== undefined) process.stdout.write(`${out}: ${actual.moments.length} slots, all simulated\n`);
  return EXIT.ok;
}

export function runMix({ options, json }: RoleContext): number {
  const site = siteOf(options);
  const weather = weatherOf(options);
  const [pv, wind] = [numberOf(options, "pv", 0), numberOf(options, "wind", 0)];
  const plants: Plant[] = [...(pv > 0 ? [pvOf(options, pv)] : []), ...(wind > 0 ? [windOf(options, wind)] : [])];
  if (plants.length === 0) throw new UsageError("mix: expected --pv or --wind with kW above 0");
  const loadKw = usualLoad(numberOf(options, "load", 500), weather, site);
  const slots = mixOf({ ...site, plants, weather, loadKw });
  const perDay = Math.max(1, Math.round(86_400 / weather.slotSeconds));
  const [days, [all]] = [summed(slots, perDay), summed(slots, slots.length)];
  if (json) {
    process.stdout.write(`${JSON.stringify({ site, plants, slotSeconds: weather.slotSeconds, slots, days, all })}\n`);
    return EXIT.ok;
  }
  const row = (name: string, { loadKwh, pvKwh, windKwh, importKwh, exportKwh, coverage }: Mix): Cell[] => [
    ...[name, ...[loadKwh, pvKwh, windKwh, importKwh, exportKwh].map((kwh) => kwh.toFixed(0))],
    (100 * coverage).toFixed(1),
  ];
  const rows = days.map((day) => row(new Date(day.start * 1_000).toISOString().slice(0, 10), day));
  const head = ["day (UTC)", "load kWh", "sun", "wind", "from the grid", "to the grid", "covered %"];
  process.stdout.write(`${renderTable(head, [...rows, row("all", all!)])}\n`);
  return EXIT.ok;
}

export function runForecast({ options, json }: RoleContext): number {
  const kind = wordOf(options, "kind", ["pv", "wind"], "pv");
  const plant =
    kind === "pv" ? pvOf(options, numberOf(options, "pv", 100)) : windOf(options, numberOf(options, "wind", 2_000));
  const progress = createProgress({ label: "seeds", total: SEEDS.length, silent: json });
  const [trainingDays, days] = [countOf(options, "training-days", 60), countOf(options, "days", 30)];
  const rows = evaluateForecast({
    ...siteOf(options),
    ...{ plant, seeds: SEEDS, trainingDays, days, start: dayOf(options, "2025-04-01") },
    onSeed: (done) => progress.update(done),
  });
  progress.stop();
  if (json) {
    process.stdout.write(`${JSON.stringify({ simulated: true, plant, seeds: SEEDS, trainingDays, days, rows })}\n`);
    return EXIT.ok;
  }
  const cells = rows.map(({ forecast, maePercent, rmsePercent, seedMaePercent, skill }): Cell[] => [
    ...[forecast, maePercent.toFixed(2), seedMaePercent.map((mae) => mae.toFixed(2)).join(" to ")],
    ...[rmsePercent.toFixed(2), skill.toFixed(3)],
  ]);
  const head = ["forecast", "MAE % of capacity", "of seeds", "RMSE %", "skill"];
  const about = `${days} days ahead, one at a time, after ${trainingDays}; weather of seeds ${SEEDS.join(", ")}, all simulated.`;
  process.stdout.write(`${renderTable(head, cells)}\n${about}\n`);
  return EXIT.ok;
}

export function runHosting({ options, json }: RoleContext, name: string | undefined): number {
  const named = gridNamed(name);
  const mode = wordOf(options, "mode", ["uniform", "each", "random"], "uniform");
  const [vMaxPu, mostKw] = [numberOf(options, "v-max"), numberOf(options, "most")];
  const hosting = new HostingGrid({
    grid: options["assumedRatings"] === true ? withAssumedRatings(named) : named,
    loadScale: numberOf(options, "load-scale", 0.4),
    stepKw: numberOf(options, "step", 1),
    ...(vMaxPu === undefined ? {} : { vMaxPu }),
    ...(mostKw === undefined ? {} : { mostKw }),
  });
  const found = MODES[mode](hosting, options, json);
  const { report, head, rows } = found;
  const request = { grid: named.name, mode, stepKw: hosting.stepKw, mostKw: hosting.mostKw };
  if (json) process.stdout.write(`${JSON.stringify({ ...request, flows: hosting.flows, ...report })}\n`);
  else process.stdout.write(`${renderTable(head, rows)}\n${hosting.flows} power flows.\n`);
  return EXIT.ok;
}

interface Shown {
  readonly report: Readonly<Record<string, unknown>>;
  readonly head: string[];
  readonly rows: Cell[][];
}

/** Where the search ended without a limit nothing is named. */
function limitText({ kind, element }: ReturnType<typeof uniformCapacity>["limit"]): string {
  return kind === "none" ? "nothing, up to --most" : `${kind} ${element}`;
}

const MODES: Readonly<
  Record<"uniform" | "each" | "random", (hosting: HostingGrid, options: RoleContext["options"], json: boolean) => Shown>
> = {
  uniform: (hosting) => {
    const { kw, limit } = uniformCapacity(hosting);
    return {
      report: { kw, limit },
      head: ["generation by load, kW in all", "what one step more breaks"],
      rows: [[kw, limitText(limit)]],
    };
  },
  each: (hosting, _, json) => {
    const progress = createProgress({ label: "buses", total: hosting.candidates().length, silent: json });
    const buses = capacityByBus(hosting, (done) => progress.update(done));
    progress.stop();
    return {
      report: { buses },
      head: ["bus", "kW alone", "what one step more breaks"],
      rows: buses.map(({ bus, kw, limit }) => [bus, kw, limitText(limit)]),
    };
  },
  random: (hosting, options, json) => {
    const count = countOf(options, "rollouts", 200);
    const progress = createProgress({ label: "rollouts", total: count, silent: json });
    const found = randomCapacity(hosting, {
      ...{ count, seed: numberOf(options, "seed", 1) },
      ...{ leastKw: numberOf(options, "least", 5), largestKw: numberOf(options, "largest", 100) },
      onRollout: (done) => progress.update(done),
    });
    progress.stop();
    const percentiles = PERCENTILES.map((percent) => ({ percent, kw: percentile(found, percent) }));
    return {
      report: { rollouts: count, percentiles, limits: found.limits, kw: found.kw },
      head: ["% of rollouts below", "kW in all"],
      rows: percentiles.map(({ percent, kw }) => [percent, kw.toFixed(0)]),
    };
  },
};
