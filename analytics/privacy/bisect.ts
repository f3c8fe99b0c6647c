/** Where a monotone condition begins to hold. */

export interface BisectOptions {
  /** Relative to the answer, or absolute. */
  readonly tolerance: number;
  /** Also looks at 0 itself, and measures the tolerance as it is. */
  readonly absolute?: boolean;
}

const MOST_DOUBLINGS = 200;

/**
 * The least x from 0 on with `holds(x)`, where whatever holds at x holds above it: a value at which it was seen to hold, above
 * the least by at most the tolerance. Throws RangeError when it holds nowhere.
 */
export function bisect(holds: (x: number) => boolean, { tolerance, absolute = false }: BisectOptions): number {
  if (!(tolerance > 0)) throw new RangeError(`tolerance: expected a number above 0, got ${tolerance}`);
  if (absolute && holds(0)) return 0;
  let [low, high] = [0, 1];
  for (let doublings = 0; !holds(high); doublings++) {
    if (doublings === MOST_DOUBLINGS) throw new RangeError("the target is out of reach, however large the value");
    [low, high] = [high, 2 * high];
  }
  // Halving finds the order of magnitude of a small answer before the middle finds its digits.
  while (!absolute && low === 0 && high > Number.MIN_VALUE) {
    if (holds(high / 2)) high /= 2;
    else low = high / 2;
  }
  while (high - low > tolerance * (absolute ? 1 : high)) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}
