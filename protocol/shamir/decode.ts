/**
 * Which of several shares of one polynomial are wrong: Berlekamp and Welch's decoding of a Reed-Solomon codeword (US
 * patent 4,633,470, expired). Of a points of a polynomial of degree t - 1 any floor((a - t) / 2) may be wrong.
 * Whoever decodes also interpolates, so this belongs to the utility's collector as `interpolate.ts` does.
 */
import { add, type FieldElement, inverse, multiply, negate, subtract } from "../field.ts";

/** One aggregator's answer: the value of the polynomial at its index. */
interface Point {
  readonly x: number;
  readonly y: FieldElement;
}

/** Wrong points that can be located among `points` of a polynomial of degree t - 1. */
export function correctable(points: number, t: number): number {
  return Math.max(0, Math.floor((points - t) / 2));
}

/**
 * The indices x of the points that are off the only polynomial of degree t - 1 that all but floor((a - t) / 2) of them
 * lie on; undefined when there is no such polynomial. Indices are distinct and not 0.
 */
export function locateErrors(points: readonly Point[], t: number): number[] | undefined {
  const errors = correctable(points.length, t);
  // Q(x) = y E(x) at every point, with E of degree `errors` and leading 1, and Q = f E of degree below errors + t.
  const width = 2 * errors + t;
  const rows = points.map(({ x, y }) => {
    const powers = powersOf(BigInt(x), errors + t);
    const minusY = negate(y);
    return [
      ...powers,
      ...powers.slice(0, errors).map((power) => multiply(minusY, power)),
      multiply(y, powers[errors]!),
    ];
  });
  const solution = solve(rows, width);
  if (solution === undefined) return undefined;
  const quotient = divide(solution.slice(0, errors + t), [...solution.slice(errors + t), 1n]);
  if (quotient === undefined) return undefined;
  const wrong = points.filter(({ x, y }) => valueAt(quotient, BigInt(x)) !== y).map(({ x }) => x);
  return wrong.length <= errors ? wrong : undefined;
}

/** 1, x, x^2, ... */
function powersOf(x: FieldElement, count: number): FieldElement[] {
  const powers: FieldElement[] = [1n];
  while (powers.length < count) powers.push(multiply(powers.at(-1)!, x));
  return powers;
}

/** One solution of the linear equations, each `width` coefficients and the right side; undefined when there is none. */
function solve(equations: readonly FieldElement[][], width: number): FieldElement[] | undefined {
  const rows = equations.map((row) => [...row]);
  const pivots: number[] = [];
  for (let column = 0; column < width && pivots.length < rows.length; column++) {
    const top = pivots.length;
    const found = rows.findIndex((row, index) => index >= top && row[column] !== 0n);
    if (found < 0) continue;
    [rows[top], rows[found]] = [rows[found]!, rows[top]!];
    const scale = inverse(rows[top][column]!);
    rows[top] = rows[top].map((value) => multiply(value, scale));
    for (const [index, row] of rows.entries()) {
      const factor = row[column]!;
      if (index === top || factor === 0n) continue;
      rows[index] = row.map((value, at) => subtract(value, multiply(factor, rows[top]![at]!)));
    }
    pivots.push(column);
  }
  if (rows.slice(pivots.length).some((row) => row[width] !== 0n)) return undefined;
  const solution = new Array<FieldElement>(width).fill(0n);
  for (const [index, column] of pivots.entries()) solution[column] = rows[index]![width]!;
  return solution;
}

/** numerator / denominator, coefficients from the constant on, or undefined when it leaves a remainder. */
function divide(numerator: readonly FieldElement[], denominator: readonly FieldElement[]): FieldElement[] | undefined {
  const rest = [...numerator];
  const quotient: FieldElement[] = [];
  // The denominator's leading coefficient is 1.
  for (let at = rest.length - denominator.length; at >= 0; at--) {
    const factor = rest[at + denominator.length - 1]!;
    quotient.unshift(factor);
    for (const [index, value] of denominator.entries()) {
      rest[at + index] = subtract(rest[at + index]!, multiply(factor, value));
    }
  }
  return rest.every((value) => value === 0n) ? quotient : undefined;
}

function valueAt(polynomial: readonly FieldElement[], x: FieldElement): FieldElement {
  return polynomial.reduceRight((sum, coefficient) => add(multiply(sum, x), coefficient), 0n);
}
