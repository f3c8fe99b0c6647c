/**
 * `npm run loads -- --homes 20 --days 60 --out readings.csv`: readings of simulated households as a file, in the
 * columns that the fleet replays and bills are checked with. Nothing is started, nothing is sent.
 */
import { resolve } from "node:path";
import { EXIT, type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { createProgress } from "../config/runtime/terminal.ts";
import { planGenerated } from "./fleet/fleet-plan.ts";
import { writeTruth } from "./loads/truth.ts";
import { WEATHER_ERROR_C, writeWeather } from "./loads/weather-file.ts";

async function run({ config, options, json, signal }: RoleContext): Promise<number> {
  const out = String(options["out"]);
  const weather = options["weather"] as string | undefined;
  if (weather !== undefined && resolve(weather) === resolve(out)) {
    throw new UsageError(`--weather ${weather}: is the file of the readings (--out)`);
  }
  const errorC = Number(options["weatherError"] ?? WEATHER_ERROR_C);
  if (!(errorC >= 0 && errorC <= 20)) {
    throw new UsageError(`--weather-error: expected 0 to 20 degrees, got ${String(options["weatherError"])}`);
  }
  const { source, dates } = await planGenerated(config, undefined);
  const { range, slotSeconds } = source;
  const { seed } = config.simulation;
  const bar = createProgress({ label: "slots", total: range.to - range.from, silent: json });
  try {
    await writeTruth(out, source, (done) => {
      signal.throwIfAborted();
      bar.update(done);
    });
    if (weather !== undefined) await writeWeather(weather, { seed, range, slotSeconds, errorC });
  } catch (error) {
    if (signal.aborted) return EXIT.interrupted;
    const { code, syscall, path = out } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new UsageError(`${path} cannot be written (${code ?? "unknown"})`);
  } finally {
    bar.stop();
  }
  const homes = source.meters.length;
  const slots = range.to - range.from;
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ simulated: true, homes, ...dates, slots, seed, readings: out, weather })}\n`,
    );
  } else {
    process.stdout.write(
      `${homes} simulated homes from ${dates.from} to before ${dates.to} (seed ${seed}) in ${out}` +
        `${weather === undefined ? "" : `; the weather, as forecast, in ${weather}`}\n`,
    );
  }
  return EXIT.ok;
}

await runRole({
  name: "loads",
  description: "Writes readings of simulated households to a file, to try forecasts, learning and replays with.",
  logFiles: false,
  flags: [
    { flags: "--out <file>", description: "the file of readings to write", required: true },
    { flags: "--homes <number>", description: "simulated homes", path: "simulation.meters" },
    { flags: "--feeders <number>", description: "feeders they hang on", path: "simulation.feeders" },
    { flags: "--days <number>", description: "local days", path: "simulation.days" },
    { flags: "--start <date>", description: "first local day", path: "simulation.start" },
    { flags: "--seed <number>", description: "seed of everything random", path: "simulation.seed" },
    { flags: "--weather <file>", description: "also write slot_start,temperature_c, as forecast the day before" },
    {
      flags: "--weather-error <degrees>",
      description: `standard deviation of that forecast (default ${WEATHER_ERROR_C})`,
    },
  ],
  examples: ["npm run loads -- --homes 20 --days 60 --seed 1 --out readings.csv --weather weather.csv"],
  run,
});
