/** An evaluation as a table for a person: the model and every baseline, over the same slots. */
import { renderTable } from "../../config/runtime/terminal.ts";
import { type Backend, BASELINES, type ForecastModel } from "../../learning/index.ts";
import { type PointMetrics, skill } from "./metrics.ts";
import type { Evaluation } from "./rolling.ts";

export interface Reported {
  readonly target: string;
  readonly evaluation: Evaluation;
  readonly model: Pick<ForecastModel, "kind" | "quantiles" | "parameterCount">;
  readonly hasWeather: boolean;
  readonly backend: Pick<Backend, "name" | "passedOver"> | undefined;
}

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

export function describeEvaluation({ target, evaluation, model, hasWeather, backend }: Reported): string {
  const { best, baselines, empirical, days, from, to, series, gaps } = evaluation;
  const own = evaluation.model;
  const reference = baselines[best].maeWh;
  const row = (name: string, metrics: PointMetrics): string[] => [
    name,
    metrics.maeWh.toFixed(1),
    metrics.rmseWh.toFixed(1),
    percent(metrics.relative),
    metrics.mape === undefined ? "-" : percent(metrics.mape),
    percent(skill(metrics.maeWh, reference)),
  ];
  const table = renderTable(
    ["", "MAE Wh", "RMSE Wh", "of the load", "MAPE", "skill"],
    [
      row(`${model.kind} (${model.parameterCount} parameters)`, own),
      ...BASELINES.map((name) => row(name === best ? `${name} (best baseline)` : name, baselines[name])),
    ],
  );
  const homes = series === 1 ? "" : `, ${series} homes, one model`;
  return [
    `${target}${homes}: ${days} days, each forecast when the day before was over, ${from} to ${to}; per slot of energy.`,
    `Trained again ${evaluation.refits === 1 ? "once" : `${evaluation.refits} times`}${hasWeather ? ", with the temperature as forecast" : ", without weather"}` +
      `${backend === undefined ? "" : `, on ${backend.name}`}.`,
    ...(backend?.passedOver ?? []).map((reason) => `Passed over: ${reason}`),
    table,
    ...(own.mape === undefined
      ? ["MAPE is left out: too many slots have a load under a tenth of the mean, where percentages mean nothing."]
      : []),
    ...(gaps === 0 ? [] : [`${gaps} slots are left out: no reading, or no baseline.`]),
    ...(own.pinballWh === undefined || empirical === undefined
      ? []
      : [
          `Quantiles ${model.quantiles.join(" ")}: pinball ${own.pinballWh.toFixed(1)} Wh, ` +
            `${percent(own.inside ?? 0)} between the outermost (nominal ` +
            `${percent(model.quantiles.at(-1)! - model.quantiles[0]!)}); below each: ` +
            (own.coverage ?? []).map((share) => percent(share)).join(", "),
          `Quantiles of the last 28 days: pinball ${empirical.pinballWh.toFixed(1)} Wh, ${percent(empirical.inside)} between.`,
        ]),
  ].join("\n");
}
