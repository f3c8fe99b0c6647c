/**
 * Exact fractions of bigints, as few operations as a bill needs. Amounts stay fractions until an invoice
 * rounds them; nothing here ever becomes a floating-point number.
 */

/** An exact fraction; `den` is always positive, the fraction need not be in lowest terms. */
export interface Rational {
  readonly num: bigint;
  readonly den: bigint;
}

export const ZERO: Rational = { num: 0n, den: 1n };

/** The fraction num/den with a positive denominator; throws RangeError when `den` is zero. */
export function rational(num: bigint, den = 1n): Rational {
  if (den === 0n) throw new RangeError("den: expected a denominator other than zero, got 0");
  return den < 0n ? { num: -num, den: -den } : { num, den };
}

export function add(a: Rational, b: Rational): Rational {
  // Equal denominators are the usual case on a bill; keeping them avoids growth over many rows.
  if (a.den === b.den) return { num: a.num + b.num, den: a.den };
  return { num: a.num * b.den + b.num * a.den, den: a.den * b.den };
}

export function sum(terms: Iterable<Rational>): Rational {
  let total = ZERO;
  for (const term of terms) total = add(total, term);
  return total;
}

export function multiply(a: Rational, b: Rational): Rational {
  return { num: a.num * b.num, den: a.den * b.den };
}

export function negate(a: Rational): Rational {
  return { num: -a.num, den: a.den };
}

export function equal(a: Rational, b: Rational): boolean {
  return a.num * b.den === b.num * a.den;
}

/** The nearest integer; a half goes to the even neighbour, on both sides of zero (IEEE 754 roundTiesToEven). */
export function roundHalfEven(value: Rational): bigint {
  const { num, den } = value;
  let floor = num / den;
  // Bigint division truncates towards zero; the rule below needs the floor.
  if (num % den < 0n) floor -= 1n;
  const twiceRest = 2n * (num - floor * den);
  if (twiceRest < den) return floor;
  if (twiceRest > den) return floor + 1n;
  return floor % 2n === 0n ? floor : floor + 1n;
}

const DECIMAL = /^(\d{1,12})(?:\.(\d{1,12}))?$/;

/** Reads a plain decimal such as `0.19` exactly; undefined when the text is anything else. */
export function parseDecimal(text: string): Rational | undefined {
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, whole = "", fraction = ""] = match;
  return rational(BigInt(whole + fraction), 10n ** BigInt(fraction.length));
}
