/**
 * Odd polynomials that follow the sign function: minimax approximations of sign(x) for a <= |x| <= 1, found by an
 * exchange algorithm (Remez), and compositions of them, which reach far more per level than one polynomial of the same
 * depth (J. H. Cheon, D. Kim, D. Kim, ASIACRYPT 2020; E. Lee, J.-W. Lee, J.-S. No, Y.-S. Kim, IEEE TDSC 2022: a
 * composition is best when each part is minimax on the range of the one before). Plain numbers only; no ciphertexts.
 */

/** The odd polynomial sum of coefficients[i] * T_(2i+1)(x), T being Chebyshev's polynomials of the first kind. */
export type OddPolynomial = readonly number[];

export interface Approximation {
  readonly polynomial: OddPolynomial;
  /** Largest |p(x) - 1| for a <= x <= 1, and of |p(x) + 1| on the other side. */
  readonly error: number;
}

/** A composition stage by stage, each of which maps [-1, 1] into itself. */
export interface CompositeSign {
  /** Degrees of the stages; the last is the closing cubic. */
  readonly degrees: readonly number[];
  /** |x| from here to 1 is far enough from zero. */
  readonly separation: number;
  /** All stages but the closing one. */
  readonly stages: readonly OddPolynomial[];
  /** The closing stage is gain * (3x - x^3): whole factors, so that it costs no precision. */
  readonly gain: number;
  /** Largest distance from the sign, for separation <= |x| <= 1. */
  readonly error: number;
}

/** Degree of an odd polynomial. */
export function degreeOf(polynomial: OddPolynomial): number {
  return 2 * polynomial.length - 1;
}

/** Levels that an odd polynomial of this degree takes on ciphertexts. */
export function depthOf(degree: number): number {
  return Math.ceil(Math.log2(degree + 1));
}

/** T_1(x), T_3(x), ... up to `count` of them. */
function oddChebyshev(x: number, count: number): number[] {
  const values = [x];
  const step = 4 * x * x - 2; // T_(n+2) = 2 T_2 T_n - T_(n-2)
  for (let index = 1; index < count; index++) {
    values.push(step * values[index - 1]! - (index === 1 ? x : values[index - 2]!));
  }
  return values;
}

/** Value of an odd polynomial. */
export function evaluateOdd(polynomial: OddPolynomial, x: number): number {
  return oddChebyshev(x, polynomial.length).reduce((sum, value, index) => sum + value * polynomial[index]!, 0);
}

/** Derivative of an odd polynomial, by dT_n = n U_(n-1). */
export function slopeOdd(polynomial: OddPolynomial, x: number): number {
  let before = 1; // U_0
  let odd = 2 * x; // U_1
  return polynomial.reduce((sum, coefficient, index) => {
    const slope = coefficient * (2 * index + 1) * before;
    before = 2 * x * odd - before;
    odd = 2 * x * before - odd;
    return sum + slope;
  }, 0);
}

/** Gaussian elimination with pivoting. */
function solve(rows: number[][]): number[] {
  const size = rows.length;
  for (let at = 0; at < size; at++) {
    let pivot = at;
    for (let row = at + 1; row < size; row++) if (Math.abs(rows[row]![at]!) > Math.abs(rows[pivot]![at]!)) pivot = row;
    [rows[at], rows[pivot]] = [rows[pivot]!, rows[at]!];
    for (let row = 0; row < size; row++) {
      if (row === at) continue;
      const factor = rows[row]![at]! / rows[at]![at]!;
      for (let column = at; column <= size; column++) rows[row]![column]! -= factor * rows[at]![column]!;
    }
  }
  return rows.map((row, at) => row[size]! / row[at]!);
}

/** Points of [a, 1], dense at its ends, where the error of a minimax polynomial swings fastest. */
function gridOf(a: number, points: number): number[] {
  return Array.from({ length: points + 1 }, (_, at) => a + (1 - a) * Math.sin((Math.PI * at) / (2 * points)) ** 2);
}

/**
 * Minimax approximation of the sign by an odd polynomial of `degree` on a <= |x| <= 1. By oddness it is that of 1 on
 * [a, 1]; there x, x^3, ... satisfy the Haar condition, so the error of the best one alternates between degree/2 + 3/2
 * points, and exchanging points for the error's extremes converges to it.
 */
export function minimaxSign(degree: number, a: number): Approximation {
  if (!Number.isInteger(degree) || degree < 1 || degree % 2 === 0 || degree > 63) {
    throw new RangeError(`degree: expected an odd number from 1 to 63, got ${degree}`);
  }
  if (!(a > 0) || !(a < 1)) throw new RangeError(`a: expected a number between 0 and 1, got ${a}`);
  const count = (degree + 1) / 2;
  const grid = gridOf(a, 400 * count);
  let points = gridOf(a, count);
  for (let round = 0; round < 100; round++) {
    const solution = solve(points.map((x, at) => [...oddChebyshev(x, count), at % 2 === 0 ? 1 : -1, 1]));
    const polynomial = solution.slice(0, count);
    const level = Math.abs(solution[count]!);
    const { points: next, worst } = alternation(polynomial, grid, count + 1);
    // What cannot get better in doubles is converged.
    if (worst <= level * (1 + 1e-9) + 1e-15) return { polynomial, error: worst };
    points = next;
  }
  throw new RangeError(`a: no convergence for degree ${degree} at ${a}`);
}

/** The extremes of the error between its sign changes, refined, and `count` neighbouring ones around the largest. */
function alternation(polynomial: OddPolynomial, grid: readonly number[], count: number) {
  const errorAt = (x: number): number => evaluateOdd(polynomial, x) - 1;
  const extremes: { x: number; size: number; sign: number }[] = [];
  for (const [at, start] of grid.entries()) {
    const error = errorAt(start);
    const last = extremes.at(-1);
    const left = grid[at - 1] ?? start;
    const right = grid[at + 1] ?? start;
    const here = Math.abs(error);
    if (here < Math.abs(errorAt(left)) || here < Math.abs(errorAt(right))) continue;
    const x = left < start && start < right ? vertex(errorAt, left, start, right) : start;
    const found = { x, size: Math.abs(errorAt(x)), sign: Math.sign(error) };
    if (last?.sign !== found.sign) extremes.push(found);
    else if (found.size > last.size) extremes[extremes.length - 1] = found;
  }
  while (extremes.length > count) {
    if (extremes[0]!.size < extremes.at(-1)!.size) extremes.shift();
    else extremes.pop();
  }
  if (extremes.length < count) throw new RangeError("a: too close to 1 for doubles to tell the error's extremes");
  return { points: extremes.map(({ x }) => x), worst: Math.max(...extremes.map(({ size }) => size)) };
}

/** Extreme of the parabola through three neighbouring points. */
function vertex(f: (x: number) => number, left: number, x: number, right: number): number {
  const [l, m, r] = [f(left), f(x), f(right)];
  const p = (x - left) ** 2 * (m - r) - (x - right) ** 2 * (m - l);
  const q = 2 * ((x - left) * (m - r) - (x - right) * (m - l));
  const top = q === 0 ? x : x - p / q;
  return top > left && top < right && Math.abs(f(top)) > Math.abs(m) ? top : x;
}

/**
 * The composition of minimax polynomials of these degrees, closed by a cubic, for |x| >= separation. Every stage is
 * divided by the most it reaches, so that the next one sees [-1, 1]; the last is scaled so that the closing cubic has
 * whole coefficients.
 */
export function compositeSign(degrees: readonly number[], separation: number): CompositeSign {
  if (degrees.length < 2 || degrees.at(-1) !== 3) {
    throw new RangeError(`degrees: expected stages and a closing 3, got ${degrees.join(", ")}`);
  }
  const stages: number[][] = [];
  let a = separation;
  for (const degree of degrees.slice(0, -1)) {
    const { polynomial, error } = minimaxSign(degree, a);
    stages.push(polynomial.map((coefficient) => coefficient / (1 + error)));
    a = (1 - error) / (1 + error);
  }
  // c1 x + c3 x^3 is best on [a, 1] when it is (c1 / 3)(3 y - y^3) / r with y = r x.
  const closing = bestCubic(a);
  const r = Math.sqrt((-3 * closing.c3) / closing.c1);
  const last = stages.at(-1)!;
  stages[stages.length - 1] = last.map((coefficient) => coefficient * r);
  return { degrees, separation, stages, gain: closing.c1 / (3 * r), error: closing.error };
}

/**
 * c1 x + c3 x^3 nearest to 1 on [a, 1], in closed form: the error is equal at a, at 1 and, with the other sign, at the
 * maximum between. Close to a = 1, where the exchange would run out of digits.
 */
function bestCubic(a: number): { c1: number; c3: number; error: number } {
  // p(a) = p(1) gives c1 = -c3 (1 + a + a^2); the maximum is at m = sqrt((1 + a + a^2) / 3).
  const m2 = (1 + a + a * a) / 3;
  const ends = 3 * m2 - 1; // p(1) / -c3
  const top = 2 * m2 * Math.sqrt(m2); // p(m) / -c3
  const k = 2 / (ends + top);
  // top - ends without cancellation: with m = sqrt(m2), 2m^3 - 3m^2 + 1 = (m - 1)^2 (2m + 1).
  const error = (k * (1 - Math.sqrt(m2)) ** 2 * (2 * Math.sqrt(m2) + 1)) / 2;
  return { c1: 3 * m2 * k, c3: -k, error };
}

/** Value of a composition. */
export function evaluateComposite({ stages, gain }: CompositeSign, x: number): number {
  const y = stages.reduce((value, stage) => evaluateOdd(stage, value), x);
  return gain * (3 * y - y ** 3);
}

/** The smallest separation at which these degrees keep the error below `error`, to one part in a thousand. */
export function separationFor(degrees: readonly number[], error: number): number {
  let [low, high] = [1e-4, 0.9];
  while (high / low > 1.001) {
    const middle = Math.sqrt(low * high);
    if (compositeSign(degrees, middle).error <= error) high = middle;
    else low = middle;
  }
  return high;
}

/** Largest |x| (1 - |value|) / 2 on [-1, 1]: what (a + b + (a - b) value) / 2 can miss of the maximum of a and b. */
export function shortfallOf(sign: CompositeSign): number {
  let worst = 0;
  for (let at = 0; at <= 20_000; at++) {
    const x = at / 20_000;
    worst = Math.max(worst, (x * Math.abs(1 - evaluateComposite(sign, x))) / 2);
  }
  return worst;
}
