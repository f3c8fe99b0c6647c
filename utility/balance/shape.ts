/** Did a change come at once, or has it grown? Least squares of two curves through daily means. Pure. */

export interface Shape {
  readonly kind: "step" | "drift";
  /** Days from the change, or from the beginning of the growth, up to now. */
  readonly daysAgo: number;
}

/** So many days are needed before a slope can be told from a step. */
const FEWEST_DAYS = 4;

/**
 * `days`: mean excess of each day, newest last; before the change it is about 0. The curves are 0 up to day c, then a
 * constant, or a line that begins at 0; for both the best c and the best height count.
 */
export function shapeOf(days: readonly number[]): Shape {
  let best: Shape & { readonly gain: number } = { kind: "step", daysAgo: 1, gain: 0 };
  for (let daysAgo = 1; daysAgo <= days.length; daysAgo++) {
    const after = days.slice(days.length - daysAgo);
    // Explained sum of squares of one curve: (sum of x y)^2 / (sum of x^2).
    const step = after.reduce((sum, y) => sum + y, 0) ** 2 / daysAgo;
    if (step > best.gain) best = { kind: "step", daysAgo, gain: step };
    if (daysAgo < FEWEST_DAYS) continue;
    const line =
      after.reduce((sum, y, i) => sum + (i + 1) * y, 0) ** 2 / ((daysAgo * (daysAgo + 1) * (2 * daysAgo + 1)) / 6);
    if (line > best.gain) best = { kind: "drift", daysAgo, gain: line };
  }
  return { kind: best.kind, daysAgo: best.daysAgo };
}
