/** Which CKKS keys a system needs, from its configuration, and whether those that it has are the ones. */
import { type CkksParameters, parametersId } from "../../protocol/ckks/parameters.ts";
import type { CkksEpoch } from "../../protocol/keys/index.ts";
import { windowSlots } from "../checks-ckks.ts";
import type { Config } from "../schema.ts";
import { parametersOf, type SetName } from "../schema-ckks.ts";

export interface CkksSetPlan {
  readonly parameters: CkksParameters;
  /** For products of ciphertexts. */
  readonly relin: boolean;
  /** The rotations that keys are made for. */
  readonly galoisSteps: readonly number[];
}

export interface CkksPlan {
  readonly sets: readonly CkksSetPlan[];
  readonly insecureForTests: boolean;
}

/** What to deal; undefined where the configuration has no use for it. */
export function ckksPlan(config: Pick<Config, "homomorphic" | "system">): CkksPlan | undefined {
  const { enabled, sets, insecureForTests } = config.homomorphic;
  if (!enabled) return undefined;
  return {
    sets: sets.map((name) => ({
      parameters: parametersOf(config.homomorphic, name),
      relin: name !== "light",
      galoisSteps: stepsOf(name, windowSlots(config)),
    })),
    insecureForTests,
  };
}

/**
 * Sums over a window take rotations by the powers of two below it. `light` cannot rotate; a key of `strong` takes 50 MB
 * for each step, and its comparisons need none.
 */
function stepsOf(name: SetName, slots: number): number[] {
  if (name !== "standard") return [];
  return Array.from({ length: Math.ceil(Math.log2(slots)) }, (_, i) => 2 ** i);
}

/** Why keys that were dealt are not those of the plan; undefined when they are. */
export function planDifference(plan: CkksPlan, dealt: CkksEpoch): string | undefined {
  for (const { parameters, relin, galoisSteps } of plan.sets) {
    const { name } = parameters;
    const known = dealt.sets.get(name);
    if (known === undefined) return `the set ${name} was not dealt`;
    if (Buffer.compare(parametersId(known.parameters), parametersId(parameters)) !== 0) {
      return `the set ${name} was dealt with other parameters`;
    }
    if (relin && known.digests.relinKeys === undefined) return `the set ${name} was dealt without keys for products`;
    const lacking = galoisSteps.find((step) => !known.galoisSteps.includes(step));
    if (lacking !== undefined) return `the set ${name} was dealt without keys for rotations by ${lacking}`;
  }
  if (dealt.insecureForTests && !plan.insecureForTests) return "the keys were dealt for tests";
  return undefined;
}
