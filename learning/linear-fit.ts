/**
 * Linear quantile regression by ridge regressions in closed form: the pinball loss lies under a parabola that touches
 * it, and each step solves for the lowest point of that parabola (Hunter and Lange 2000). No learning rate, no luck.
 */
import type { Examples } from "./examples.ts";

/** Errors below this are taken for it, in units of the scale: the parabola of a zero error would be infinitely steep. */
const LEAST_ERROR = 0.01;
const STEPS = 40;
const CLOSE_ENOUGH = 1e-4;

/**
 * Improves `weights` in place: minimises mean pinball loss + ridge / 2 * |weights - prior|^2; the bias, which is last,
 * is free. Rows with unknown targets must have been taken out.
 */
export function fitQuantile(
  { features, target, count }: Examples,
  quantile: number,
  ridge: number,
  prior: Float64Array,
  weights: Float64Array,
): void {
  const n = weights.length;
  if (count === 0) return;
  const matrix = new Float64Array(n * n);
  const right = new Float64Array(n);
  const row = new Float64Array(n);
  row[n - 1] = 1;
  for (let step = 0; step < STEPS; step += 1) {
    matrix.fill(0);
    right.fill(0);
    for (let i = 0; i < count; i += 1) {
      let error = target[i]! - weights[n - 1]!;
      for (let f = 0; f < n - 1; f += 1) {
        row[f] = features[i * (n - 1) + f]!;
        error -= weights[f]! * row[f]!;
      }
      const steepness = 1 / (2 * Math.max(Math.abs(error), LEAST_ERROR));
      const pull = steepness * target[i]! + quantile - 0.5;
      for (let f = 0; f < n; f += 1) {
        const scaled = steepness * row[f]!;
        right[f]! += pull * row[f]!;
        for (let g = 0; g <= f; g += 1) matrix[f * n + g]! += scaled * row[g]!;
      }
    }
    for (let f = 0; f < n; f += 1) {
      // The bias has a ridge too small to matter, for features that add up to a constant.
      const strength = count * (f === n - 1 ? 1e-9 : Math.max(ridge, 1e-9));
      matrix[f * n + f]! += strength;
      right[f]! += strength * (f === n - 1 ? weights[f]! : prior[f]!);
    }
    const moved = solveInto(matrix, right, weights);
    if (moved < CLOSE_ENOUGH) return;
  }
}

/** Solves a symmetric positive definite system (lower triangle given) by Cholesky; returns how far the result moved. */
function solveInto(matrix: Float64Array, right: Float64Array, result: Float64Array): number {
  const n = right.length;
  for (let i = 0; i < n; i += 1) {
    for (let k = 0; k <= i; k += 1) {
      let sum = matrix[i * n + k]!;
      for (let m = 0; m < k; m += 1) sum -= matrix[i * n + m]! * matrix[k * n + m]!;
      matrix[i * n + k] = i === k ? Math.sqrt(Math.max(sum, Number.MIN_VALUE)) : sum / matrix[k * n + k]!;
    }
  }
  for (let i = 0; i < n; i += 1) {
    let sum = right[i]!;
    for (let m = 0; m < i; m += 1) sum -= matrix[i * n + m]! * right[m]!;
    right[i] = sum / matrix[i * n + i]!;
  }
  let moved = 0;
  for (let i = n - 1; i >= 0; i -= 1) {
    let sum = right[i]!;
    for (let m = i + 1; m < n; m += 1) sum -= matrix[m * n + i]! * right[m]!;
    right[i] = sum / matrix[i * n + i]!;
    moved = Math.max(moved, Math.abs(right[i]! - result[i]!));
  }
  result.set(right);
  return moved;
}
