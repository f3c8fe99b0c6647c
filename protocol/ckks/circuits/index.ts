export type {
  Circuit,
  CircuitNeeds,
  CircuitOpens,
  CircuitValues,
  Evaluation,
  JobShape,
  OutputNoise,
} from "./circuit.ts";
export { timeSteps } from "./evaluate.ts";
export { freshSigma } from "./noise.ts";
export { bindCircuit, circuitNames, circuitParameters } from "./registry.ts";
export type { BoundCircuit, Flooding } from "./registry.ts";
export { SumAccumulator } from "./sums.ts";
export { planJob } from "./planner.ts";
export type { AvailableKeys, JobPlan, PlanRequest, RefusalCode } from "./planner.ts";
