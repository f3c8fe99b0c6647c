/** Throws RangeError naming the argument when it is out of range. */
export function assertRange(name: string, value: number, least: number, most: number, whole = false): void {
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return;
  throw new RangeError(`${name}: expected ${whole ? "an integer" : "a number"} from ${least} to ${most}, got ${value}`);
}
