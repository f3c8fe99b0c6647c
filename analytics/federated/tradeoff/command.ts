/** `learn tradeoff`: readings in, a folder with figures, charts and a page out. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ReadingsError } from "../../../billing/readings-file.ts";
import { EXIT, type RoleContext, UsageError } from "../../../config/runtime/role-command.ts";
import { createProgress, renderTable } from "../../../config/runtime/terminal.ts";
import { type Backend, openBackend, readWeather, WeatherError } from "../../../learning/index.ts";
import { readFleet } from "../../forecast/readings.ts";
import { print, printJson } from "../../command/output.ts";
import { type Population, populate } from "../homes.ts";
import { draw, onWhite } from "./charts.ts";
import { figuresOf } from "./figures.ts";
import { FULL, QUICK, type Size } from "./plan.ts";
import { type Report, reportOf } from "./report.ts";
import { ResultsFile } from "./results.ts";
import { type Interval, summarise } from "./summary.ts";
import { digestOf, referencesOf, runAll } from "./tradeoff.ts";

const START = join(import.meta.dirname, "..", "..", "..", "config", "runtime", "start.mjs");
const LOADS = join(import.meta.dirname, "..", "..", "..", "firmware-sim", "loads-main.ts");
/** Simulated homes have hourly readings here: as much to learn, at a quarter of the time. */
const SIMULATED = { slotSeconds: 3_600, days: 63, seed: 7 } as const;

interface Source {
  readonly readings: string;
  readonly weather: string | undefined;
  readonly slotSeconds: number;
  readonly isSimulated: boolean;
}

export async function runTradeoff(context: RoleContext): Promise<number> {
  const { config, options, json, signal } = context;
  const folder = join(config.paths.results, "learning");
  await mkdir(folder, { recursive: true });
  const isQuick = options["quick"] === true;
  try {
    const source = await sourceOf(context, folder, isQuick ? QUICK : FULL);
    const { size, population } = await populationOf(source, isQuick ? QUICK : FULL, context);
    const warmth = source.weather === undefined ? "none" : await digestOf(source.weather);
    const data = `${await digestOf(source.readings)} ${warmth} ${JSON.stringify(size)}`;
    const results = new ResultsFile(folder, data, { fresh: options["fresh"] === true });
    let opened: Promise<Backend> | undefined;
    const backend = (): Promise<Backend> => (opened ??= openBackend());
    let bar: ReturnType<typeof createProgress> | undefined;
    const onRun = (done: number, of: number, note: string): void => {
      bar ??= createProgress({ label: "campaigns", total: of, silent: json });
      bar.update(done, note);
    };
    const { slotSeconds } = source;
    const finished = await runAll(population, size, { slotSeconds, results }, { backend, signal, onRun });
    bar?.stop();
    const references = await referencesOf(population, { backend, signal, onRun });
    const shown = { points: summarise(finished), references, homes: size.homes, fewHomes: size.fewHomes };
    const figures = figuresOf(shown);
    const report: Report = { ...shown, ...size, ...source, figures, finished, isQuick };
    await writeResults(folder, report);
    const files = { json: join(folder, "tradeoff.json"), page: join(folder, "tradeoff.html") };
    if (json) printJson({ simulated: source.isSimulated, quick: isQuick, ...files, references, points: shown.points });
    else print(`${tableOf(report)}\nRead ${files.page}`);
    return EXIT.ok;
  } catch (error) {
    if (signal.aborted) return interrupted(json);
    throw error instanceof ReadingsError || error instanceof WeatherError ? new UsageError(error.message) : error;
  }
}

function interrupted(json: boolean): number {
  if (!json) print("Interrupted: what is finished is kept, and the same command goes on from there.");
  return EXIT.interrupted;
}

async function sourceOf({ config, options, json, signal }: RoleContext, folder: string, size: Size): Promise<Source> {
  const readings = options["readings"] as string | undefined;
  const weather = options["weather"] as string | undefined;
  if (readings !== undefined) {
    return { readings, weather, slotSeconds: config.system.slotSeconds, isSimulated: options["simulated"] === true };
  }
  if (weather !== undefined) throw new UsageError("--weather: expected --readings with it");
  const homes = size.homes + size.unseen;
  const { slotSeconds, days, seed } = SIMULATED;
  const [file, warmth] = [join(folder, `homes-${homes}.csv`), join(folder, `weather-${homes}.csv`)];
  if (!existsSync(file) || !existsSync(warmth)) {
    const what = ["--homes", homes, "--days", days, "--seed", seed, "--set", `system.slotSeconds=${slotSeconds}`];
    const into = ["--out", `${file}.part`, "--weather", `${warmth}.part`];
    await start([LOADS, ...what.map(String), ...into, ...(json ? ["--json"] : [])], signal);
    await rename(`${warmth}.part`, warmth);
    await rename(`${file}.part`, file);
  }
  return { readings: file, weather: warmth, slotSeconds, isSimulated: true };
}

/** Simulated homes come from the simulation's own process. */
async function start(args: readonly string[], signal: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, [START, ...args], { stdio: ["ignore", "ignore", "inherit"], signal });
  const code = await new Promise<number | null>((done, failed) => child.on("exit", done).on("error", failed));
  if (code !== 0) throw new UsageError(`simulated homes could not be made (exit code ${code ?? "none"})`);
}

async function populationOf(
  { readings, weather, slotSeconds }: Source,
  wanted: Size,
  { config, json, signal }: RoleContext,
): Promise<{ size: Size; population: Population }> {
  let rows = 0;
  const reading = createProgress({ label: "rows read", total: (wanted.homes + wanted.unseen) * 1_512, silent: json });
  const onRow = (): void => {
    rows += 1;
    if (rows % 20_000 === 0) reading.update(rows);
  };
  const fleet = await readFleet(readings, { slotSeconds, onRow, signal });
  const temperature = weather === undefined ? undefined : await readWeather(weather, slotSeconds);
  reading.stop();
  // A smaller file is compared as it is: the unseen are a sixth of it, the few two fifths of the rest.
  const unseen = Math.min(wanted.unseen, Math.floor(fleet.meters.length / 6));
  const homes = Math.min(wanted.homes, fleet.meters.length - unseen);
  if (homes < 20) throw new UsageError(`--readings: expected at least 24 homes, got ${fleet.meters.length}`);
  const size = { ...wanted, unseen, homes, fewHomes: Math.min(wanted.fewHomes, Math.ceil(0.4 * homes)) };
  const used = fleet.meters.slice(0, homes + unseen);
  const bar = createProgress({ label: "homes prepared", total: used.length, silent: json });
  const population = populate(used, temperature, {
    ...{
      slotSeconds,
      timezone: config.system.timezone,
      testDays: size.testDays,
      unseen,
      mostRows: size.mostRows,
      seed: 1,
    },
    onHome: (done) => bar.update(done),
    signal,
  });
  bar.stop();
  return { size, population };
}

async function writeResults(folder: string, report: Report): Promise<void> {
  const { figures, finished, isSimulated, isQuick, references, points, readings, homes, rounds, seeds } = report;
  const about = {
    simulated: isSimulated,
    quick: isQuick,
    readings,
    slotSeconds: report.slotSeconds,
    homes,
    rounds,
    seeds,
  };
  const runs = finished.map(({ run, result: { history, ...result } }) => ({ ...run, result, rounds: history.length }));
  await writeWhole(
    join(folder, "tradeoff.json"),
    `${JSON.stringify({ v: 1, ...about, references, points, runs }, null, 1)}\n`,
  );
  for (const { name, chart } of figures) await writeWhole(join(folder, `tradeoff-${name}.svg`), onWhite(draw(chart)));
  await writeWhole(join(folder, "tradeoff.html"), reportOf(report));
}

async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}.part`, text);
  await rename(`${file}.part`, file);
}

function tableOf({ points, references, isSimulated }: Report): string {
  const { median, energy } = references;
  const both = ({ mean, low, high }: Interval): string[] => [mean.toFixed(1), ((high - low) / 2).toFixed(1)];
  const rows = points.map(({ sweep, series, at, homesWh, unseenWh, feederWh, uploadBytes }) => [
    ...[sweep, at, series, ...both(homesWh), ...(unseenWh === undefined ? ["", ""] : both(unseenWh))],
    ...[sweep === "feeder" ? (feederWh.mean / 1_000).toFixed(2) : undefined, uploadBytes],
  ]);
  const head = [
    "varied",
    "at",
    "series",
    "home MAE Wh",
    "± 95 %",
    "unseen homes",
    "± 95 %",
    "feeder MAE kWh",
    "bytes/round",
  ];
  return [
    renderTable(head, rows),
    `Homes: trained centrally ${median.homes.maeWh.toFixed(1)} Wh, ${median.homes.best} ${median.homes.bestWh.toFixed(1)} Wh. ` +
      `Feeder: trained centrally ${(energy.feeder.maeWh / 1_000).toFixed(2)} kWh, ` +
      `${energy.feeder.best} ${(energy.feeder.bestWh / 1_000).toFixed(2)} kWh.${isSimulated ? " All simulated." : ""}`,
  ].join("\n");
}
