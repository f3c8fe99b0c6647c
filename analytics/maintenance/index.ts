/** Maintenance as others use it: histories, hazard models, remaining life, efficiency, schedules. */
export { type FleetPlan, SimulatedFleet } from "./fleet/fleet.ts";
export { type AssetHistory, type Kind, KINDS, weekCount, WEEKS_PER_YEAR } from "./history/history.ts";
export { historiesCsv, HISTORY_COLUMNS, HistoryFileError, readHistories } from "./history/history-file.ts";
export { efficiencyTrend, type EfficiencyTrend } from "./judge/efficiency.ts";
export { judge, judgeChances, type Judgement } from "./judge/evaluate.ts";
export { type RemainingLife, remainingLife } from "./model/drift.ts";
export { examplesOf, LEAST_WEEKS, situationAt } from "./model/features.ts";
export { type Example, type HazardModel, PERIOD_WEEKS, type Situation } from "./model/hazard-model.ts";
export { untrained } from "./model/standard.ts";
export { HazardModelError, importModel, loadTrained, saveTrained, train, type Trained } from "./model/trained.ts";
export { WeibullAge } from "./model/weibull.ts";
export { HORIZON, type Job, jobOf, type Option } from "./plan/options.ts";
export { type Comparison, everyYears, type Outcome, planned, RUN_TO_FAILURE, runPolicy } from "./plan/policies.ts";
export { schedule, type Schedule } from "./plan/schedule.ts";
