/** What the flags of `npm run forecast` ask for, checked before a file is read. */
import { IANAZone } from "luxon";
import { type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { BACKENDS, type BackendName, DECILES, MEDIAN, MODEL_KINDS, type ModelKind } from "../../learning/index.ts";

export interface ForecastRequest {
  readonly readings: string;
  readonly weather: string | undefined;
  readonly slotSeconds: number;
  readonly timezone: string;
  readonly feeder: string | undefined;
  readonly meter: string | undefined;
  /** Every home by itself, with one model for all. */
  readonly homes: boolean;
  readonly backend: BackendName | undefined;
}

export interface EvaluateRequest extends ForecastRequest {
  readonly kind: ModelKind;
  readonly quantiles: readonly number[];
  readonly testDays: number;
  readonly refitDays: number;
  readonly mostRows: number;
  readonly seed: number;
  readonly epochs: number | undefined;
  readonly save: string | undefined;
}

export interface PredictRequest extends ForecastRequest {
  readonly modelDir: string;
  /** The local day to forecast; the first one without readings when left out. */
  readonly date: string | undefined;
}

/** Flags that one command has and the other has not. */
const ONLY_EVALUATE = ["model", "quantiles", "testDays", "refit", "rows", "seed", "epochs", "save"];
const ONLY_PREDICT = ["modelDir", "date"];

/** Throws UsageError. */
export function evaluateRequest(context: RoleContext): EvaluateRequest {
  const { options } = context;
  refuse(options, ONLY_PREDICT, "evaluates; it belongs to forecast -- predict");
  return {
    ...common(context),
    kind: oneOf("--model", options["model"] ?? "linear", MODEL_KINDS),
    quantiles: options["quantiles"] === true ? DECILES : MEDIAN,
    testDays: whole("--test-days", options["testDays"], 1, 3_660, 28),
    refitDays: whole("--refit", options["refit"], 1, 3_660, 7),
    mostRows: whole("--rows", options["rows"], 100, 10_000_000, 40_000),
    seed: whole("--seed", options["seed"], 0, 4_294_967_295, 1),
    epochs: options["epochs"] === undefined ? undefined : whole("--epochs", options["epochs"], 1, 10_000, 1),
    save: text(options["save"]),
  };
}

/** Throws UsageError. */
export function predictRequest(context: RoleContext): PredictRequest {
  const { options } = context;
  refuse(options, ONLY_EVALUATE, "forecasts with a model that is there; it belongs to an evaluation");
  const modelDir = text(options["modelDir"]);
  if (modelDir === undefined)
    throw new UsageError("forecast predict: expected --model-dir, a folder that --save wrote");
  const date = text(options["date"]);
  if (date !== undefined && !/^\d{4}-\d{2}-\d{2}$/.test(date)) {
    throw new UsageError(`--date: expected YYYY-MM-DD, got ${date}`);
  }
  return { ...common(context), modelDir, date };
}

function common({ config, options }: RoleContext): ForecastRequest {
  const { slotSeconds, timezone } = config.system;
  if (!IANAZone.isValidZone(timezone)) throw new UsageError(`system.timezone: ${timezone} is no time zone`);
  const targets = ["feeder", "meter", "homes"].filter((name) => options[name] !== undefined);
  if (targets.length > 1) {
    throw new UsageError(
      `expected one of --feeder, --meter and --homes, got ${targets.map((t) => `--${t}`).join(" and ")}`,
    );
  }
  const backend = options["backend"];
  return {
    readings: String(options["readings"]),
    weather: text(options["weather"]),
    slotSeconds,
    timezone,
    feeder: text(options["feeder"]),
    meter: text(options["meter"]),
    homes: options["homes"] === true,
    backend: backend === undefined ? undefined : oneOf("--backend", backend, BACKENDS),
  };
}

function refuse(options: RoleContext["options"], names: readonly string[], why: string): void {
  const given = names.find((name) => options[name] !== undefined);
  if (given === undefined) return;
  throw new UsageError(`--${given.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: this command ${why}`);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function oneOf<T extends string>(flag: string, value: unknown, known: readonly T[]): T {
  const found = known.find((name) => name === value);
  if (found === undefined) throw new UsageError(`${flag}: expected one of ${known.join(", ")}, got ${String(value)}`);
  return found;
}

function whole(flag: string, value: unknown, low: number, high: number, otherwise: number): number {
  if (value === undefined) return otherwise;
  const number = Number(value);
  if (Number.isInteger(number) && number >= low && number <= high && value !== "") return number;
  throw new UsageError(`${flag}: expected a whole number from ${low} to ${high}, got ${JSON.stringify(value)}`);
}
