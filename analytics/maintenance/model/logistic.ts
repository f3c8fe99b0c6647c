/** Logistic regression by Newton's method (iteratively reweighted least squares) with a ridge, and its small algebra. */

export const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));
export const logit = (chance: number): number => Math.log(chance / (1 - chance));

export interface LogisticFit {
  /** One for each column, and the bias last. */
  readonly weights: Float64Array;
  readonly steps: number;
  readonly converged: boolean;
}

const MOST_STEPS = 60;
const CLOSE_ENOUGH = 1e-9;

/**
 * Minimises the negative log-likelihood + ridge / 2 * |weights|^2 (the bias is free). Rows are of equal length, `hits` says of
 * each whether it happened. Throws RangeError for none, or where all or none happened.
 */
export function fitLogistic(rows: readonly Float64Array[], hits: readonly boolean[], ridge = 1): LogisticFit {
  const events = hits.filter(Boolean).length;
  if (events === 0 || events === rows.length) {
    throw new RangeError(`examples: expected some that failed and some that did not, got ${events} of ${rows.length}`);
  }
  const size = rows[0]!.length + 1;
  const weights = new Float64Array(size);
  weights[size - 1] = logit(events / rows.length);
  let loss = lossOf(rows, hits, weights, ridge);
  for (let steps = 1; steps <= MOST_STEPS; steps++) {
    const gradient = new Float64Array(size);
    const curvature = Array.from({ length: size }, () => new Float64Array(size));
    for (const [i, row] of rows.entries()) {
      const chance = sigmoid(score(weights, row));
      const [residual, weight] = [chance - Number(hits[i]), Math.max(chance * (1 - chance), 1e-12)];
      for (let a = 0; a < size; a++) {
        const left = a < size - 1 ? row[a]! : 1;
        gradient[a]! += residual * left;
        for (let b = 0; b <= a; b++) curvature[a]![b]! += weight * left * (b < size - 1 ? row[b]! : 1);
      }
    }
    for (let a = 0; a < size; a++) {
      gradient[a]! += a < size - 1 ? ridge * weights[a]! : 0;
      curvature[a]![a]! += a < size - 1 ? ridge : 1e-9;
    }
    const move = solveSymmetric(curvature, gradient);
    // Newton's step may overshoot far from the optimum: it is halved until the loss falls.
    let shrink = 1;
    let next = weights.map((value, a) => value - move[a]!);
    let nextLoss = lossOf(rows, hits, next, ridge);
    while (nextLoss > loss + 1e-12 * Math.abs(loss) && shrink > 1e-6) {
      shrink /= 2;
      next = weights.map((value, a) => value - shrink * move[a]!);
      nextLoss = lossOf(rows, hits, next, ridge);
    }
    weights.set(next);
    loss = nextLoss;
    if (Math.max(...move.map(Math.abs)) * shrink < CLOSE_ENOUGH) return { weights, steps, converged: true };
  }
  return { weights, steps: MOST_STEPS, converged: false };
}

/** Weights times row, and the bias. */
export function score(weights: Float64Array, row: Float64Array): number {
  let sum = weights[row.length]!;
  for (let i = 0; i < row.length; i++) sum += weights[i]! * row[i]!;
  return sum;
}

function lossOf(rows: readonly Float64Array[], hits: readonly boolean[], weights: Float64Array, ridge: number): number {
  let loss = 0;
  for (const [i, row] of rows.entries()) {
    const signed = hits[i] === true ? -score(weights, row) : score(weights, row);
    loss += signed > 30 ? signed : Math.log1p(Math.exp(signed));
  }
  for (let i = 0; i < weights.length - 1; i++) loss += (ridge / 2) * weights[i]! ** 2;
  return loss;
}

/** Solves a positive definite system, of which the lower triangle is given and destroyed, by Cholesky. */
export function solveSymmetric(matrix: readonly Float64Array[], right: Float64Array): Float64Array {
  const n = right.length;
  const result = Float64Array.from(right);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k <= i; k++) {
      let sum = matrix[i]![k]!;
      for (let m = 0; m < k; m++) sum -= matrix[i]![m]! * matrix[k]![m]!;
      if (i === k && !(sum > 0)) throw new RangeError("matrix: expected a positive definite one");
      matrix[i]![k] = i === k ? Math.sqrt(sum) : sum / matrix[k]![k]!;
    }
  }
  for (let i = 0; i < n; i++) {
    for (let m = 0; m < i; m++) result[i]! -= matrix[i]![m]! * result[m]!;
    result[i]! /= matrix[i]![i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let m = i + 1; m < n; m++) result[i]! -= matrix[m]![i]! * result[m]!;
    result[i]! /= matrix[i]![i]!;
  }
  return result;
}
