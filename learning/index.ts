/**
 * Public names of learning: what a household that trains and whoever evaluates must do alike. It sees the series it is
 * given, opens no connection, and loads tfjs only when a backend is opened.
 */
export { type Backend, BackendError, type BackendName, type BackendOptions, BACKENDS, openBackend } from "./backend.ts";
export { BASELINES, type BaselineName, baselines, empiricalQuantiles } from "./baselines.ts";
export { type CalendarOptions, type LocalDay } from "./calendar.ts";
export { type Examples, joinExamples, pickExamples, slotExamples, trainable } from "./examples.ts";
export { dayInputs, type DayInputs, FEATURES, FIRST_DAY, type History, SEQUENCE } from "./features.ts";
export { type DayTable, loadTable, tabulate } from "./history.ts";
export { NETWORK_SHAPE, NetworkModel, type NetworkShape } from "./layers-model.ts";
export { LINEAR_WEIGHTS, LinearModel } from "./linear-model.ts";
export {
  inputsOf,
  localUpdate,
  modelOf,
  type Objective,
  OBJECTIVES,
  type TrainingInputs,
  type TrainingTask,
  weightsText,
} from "./local-update.ts";
export { DECILES, type ForecastModel, MEDIAN, MODEL_KINDS, type ModelKind, type TrainOptions } from "./model.ts";
export { loadModel, type ModelCard, ModelFileError, saveModel } from "./model-files.ts";
export { prepare, type Prepared } from "./prepare.ts";
export { type LoadSeries, sumSeries, type TemperatureSeries } from "./series.ts";
export { permutation } from "./shuffle.ts";
export { readWeather, WeatherError } from "./weather-file.ts";
