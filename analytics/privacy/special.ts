/**
 * The normal distribution's tail and sums of exponentials, to nearly the last digit also where they are tiny: privacy
 * is a matter of tails. Written here because libraries with a scaled erfc bring dozens of packages along.
 */

const SQRT_PI = Math.sqrt(Math.PI);
/** Below, the series of erf loses no more than two digits to subtraction; from here on the fraction is quick. */
const SWITCH = 1.5;

/** exp(x^2) erfc(x) for x from 0 on. M. Abramowitz, I. Stegun, 7.1.6 (series of erf) and 7.1.14 (continued fraction). */
function scaledErfc(x: number): number {
  if (x < SWITCH) {
    let term = x;
    let sum = x;
    for (let n = 1; term > sum * 1e-18; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return Math.exp(x * x) - (2 / SQRT_PI) * sum;
  }
  const depth = Math.ceil(25 + 300 / (x * x));
  let fraction = x;
  for (let n = depth; n >= 1; n--) fraction = x + n / 2 / fraction;
  return 1 / (SQRT_PI * fraction);
}

/** Natural logarithm of exp(x^2/2) P[Z > x] for a standard normal Z and x from 0 on. */
export function logMills(x: number): number {
  return Math.log(scaledErfc(x / Math.SQRT2) / 2);
}

/** Natural logarithm of P[Z > x]. */
export function logUpperTail(x: number): number {
  if (x >= 0) return logMills(x) - (x * x) / 2;
  return Math.log1p(-Math.exp(logUpperTail(-x)));
}

/** P[Z > x]. */
export function upperTail(x: number): number {
  return Math.exp(logUpperTail(x));
}

/** log(sum of exp(values)); -Infinity for none. */
export function logSumExp(values: readonly number[]): number {
  const most = values.reduce((max, value) => Math.max(max, value), Number.NEGATIVE_INFINITY);
  if (!Number.isFinite(most)) return most;
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

/** log(exp(x) - 1) for x above 0, without overflow. */
export function logExpm1(x: number): number {
  return x > 30 ? x + Math.log1p(-Math.exp(-x)) : Math.log(Math.expm1(x));
}

/** log(1 + exp(x)), without overflow. */
export function log1pExp(x: number): number {
  return x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
}
