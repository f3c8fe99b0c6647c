/**
 * The least noise that keeps a budget. Epsilon falls as noise grows, so halving finds it; what is returned was seen to keep the
 * budget, and is above the least by at most the tolerance (relative). Never below.
 */
import { assertAbove, assertDelta, assertRounds } from "./checks.ts";
import { bisect } from "./bisect.ts";
import { gaussianPldEpsilon } from "./pld/accountant.ts";
import { epsilonAt, rdpVector } from "./rdp/accountant.ts";
import type { RdpCurve } from "../../protocol/noise/rdp.ts";
import { gaussianRdp } from "./rdp/gaussian.ts";

export type Accountant = "rdp" | "pld";

export interface Budget {
  readonly epsilon: number;
  readonly delta: number;
}

const TOLERANCE = 1e-4;

function assertBudget({ epsilon, delta }: Budget): void {
  assertAbove("epsilon", epsilon, 0);
  assertDelta(delta);
}

/** Epsilon of `rounds` rounds of the sampled Gaussian mechanism, by either accountant. Throws RangeError. */
export function gaussianEpsilonOf(
  noise: number,
  { rate, rounds, delta }: { readonly rate: number; readonly rounds: number; readonly delta: number },
  accountant: Accountant,
): number {
  assertRounds(rounds);
  if (accountant === "pld") return gaussianPldEpsilon({ noise, rate }, rounds, delta);
  return epsilonAt(
    rdpVector((order) => gaussianRdp({ noise, rate }, order), rounds),
    delta,
  ).epsilon;
}

/** The least noise multiplier that keeps the budget over so many rounds at that sampling rate. Throws RangeError. */
export function calibrateGaussian(
  budget: Budget & { readonly rate: number; readonly rounds: number },
  accountant: Accountant = "rdp",
  tolerance = TOLERANCE,
): number {
  assertBudget(budget);
  // The Renyi accountant is cheap, and its answer is enough noise: the tighter one only looks below it.
  const enough = bisect((noise) => gaussianEpsilonOf(noise, budget, "rdp") <= budget.epsilon, { tolerance });
  if (accountant === "rdp") return enough;
  const parts = Math.ceil(1 / tolerance);
  let [low, high] = [0, parts];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    // Far less noise would cost much time to account for, and no accountant differs that much.
    const holds = middle > parts / 2 && gaussianEpsilonOf((enough * middle) / parts, budget, "pld") <= budget.epsilon;
    if (holds) high = middle;
    else low = middle;
  }
  return (enough * high) / parts;
}

/**
 * The least variance of integer noise that keeps the budget: `curveOf` gives the RDP of one round at a variance, e.g.
 * `(variance) => skellamRdp(variance, sensitivity)`, and must fall as the variance grows. Throws RangeError.
 */
export function calibrateVariance(
  curveOf: (variance: number) => RdpCurve,
  { epsilon, delta, rounds }: Budget & { readonly rounds: number },
  tolerance = TOLERANCE,
): number {
  assertBudget({ epsilon, delta });
  assertRounds(rounds);
  return bisect((variance) => epsilonAt(rdpVector(curveOf(variance), rounds), delta).epsilon <= epsilon, { tolerance });
}
