/**
 * What is normal for a feeder: constant and proportional errors of its meters and of its loss model, and how far the
 * residual strays around them, learnt from its first days. Robust: a few odd hours, or a theft that begins within them,
 * do not become normal. Pure.
 */

/** Mean powers over a block of slots, in watts. */
export interface Block {
  /** Head less load less technical loss. */
  readonly residualW: number;
  /** Import less export. */
  readonly netW: number;
  /** Import plus export: what the meters' errors are shares of. */
  readonly throughputW: number;
  readonly meters: number;
  readonly hours: number;
}

export interface Baseline {
  /** Normal residual: offsetW + share * netW. */
  readonly offsetW: number;
  readonly share: number;
  /** Standard deviation of what is left, in units of `spreadW`, for sums over many blocks: correlation is counted in. */
  readonly sigma: number;
  /** The same of single blocks. */
  readonly blockSigma: number;
}

/** What meters of class 1 and loss models err by, at first sight: a prior, so that few days cannot fit a theft away. */
const PRIOR_SHARE = 0.005;
const PRIOR_METER_W = 1;
/** Errors that change within days, of the throughput: composition of the load, clocks, peaks within a slot. */
const SPREAD_SHARE = 0.001;
const BLOCKS_TOGETHER = 12;
const TRIM = 4;
/** However even the first days were. */
const LEAST_SIGMA = 0.5;

/** The spread that is expected of a block: registers cut to watt-hours, and errors in proportion. */
export function spreadW({ throughputW, meters, hours }: Omit<Block, "residualW" | "netW">): number {
  // The ends of a block are cut at random: a difference of two uniform errors of 1 Wh has variance 1/6.
  const cutW = Math.sqrt((meters + 1) / 6) / hours;
  return Math.hypot(cutW, SPREAD_SHARE * throughputW);
}

/** What of a block is not normal, in watts. */
export function excessW({ residualW, netW }: Pick<Block, "residualW" | "netW">, baseline: Baseline): number {
  return residualW - baseline.offsetW - baseline.share * netW;
}

/** Throws RangeError on an empty list. */
export function learn(blocks: readonly Block[]): Baseline {
  if (blocks.length === 0) throw new RangeError("blocks: expected at least one");
  let kept = blocks;
  let fit = fitted(kept);
  for (let pass = 0; pass < 3; pass++) {
    const left = blocks.map((block) => leftOver(block, fit));
    const scale = 1.4826 * median(left.map((value) => Math.abs(value - median(left))));
    kept = blocks.filter((_, i) => Math.abs(left[i]! - median(left)) <= TRIM * Math.max(scale, 0.5));
    if (kept.length < blocks.length / 2) kept = blocks;
    fit = fitted(kept);
  }
  const left = kept.map((block) => leftOver(block, fit));
  const blockSigma = Math.max(LEAST_SIGMA, Math.sqrt(mean(left.map((value) => value ** 2))));
  // Neighbours err alike: the sum of many strays further than independent ones would (batch means).
  const groups = Math.floor(left.length / BLOCKS_TOGETHER);
  const means = Array.from({ length: groups }, (_, g) =>
    mean(left.slice(g * BLOCKS_TOGETHER, (g + 1) * BLOCKS_TOGETHER)),
  );
  const together = groups < 4 ? 0 : Math.sqrt(mean(means.map((value) => value ** 2)) * BLOCKS_TOGETHER);
  return { ...fit, blockSigma, sigma: Math.max(blockSigma, together) };
}

type Fit = Pick<Baseline, "offsetW" | "share">;

function leftOver(block: Block, { offsetW, share }: Fit): number {
  return (block.residualW - offsetW - share * block.netW) / spreadW(block);
}

/** Weighted least squares with a normal prior around 0 for both. */
function fitted(blocks: readonly Block[]): Fit {
  const meters = Math.max(...blocks.map((block) => block.meters));
  let [a11, a12, a22, b1, b2] = [1 / (PRIOR_METER_W * meters) ** 2, 0, 1 / PRIOR_SHARE ** 2, 0, 0];
  for (const block of blocks) {
    const weight = 1 / spreadW(block) ** 2;
    a11 += weight;
    a12 += weight * block.netW;
    a22 += weight * block.netW ** 2;
    b1 += weight * block.residualW;
    b2 += weight * block.netW * block.residualW;
  }
  const determinant = a11 * a22 - a12 ** 2;
  return { offsetW: (b1 * a22 - b2 * a12) / determinant, share: (a11 * b2 - a12 * b1) / determinant };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
