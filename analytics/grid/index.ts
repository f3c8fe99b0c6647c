/** The grid as others use it: cases, power flow, what follows from it, and the state that measurements tell. */
export { BUNDLED, bundledGrid, isBundled } from "./bundled.ts";
export type { BundledName } from "./bundled.ts";
export { type BusShare, type FeederTotal, loadsFromFeeders } from "./feeders.ts";
export { generateMeshed, type MeshedPlan } from "./generate/meshed.ts";
export { generateRadial, type RadialPlan } from "./generate/radial.ts";
export { type FlowOptions, powerFlow } from "./flow/power-flow.ts";
export { type RadialOutcome, RadialSolver } from "./flow/radial-solver.ts";
export type { FlowFailure, FlowResult } from "./flow/result.ts";
export { MatpowerError } from "./matpower/fields.ts";
export { readMatpower } from "./matpower/grid-of.ts";
export { writeMatpower } from "./matpower/write.ts";
export { makeGrid, GridError, withLoads, withLoadScale, withOpen, withSwitches } from "./model/grid.ts";
export type { Branch, Bus, BusKind, BusLoad, Generator, Grid, GridData } from "./model/grid.ts";
export { type Topology, topologyOf } from "./model/topology.ts";
export { apparentMva, type Violations, violationsOf } from "./physics/limits.ts";
export { lossesOf, type Losses, type LossOptions } from "./physics/losses.ts";
export { withAssumedRatings } from "./physics/ratings.ts";
export { BranchTemperatures, settledC, temperatureAfter, THERMAL, type ThermalModel } from "./physics/thermal.ts";
export { type Accuracy, ACCURACY, deviations } from "./scada/accuracy.ts";
export { CSV_HEADER, CsvScada, csvOf, ScadaFileError } from "./scada/csv.ts";
export { EVENT_TYPES, type EventType, type GridEvent } from "./scada/disturbances.ts";
export { type MessageClient, type MqttOptions, MqttScada } from "./scada/mqtt.ts";
export { pointName } from "./scada/scan.ts";
export type { PointKind, Sample, ScadaSource, Scan } from "./scada/scan.ts";
export { type ScadaPlan, SimulatedScada, type SimulatedScan, type Truth } from "./scada/simulate.ts";
export { type Estimate, estimate, type EstimateOptions, type Suspect } from "./estimate/bad-data.ts";
export { type Measurement, readScan } from "./estimate/measurement.ts";
export { StateTracker, type TrackerOptions, type TrustedState } from "./estimate/tracker.ts";
export type { FixedSwitches } from "./optimise/feeder-graph.ts";
export { compare, type Compared, type Comparison, type MethodRow } from "./optimise/compare.ts";
export { type Bounded, branchAndBound } from "./optimise/bound.ts";
export { type Effort, gapOf, type Reference, referenceOf } from "./optimise/optimum.ts";
export { type Answer, branchExchange, exact, fixed, randomSearch } from "./optimise/peers.ts";
export { decide, type DecideOptions, MOST_FLOWS } from "./optimise/policy.ts";
export type { Evaluation, Goal } from "./optimise/judge.ts";
export { FeederProblem } from "./optimise/problem.ts";
export { FAMILIES, type Family } from "./optimise/scenarios.ts";
export { comparePaths } from "./optimise/routing/compare.ts";
export {
  type LoadPath,
  type RoutedPaths,
  type RouteOptions,
  routePaths,
  ROUTING_METHODS,
  type RoutingMethod,
} from "./optimise/routing/routes.ts";
export {
  readWeights,
  SHIPPED_PATH_WEIGHTS,
  SHIPPED_WEIGHTS,
  shippedWeights,
  weightsText,
  WeightsFileError,
} from "./optimise/weights-file.ts";
