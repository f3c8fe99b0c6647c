/** Which rounds a household takes part in, as far as the announcement tells; what all of them may cost is the guard's. */
import { noiseMultiplier, type RoundContent } from "../../../protocol/learning/index.ts";
import type { Refusal } from "./privacy-guard.ts";

export interface LearningPolicy {
  /** Fewest homes of a set. */
  readonly minMeters: number;
  /** Least part of those that must be taken for colluders, whose noise does not count. */
  readonly colluderShare: number;
  /** Least standard deviation of a sum's noise, over the norm of a home's vector. */
  readonly minNoise: number;
  /** Takes part in rounds of training without noise. */
  readonly exact: boolean;
}

/** What aggregators keep; more of it nobody would take, and a home would have it in its memory until it closes. */
export interface LearningRoom {
  /** Rounds at the same time. */
  readonly rounds: number;
  /** From now until a round closes. */
  readonly seconds: number;
}

/** Why a round has to wait, or undefined. `waiting`: rounds that are not answered yet. */
export function delayOf(
  { closesAt }: Pick<RoundContent, "closesAt">,
  { rounds, seconds }: LearningRoom,
  waiting: number,
  now: number,
): Refusal | undefined {
  if (closesAt > now + seconds) return { code: "round-too-far", detail: `it closes more than ${seconds} s from now` };
  if (waiting >= rounds) return { code: "too-many-rounds", detail: `${waiting} wait to be answered` };
  return undefined;
}

export function refusalOf(content: RoundContent, policy: LearningPolicy): Refusal | undefined {
  const { minMeters, noise } = content;
  if (minMeters < policy.minMeters) {
    return { code: "too-few-homes", detail: `${minMeters} homes are enough for it, ${policy.minMeters} must be` };
  }
  if (noise.mechanism === "none") {
    return policy.exact ? undefined : { code: "no-noise", detail: "it has no noise, and learning.exact is false" };
  }
  const colluders = Math.ceil(policy.colluderShare * minMeters);
  if (noise.colluders < colluders) {
    return { code: "too-few-colluders", detail: `it reckons with ${noise.colluders} colluders, ${colluders} must be` };
  }
  const multiplier = noiseMultiplier(content);
  if (multiplier < policy.minNoise) {
    const detail = `its noise is ${multiplier.toFixed(3)} times a home's vector, ${policy.minNoise} must be`;
    return { code: "too-little-noise", detail };
  }
  return undefined;
}
