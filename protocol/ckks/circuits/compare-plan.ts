/** Which composition a parameter set affords, and how many meters share one evaluation. Numbers only. */
import { CkksError } from "../errors.ts";
import { periodOf } from "../packed.ts";
import type { CkksParameters } from "../parameters.ts";
import type { CompositeSign } from "./minimax.ts";
import { chainOf } from "./minimax-chain.ts";
import type { Chain } from "./minimax-chain.ts";
import { COMPOSITES } from "./minimax-table.ts";

export interface Affordable {
  readonly chain: Chain;
  readonly sign: CompositeSign;
}

/**
 * The best composition within the chain: one step goes into scaling the argument, `spare` stay for what follows. Throws
 * CkksError `wrong-parameters` where not even `least` levels are left for stages.
 */
export function affordable(set: CkksParameters, bits: number, spare: number, least = 0): Affordable {
  const chain = chainOf(set);
  const depth = chain.steps - 1 - spare;
  const fitting = COMPOSITES.filter((one) => one.bits === bits && one.depth <= depth && one.depth >= least);
  const sign = fitting.reduce<(typeof COMPOSITES)[number] | undefined>(
    (best, one) => (best === undefined || one.separation < best.separation ? one : best),
    undefined,
  );
  if (sign === undefined) {
    throw new CkksError("wrong-parameters", `parameter set ${set.name}: ${chain.steps} steps are too few to compare`);
  }
  return { chain, sign };
}

export interface Blocks {
  /** Slots of a block: the window's period. */
  readonly period: number;
  /** Blocks in a ciphertext. */
  readonly blocks: number;
  /** Meters whose comparisons with all levels fit one ciphertext. */
  readonly meters: number;
}

/** Throws RangeError for more levels than a ciphertext has blocks. */
export function blocksOf(degree: number, slots: number, levels: number): Blocks {
  const period = periodOf(slots);
  const blocks = degree / 2 / period;
  const meters = Math.floor(blocks / levels);
  if (meters < 1) {
    throw new RangeError(`levels: a window of ${slots} slots leaves ${blocks} blocks, too few for ${levels} levels`);
  }
  return { period, blocks, meters };
}
