/** Public names of learning rounds: what is announced, how numbers become field elements, and how far sums reach. */
export { type Announcement, learningRound, openAnnouncement, roundOf, signAnnouncement } from "./announcement.ts";
export {
  MAX_LENGTH,
  type NoiseMechanism,
  type RoundContent,
  roundContent,
  type RoundTask,
  type VectorShape,
} from "./content.ts";
export {
  addCosts,
  COST_ORDERS,
  costOf,
  epsilonOf,
  noiseMultiplier,
  normBound,
  type RoundCost,
} from "./cost.ts";
export { packLanes, unpackLanes } from "./lanes.ts";
export { elementsOf, homeVariance, largestOf, MAX_ELEMENTS, reach } from "./shape.ts";
