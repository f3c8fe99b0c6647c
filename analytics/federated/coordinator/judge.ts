/** What the models of a campaign are worth, where there are open readings to tell: after each round, and at the end. */
import {
  type Backend,
  BASELINES,
  type BaselineName,
  FEATURES,
  type ForecastModel,
  modelOf,
  readWeather,
  weightsText,
} from "../../../learning/index.ts";
import { readFleet } from "../../forecast/readings.ts";
import type { Campaign } from "../campaign.ts";
import { type Score, score, validationError } from "../evaluate.ts";
import { type Population, populate } from "../homes.ts";
import { centralModel } from "../reference.ts";
import type { CoordinatorPlan } from "./plan.ts";

/** Rows of each home that the central model, and nobody else, is trained on at most. */
const CENTRAL_ROWS = 20_000;

/** Mean absolute errors on days that no model was trained on, Wh per slot. */
export interface Comparison {
  readonly federated: Score;
  /** The same kind of model trained on all readings in one place. */
  readonly central: Score;
  readonly baselines: Readonly<Record<BaselineName, number>>;
}

export interface Verdict {
  /** Household by household. */
  readonly homes: Comparison;
  /** Their sum. */
  readonly feeder: Comparison;
}

/** The model so far, as what forecasts. */
export async function forecasterOf(campaign: Campaign, backend: () => Promise<Backend>): Promise<ForecastModel> {
  const { topology, options } = campaign.toJSON();
  const { kind, objective, slotSeconds, timezone, rows, rate } = options;
  const features = { kind, objective, names: [...FEATURES], slotSeconds, timezone, rows, rate, unitWh: 1 };
  const task = { epochs: 1, batchSize: 1, learningRate: 1, mu: 0, seed: 0 };
  const model = { topology, weights: weightsText(campaign.model) };
  return modelOf({ ...task, model, features }, { backend: kind === "linear" ? undefined : await backend() });
}

export class Judge {
  readonly #population: Population;
  readonly #backend: () => Promise<Backend>;

  private constructor(population: Population, backend: () => Promise<Backend>) {
    this.#population = population;
    this.#backend = backend;
  }

  /** Throws ReadingsError, WeatherError or RangeError for files that cannot be used. */
  static async open(plan: CoordinatorPlan, backend: () => Promise<Backend>): Promise<Judge | undefined> {
    const { judge, campaign } = plan;
    if (judge === undefined) return undefined;
    const { slotSeconds, timezone, homes } = campaign;
    const { meters } = await readFleet(judge.readings, { slotSeconds });
    const { testDays, seed, weather } = judge;
    const temperature = weather === undefined ? undefined : await readWeather(weather, slotSeconds);
    const options = { slotSeconds, timezone, testDays, unseen: 0, mostRows: CENTRAL_ROWS, seed };
    return new Judge(populate(meters.slice(0, homes), temperature, options), backend);
  }

  /** On the days between those of training and those of the verdict. */
  validate(campaign: Campaign): Promise<number> {
    return this.#with(campaign, (model) => validationError(this.#population.homes, model));
  }

  async verdict(campaign: Campaign): Promise<Verdict> {
    const { homes, feeder } = this.#population;
    const central = await centralModel(homes, campaign.options, this.#backend);
    const compare = (of: Population["homes"], model: ForecastModel): Comparison => ({
      federated: score(of, (rows) => model.predict(rows)),
      central: score(of, (rows) => central.predict(rows)),
      baselines: baselineErrors(of),
    });
    try {
      return await this.#with(campaign, (model) => ({
        homes: compare(homes, model),
        feeder: compare([feeder], model),
      }));
    } finally {
      central.dispose();
    }
  }

  async #with<T>(campaign: Campaign, use: (model: ForecastModel) => T): Promise<T> {
    const model = await forecasterOf(campaign, this.#backend);
    try {
      return use(model);
    } finally {
      model.dispose();
    }
  }
}

function baselineErrors(homes: Population["homes"]): Record<BaselineName, number> {
  const errors = BASELINES.map((name): [BaselineName, number] => {
    const given = score(homes, (_rows, home) => Float32Array.from(homes[home]!.test.baselines[name]));
    return [name, given.maeWh];
  });
  return Object.fromEntries(errors) as Record<BaselineName, number>;
}
