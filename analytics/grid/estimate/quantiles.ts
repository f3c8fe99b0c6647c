/** Quantiles that tests of residuals ask for. */
import { upperTail } from "../../privacy/special.ts";

/** z with P[Z > z] = `tail` for a standard normal Z; `tail` between 0 and 1. Throws RangeError otherwise. */
export function normalQuantile(tail: number): number {
  if (!(tail > 0 && tail < 1)) throw new RangeError(`tail: expected a number between 0 and 1, got ${tail}`);
  let [low, high] = [-40, 40];
  while (high - low > 1e-12) {
    const middle = (low + high) / 2;
    if (upperTail(middle) > tail) low = middle;
    else high = middle;
    if (middle === low && middle === high) break;
  }
  return (low + high) / 2;
}

/**
 * x that a chi-square variable of so many degrees exceeds with chance `tail`: E. B. Wilson, M. M. Hilferty (1931), within
 * 1 % from 3 degrees on and 0.1 % from 20.
 */
export function chiSquareQuantile(degrees: number, tail: number): number {
  if (!(degrees >= 1)) throw new RangeError(`degrees: expected 1 or more, got ${degrees}`);
  const spread = 2 / (9 * degrees);
  return degrees * Math.max(0, 1 - spread + normalQuantile(tail) * Math.sqrt(spread)) ** 3;
}
