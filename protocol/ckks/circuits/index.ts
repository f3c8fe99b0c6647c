export { bucketOf, oneHot } from "./buckets.ts";
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
export { freshSigma, keySwitchSigma, productNoise, roomBits, slotError, sumNoise } from "./noise.ts";
export { bindCircuit, circuitNames, errorBound, leastRoom, registerCircuit } from "./registry.ts";
export type { BoundCircuit, Flooding } from "./registry.ts";
export { SumAccumulator } from "./sums.ts";
export { separationsOf } from "./compare.ts";
export { planJob } from "./planner.ts";
export type { AvailableKeys, JobPlan, PlanRequest, RefusalCode } from "./planner.ts";
