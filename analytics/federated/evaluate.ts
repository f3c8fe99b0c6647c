/** How a model does on days that nobody trained on, beside the best that anybody can do without learning. */
import { BASELINES, type BaselineName, type Examples, type ForecastModel } from "../../learning/index.ts";
import { skill } from "../forecast/metrics.ts";
import type { Compared, SimulatedHome } from "./homes.ts";

export interface Score {
  /** Mean absolute error, Wh per slot. */
  readonly maeWh: number;
  /** Mean load of those slots, Wh. */
  readonly meanWh: number;
  /** Best of the baselines on the same slots, and what the model gains on it (1 is perfect, 0 nothing). */
  readonly best: BaselineName;
  readonly bestWh: number;
  readonly skill: number;
}

/** Every slot of every home counts the same; slots without a reading or a baseline are left out. */
export function score(
  homes: readonly { readonly test: Compared }[],
  forecast: (rows: Examples, home: number) => Float32Array,
): Score {
  let [slots, error, load] = [0, 0, 0];
  const simple = Object.fromEntries(BASELINES.map((name) => [name, 0])) as Record<BaselineName, number>;
  for (const [h, { test }] of homes.entries()) {
    const { target, scale, count } = test.rows;
    const given = forecast(test.rows, h);
    for (let i = 0; i < count; i += 1) {
      const actual = target[i]! * scale[i]!;
      if (Number.isNaN(actual) || BASELINES.some((name) => Number.isNaN(test.baselines[name][i]))) continue;
      slots += 1;
      load += actual;
      error += Math.abs(actual - given[i]!);
      for (const name of BASELINES) simple[name] += Math.abs(actual - test.baselines[name][i]!);
    }
  }
  if (slots === 0) throw new RangeError("homes: no slot of their last days can be compared");
  const best = BASELINES.reduce((least, name) => (simple[name] < simple[least] ? name : least));
  const [maeWh, bestWh] = [error / slots, simple[best] / slots];
  return { maeWh, meanWh: load / slots, best, bestWh, skill: skill(maeWh, bestWh) };
}

/** Mean absolute error on the validation days, Wh per slot. */
export function validationError(homes: readonly SimulatedHome[], model: ForecastModel): number {
  let [slots, error] = [0, 0];
  for (const { validation } of homes) {
    const given = model.predict(validation);
    for (const [i, value] of given.entries()) {
      error += Math.abs(value - validation.target[i]! * validation.scale[i]!);
      slots += 1;
    }
  }
  return error / slots;
}
