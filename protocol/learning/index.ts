/** Public names of learning rounds: what is announced, how numbers become field elements, and how far sums reach. */
export { type Announcement, openAnnouncement, roundOf, signAnnouncement } from "./announcement.ts";
export {
  lengthOf,
  type NoiseMechanism,
  roundContent,
  type RoundContent,
  type RoundTask,
  type VectorShape,
} from "./content.ts";
export { boundElements, honestSquares, sharedElements } from "./bound.ts";
export {
  costOf,
  type CoveredCost,
  epsilonOf,
  epsilonOfAll,
  noiseMultiplier,
  type PrivacyBudget,
  type RoundCost,
  usedPart,
} from "./cost.ts";
export { homeIntegers, homeNoise, type NoiseSource } from "./integers.ts";
export { packLanes, unpackLanes } from "./lanes.ts";
export { normBound } from "./norm.ts";
export {
  noisedRelease,
  type NoisedRelease,
  type OpenedRelease,
  precisionOf,
  releaseHead,
  releaseOf,
  type ReleaseTask,
} from "./release.ts";
export { elementsOf, reach } from "./shape.ts";
