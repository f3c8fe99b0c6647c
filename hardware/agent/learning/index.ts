/** Public names of the learning part of a meter. */
export { type LearningAgent, learningSubscriptions } from "./learning-agent.ts";
export { openLearning } from "./open.ts";
