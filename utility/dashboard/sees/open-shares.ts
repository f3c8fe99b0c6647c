/**
 * What aggregators could work out who put the shares of one reading together: nothing below the threshold, the reading from it on.
 * For showing only. In the system the utility alone interpolates, and sums alone.
 */
import { inverse, multiply, reduce } from "../../../protocol/field.ts";

export interface HeldShare {
  /** The aggregator's number, from 1. */
  readonly x: number;
  readonly share: bigint;
}

/** The polynomial through the shares, at `at`. */
function curveAt(shares: readonly HeldShare[], at: bigint): bigint {
  let value = 0n;
  for (const [i, { x, share }] of shares.entries()) {
    let weight = 1n;
    for (const [j, other] of shares.entries()) {
      if (i === j) continue;
      const [ox, own] = [BigInt(other.x), BigInt(x)];
      weight = multiply(weight, multiply(reduce(at - ox), inverse(reduce(own - ox))));
    }
    value = reduce(value + multiply(weight, share));
  }
  return value;
}

/** The reading, or undefined where there are too few shares to know anything. */
export function readingOf(shares: readonly HeldShare[], threshold: number): bigint | undefined {
  return shares.length < threshold ? undefined : curveAt(shares, 0n);
}
