/**
 * What a hazard model is: it turns what is known of an asset into the chance that it fails within the next half year.
 * The built-in ones and those of users are used alike.
 */
import type { Kind } from "../history/history.ts";

/** Weeks of a period: the step of the discrete time in which failures are counted. */
export const PERIOD_WEEKS = 26;
export const PERIODS_PER_YEAR = 2;

/** What is known of an asset at one moment; all are finite. */
export const FEATURES = [
  "age",
  "life",
  "load",
  "temperature",
  "temperature_growth",
  "vibration",
  "vibration_growth",
  "losses",
  "losses_growth",
] as const;
export type Feature = (typeof FEATURES)[number];
export type Features = Readonly<Record<Feature, number>>;

export interface Situation {
  readonly kind: Kind;
  readonly ageYears: number;
  readonly features: Features;
}

/** A situation with what came after it. */
export interface Example extends Situation {
  readonly asset: string;
  /** Whether it failed within the period. */
  readonly failed: boolean;
  /** Simulated only: the true chance of that, known to the simulation. */
  readonly truth?: number;
}

/** To be implemented by whoever brings an own model. */
export interface HazardModel {
  readonly name: string;
  /** Learns from examples, all of them; not called for a model that comes trained. */
  fit?(examples: readonly Example[]): void;
  /** Chance to fail within the next 26 weeks, in 0 to 1. */
  probability(situation: Situation): number;
}

/** The chance a model tells. Throws RangeError that names the model when it is none. */
export function probabilityBy(model: HazardModel, situation: Situation): number {
  const chance: unknown = model.probability(situation);
  if (typeof chance === "number" && chance >= 0 && chance <= 1) return chance;
  throw new RangeError(`model ${model.name}: expected a probability in 0 to 1, got ${String(chance)}`);
}
