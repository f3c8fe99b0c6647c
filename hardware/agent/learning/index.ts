/** Public names of the learning part of a meter. */
export { type LearningAgent, type LearningEvent, learningSubscriptions } from "./learning-agent.ts";
export { openLearning } from "./open.ts";
export { HomeTrainer } from "./trainer.ts";
export type { Trainer } from "./tasks.ts";
