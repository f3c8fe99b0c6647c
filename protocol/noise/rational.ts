/** Positive fractions of integers: what exact samplers take for a variance or a mean. */

export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** Throws RangeError, naming `name`, unless both parts are positive. */
export function assertPositive(name: string, { numerator, denominator }: Rational): void {
  if (numerator > 0n && denominator > 0n) return;
  throw new RangeError(`${name}: expected a positive fraction, got ${numerator}/${denominator}`);
}

/**
 * The least multiple of 2^-20 that is not below a positive number up to 2^53: noise that was worked out as a double
 * is never made smaller. Throws RangeError.
 */
export function rationalAtLeast(name: string, value: number): Rational {
  if (!(value > 0 && value <= Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`${name}: expected a number above 0 and up to 2^53, got ${value}`);
  }
  const whole = Math.floor(value);
  // Both the difference and the product with a power of two are exact in doubles.
  const parts = Math.ceil((value - whole) * 2 ** 20);
  return { numerator: BigInt(whole) * 2n ** 20n + BigInt(parts), denominator: 2n ** 20n };
}

export function toNumber({ numerator, denominator }: Rational): number {
  const whole = numerator / denominator;
  return Number(whole) + Number(((numerator % denominator) << 64n) / denominator) / 2 ** 64;
}

export function integerSquareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1);
  while (true) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
