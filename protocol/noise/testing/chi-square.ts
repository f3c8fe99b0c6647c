/** Pearson's test: how far drawn counts are from what a distribution expects. */

export interface ChiSquare {
  readonly statistic: number;
  readonly freedom: number;
  /** Exceeded by a right sampler once in about 10,000 seeds. */
  readonly critical: number;
}

/** 99.99 % quantile of the normal distribution. */
const Z = 3.719;
/** Below this the approximation by the chi-square distribution is poor: such cells are put together. */
const LEAST_EXPECTED = 10;

/** Counts against probabilities of the same values; what is not listed belongs to one further cell. */
export function chiSquare(draws: readonly number[], probability: ReadonlyMap<number, number>): ChiSquare {
  const counts = new Map<number, number>();
  for (const value of draws) counts.set(value, (counts.get(value) ?? 0) + 1);
  let [statistic, cells, restExpected, restCount] = [0, 0, draws.length, draws.length];
  for (const [value, p] of probability) {
    const expected = p * draws.length;
    if (expected < LEAST_EXPECTED) continue;
    const count = counts.get(value) ?? 0;
    statistic += (count - expected) ** 2 / expected;
    restExpected -= expected;
    restCount -= count;
    cells++;
  }
  if (restExpected >= 1) {
    statistic += (restCount - restExpected) ** 2 / restExpected;
    cells++;
  } else if (restCount > LEAST_EXPECTED) statistic = Number.POSITIVE_INFINITY;
  const freedom = cells - 1;
  // E. Wilson, M. Hilferty, 1931: the cube root of a chi-square variable is nearly normal.
  const critical = freedom * (1 - 2 / (9 * freedom) + Z * Math.sqrt(2 / (9 * freedom))) ** 3;
  return { statistic, freedom, critical };
}
