/**
 * How the updates of a campaign become integers and how much noise hides them: worked out once, the same for all its
 * rounds. Noise is calibrated by what homes will charge for a round, so that none refuses the last one.
 */
import { holdsWithoutWrap, honestSquares, sharedElements } from "../../protocol/learning/bound.ts";
import {
  costOf,
  type CoveredCost,
  epsilonOfAll,
  reach,
  type RoundContent,
  usedPart,
} from "../../protocol/learning/index.ts";
import { MAX_ELEMENTS } from "../../protocol/learning/shape.ts";
import { bisect } from "../privacy/bisect.ts";
import type { CampaignOptions } from "./options.ts";

export type Encoding = Pick<RoundContent, "minMeters" | "maxMeters" | "vector" | "noise" | "bound">;

/** Elements hold 60 bits of lanes. */
const ELEMENT_BITS = 60;
/** Skellam noise is sampled up to this variance; beyond, finer integers would be nothing but finer noise. */
const MOST_HOME_VARIANCE = 2 ** 28;
const LEAST_HOME_VARIANCE = 0.5;
const TOLERANCE = 1e-4;

/** What rounds are planned from. */
export type RoundsWanted = Pick<
  CampaignOptions,
  "minMeters" | "homes" | "colluders" | "clip" | "bits" | "rounds" | "epsilon" | "delta" | "mechanism" | "bound"
> & {
  readonly lanes?: number | undefined;
  /** Scales are powers of 2, so that sums divided by them are exact. */
  readonly binary?: boolean;
};

/** Throws RangeError where no encoding fits: more homes or bits than elements hold, or a budget out of reach. */
export function planRounds(options: RoundsWanted, length: number): Encoding {
  // Coarser integers need less noise in integers, hence narrower lanes: the finest that fit are taken.
  for (let bits = options.bits; bits >= 2; bits -= 1) {
    const encoding = encodingOf(options, length, bits);
    if (encoding !== undefined) return encoding;
  }
  throw new RangeError(
    `bits: no integers of 2 to ${options.bits} bits hold sums over ${options.homes} homes at epsilon ${options.epsilon}` +
      (options.lanes === undefined ? "" : ` in ${options.lanes} lanes`) +
      (options.bound === "none" ? "" : `, and the bound of ${length} weights in one message`),
  );
}

function encodingOf(options: RoundsWanted, length: number, bits: number): Encoding | undefined {
  const { minMeters, homes: maxMeters, clip, colluders, epsilon, mechanism } = options;
  // A hair less, for what doubles round.
  const finest = ((2 ** (bits - 1) - 1) / clip) * (1 - 2 ** -50);
  const scale = options.binary === true ? 2 ** Math.floor(Math.log2(finest)) : finest;
  const vector = { length, bits, clip, scale, laneBits: ELEMENT_BITS, lanes: 1 };
  const none = { mechanism: "none" as const, variance: 0, colluders };
  // How large it must be follows from the noise, and what it costs from its being there.
  const some = options.bound === "none" ? {} : { bound: { kind: options.bound, squares: 1 } };
  const clear = { minMeters, maxMeters, vector, noise: none, ...some };
  const variance = epsilon === null ? 0 : noiseVariance({ ...options, epsilon }, clear);
  const noise = epsilon === null ? clear.noise : { mechanism, variance, colluders };
  if (variance / (minMeters - colluders) > MOST_HOME_VARIANCE) return undefined;
  const laneBits = 1 + Math.ceil(Math.log2(reach({ ...clear, noise }, maxMeters) + 1));
  const lanes = options.lanes ?? Math.max(1, Math.floor(ELEMENT_BITS / laneBits));
  if (laneBits * lanes > ELEMENT_BITS) return undefined;
  const encoding = { ...clear, noise, vector: { ...vector, lanes, laneBits: Math.floor(ELEMENT_BITS / lanes) } };
  if (options.bound === "none") return encoding;
  const squares = honestSquares(encoding);
  if (!Number.isSafeInteger(squares)) return undefined;
  const bounded = { ...encoding, bound: { kind: options.bound, squares } };
  const fits = holdsWithoutWrap(bounded, bounded.bound) && sharedElements(bounded) <= MAX_ELEMENTS;
  return fits ? bounded : undefined;
}

function noiseVariance(
  { rounds, epsilon, delta, mechanism }: RoundsWanted & { readonly epsilon: number },
  encoding: Encoding,
): number {
  const { colluders } = encoding.noise;
  const honest = encoding.minMeters - colluders;
  const least = mechanism === "discrete-gaussian" ? LEAST_HOME_VARIANCE * honest : 0;
  const holds = (variance: number): boolean =>
    variance > least &&
    usedPart(series({ ...encoding, noise: { mechanism, variance, colluders } }, rounds), { epsilon, delta }) <= 1;
  return bisect(holds, { tolerance: TOLERANCE });
}

/** Epsilon at delta of so many rounds, as homes charge it; undefined without noise. */
export function epsilonSpent(encoding: Encoding, rounds: number, delta: number): number | undefined {
  const costs = series(encoding, rounds);
  return costs.length === 0 ? undefined : epsilonOfAll(costs, delta);
}

/** What so many rounds cost, as one. */
function series(encoding: Encoding, rounds: number): CoveredCost[] {
  const cost = costOf(encoding);
  if (cost.rdp === undefined) return [];
  return [{ rdp: cost.rdp.map((value) => rounds * value), missed: rounds * (cost.missed ?? 0) }];
}
