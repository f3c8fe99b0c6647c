/** `npm run forecast`: evaluates a model by rolling origin, saves it, and forecasts the next day with a saved one. */
import { statSync } from "node:fs";
import { ReadingsError } from "../../billing/readings-file.ts";
import { EXIT, type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { createProgress } from "../../config/runtime/terminal.ts";
import {
  type Backend,
  BackendError,
  type BackendName,
  type LoadSeries,
  loadModel,
  ModelFileError,
  openBackend,
  prepare,
  readWeather,
  saveModel,
  sumSeries,
  type TemperatureSeries,
  WeatherError,
} from "../../learning/index.ts";
import { describeForecast, forecastDay, knows } from "./predict.ts";
import { type FleetReadings, readFleet } from "./readings.ts";
import { describeEvaluation } from "./report.ts";
import { evaluate, LEAST_DAYS_BEFORE, rowsBefore } from "./rolling.ts";
import { evaluateRequest, type ForecastRequest, predictRequest } from "./settings.ts";
import { centralTraining, makeModel } from "./training.ts";

/** Files that cannot be used are the user's fault, like flags. */
const USAGE = [ReadingsError, WeatherError, ModelFileError, BackendError];
const KIB = 1_024;
/** Between two steps of the progress of reading. */
const TOLD_BYTES = 100 * KIB;
const ALWAYS_LATER = "9999-12-31";

export async function runForecast(context: RoleContext): Promise<number> {
  const [verb, ...more] = context.operands;
  if ((verb !== undefined && verb !== "predict") || more.length > 0) {
    throw new UsageError(`forecast: expected nothing or predict before the flags, got ${context.operands.join(" ")}`);
  }
  try {
    return verb === "predict" ? await predict(context) : await evaluateModel(context);
  } catch (error) {
    if (context.signal.aborted) return EXIT.interrupted;
    if (error instanceof Error && USAGE.some((kind) => error instanceof kind)) throw new UsageError(error.message);
    throw error;
  }
}

async function evaluateModel(context: RoleContext): Promise<number> {
  const { json, signal } = context;
  const request = evaluateRequest(context);
  const { target, series, weather } = await inputs(request, context);
  const calendar = { slotSeconds: request.slotSeconds, timezone: request.timezone };
  const { quantiles, testDays, seed, epochs } = request;
  const ends = (one: LoadSeries): number => one.firstSlot + one.energyWh.length;
  if (weather !== undefined && !series.some((one) => knows(weather, one.firstSlot, ends(one)))) {
    throw new UsageError(`--weather ${request.weather ?? ""}: has no temperature of the days of the readings`);
  }
  const prepared = series.map((one) => prepare(one, weather, calendar));
  const days = prepared.reduce((most, { table }) => Math.max(most, table.days.length), 0);
  if (days < testDays + LEAST_DAYS_BEFORE) {
    throw new UsageError(
      `--readings ${request.readings} has ${days} days; forecasting ${testDays} of them takes ` +
        `${testDays + LEAST_DAYS_BEFORE} (--test-days, and ${LEAST_DAYS_BEFORE} before them)`,
    );
  }
  let backend: Backend | undefined;
  const open = async (): Promise<Backend> => (backend ??= await openChosen(context, request.backend));
  const model = await makeModel(request.kind, quantiles, open, seed);
  const fit = centralTraining({ seed, epochs, signal });
  const bar = createProgress({ label: "days", total: testDays, silent: json });
  try {
    const onDay = (done: number): void => bar.update(done);
    const evaluation = await evaluate(prepared, model, fit, { ...request, onDay, signal });
    bar.stop();
    if (request.save !== undefined) {
      // What was held back for the evaluation is learned as well before the model is handed on.
      await fit(model, rowsBefore(prepared, ALWAYS_LATER, request), false);
      const last = prepared[0]!.table.days;
      const about = { ...calendar, target, trainedFrom: last[0]!.date, trainedTo: last.at(-1)!.date };
      await saveModel(await open(), model, request.save, about);
    }
    const { kind, parameterCount } = model;
    const hasWeather = weather !== undefined;
    // A linear model computes by itself; a backend only saves it.
    const computed = kind === "linear" ? undefined : backend;
    const about = { target, kind, parameterCount, quantiles, weather: hasWeather, backend: computed?.name };
    const printed = json
      ? JSON.stringify({ ...about, ...evaluation })
      : describeEvaluation({ target, evaluation, model, hasWeather, backend: computed });
    process.stdout.write(`${printed}\n`);
    if (!json && request.save !== undefined)
      process.stdout.write(`The model, trained on all days, is in ${request.save}.\n`);
    return EXIT.ok;
  } finally {
    bar.stop();
    model.dispose();
  }
}

async function predict(context: RoleContext): Promise<number> {
  const request = predictRequest(context);
  const backend = await openChosen(context, request.backend);
  const { model, card } = await loadModel(backend, request.modelDir);
  if (card.slotSeconds !== request.slotSeconds || card.timezone !== request.timezone) {
    throw new UsageError(
      `--model-dir ${request.modelDir}: the model is for slots of ${card.slotSeconds} s in ${card.timezone}, ` +
        `the configuration says ${request.slotSeconds} s in ${request.timezone} (system.slotSeconds, system.timezone)`,
    );
  }
  const { target, series, weather } = await inputs(request, context);
  try {
    const forecasts = series.map((one) => forecastDay(model, one, weather, { ...request, date: request.date }));
    const unknown = forecasts.find(({ slots }) => slots.length === 0);
    if (unknown !== undefined) {
      throw new UsageError(`${unknown.id}: too few readings before ${unknown.date} to forecast it (14 days and more)`);
    }
    process.stdout.write(
      context.json
        ? `${JSON.stringify({ target, kind: card.kind, quantiles: card.quantiles, forecasts })}\n`
        : `${forecasts.map((forecast) => describeForecast(forecast, card.quantiles, request.timezone)).join("\n\n")}\n`,
    );
    return EXIT.ok;
  } finally {
    model.dispose();
  }
}

async function openChosen({ log }: RoleContext, only: BackendName | undefined): Promise<Backend> {
  return await openBackend({
    only,
    onChosen: ({ name, passedOver }) => log.info({ backend: name, passedOver }, "the backend of learning is chosen"),
  });
}

interface Inputs {
  readonly target: string;
  readonly series: readonly LoadSeries[];
  readonly weather: TemperatureSeries | undefined;
}

async function inputs(request: ForecastRequest, { json, signal }: RoleContext): Promise<Inputs> {
  const { readings, slotSeconds } = request;
  const weather = request.weather === undefined ? undefined : await readWeather(request.weather, slotSeconds);
  const total = Math.ceil((statSync(readings, { throwIfNoEntry: false })?.size ?? 0) / KIB);
  const bar = createProgress({ label: "readings (KiB)", total, silent: json });
  let told = 0;
  try {
    const fleet = await readFleet(readings, {
      slotSeconds,
      signal,
      onRow: (bytes) => {
        if (bytes < told) return;
        told = bytes + TOLD_BYTES;
        bar.update(Math.round(bytes / KIB));
      },
    });
    return { ...choose(fleet, request), weather };
  } finally {
    bar.stop();
  }
}

/** What is to be forecast: a meter, every home, a feeder, or all together. */
function choose(
  fleet: FleetReadings,
  { feeder, meter, homes, readings, slotSeconds }: ForecastRequest,
): Omit<Inputs, "weather"> {
  if (homes) return { target: "every home", series: fleet.meters };
  if (meter !== undefined) {
    const series = fleet.meters.filter(({ id }) => id === meter);
    if (series.length > 0) return { target: `meter ${meter}`, series };
    throw new UsageError(`--meter ${meter}: ${readings} has ${some(fleet.meters.map(({ id }) => id))}`);
  }
  const members = feeder === undefined ? undefined : fleet.feeders.get(feeder);
  if (feeder !== undefined && members === undefined) {
    throw new UsageError(`--feeder ${feeder}: ${readings} has ${some([...fleet.feeders.keys()])}`);
  }
  const chosen = fleet.meters.filter(({ id }) => members?.includes(id) ?? true);
  const name = feeder === undefined ? "all meters" : `feeder ${feeder}`;
  const total = sumSeries(name, chosen);
  const whole = total.energyWh.filter((value) => !Number.isNaN(value)).length;
  if (whole * 2 < total.energyWh.length) {
    throw new UsageError(
      `--readings ${readings}: only ${whole} of ${total.energyWh.length} slots have readings of all ${chosen.length} ` +
        `meters; ${sparsest(chosen)} has the fewest (slots are of ${slotSeconds} s: system.slotSeconds)`,
    );
  }
  return { target: `${name} (sum of ${chosen.length} meters)`, series: [total] };
}

function some(names: readonly string[]): string {
  return names.length <= 8 ? names.join(", ") : `${names.slice(0, 8).join(", ")} and ${names.length - 8} more`;
}

function sparsest(series: readonly LoadSeries[]): string {
  const known = ({ energyWh }: LoadSeries): number => energyWh.filter((value) => !Number.isNaN(value)).length;
  return series.reduce((least, one) => (known(one) < known(least) ? one : least)).id;
}
