/**
 * Linear algebra over GF(2^26 - 5): products of two numbers below 2^26 are exact in doubles. For released totals the
 * field does not matter: the matrix of a bipartite graph is totally unimodular, so every rank is that of the rationals
 * (A. Schrijver, "Theory of Linear and Integer Programming", 1986, section 19.3).
 */

export const PRIME = 67_108_859;

/** Coefficients from 1 to PRIME - 1 by unknown. */
export type SparseRow = Map<number, number>;

export function modulo(value: number): number {
  const rest = value % PRIME;
  return rest < 0 ? rest + PRIME : rest;
}

/** Of a number from 1 to PRIME - 1, by Fermat. */
export function inverse(value: number): number {
  let result = 1;
  let base = value;
  for (let exponent = PRIME - 2; exponent > 0; exponent = Math.floor(exponent / 2)) {
    if (exponent % 2 === 1) result = (result * base) % PRIME;
    base = (base * base) % PRIME;
  }
  return result;
}

function addTimes(row: SparseRow, factor: number, other: SparseRow): void {
  for (const [unknown, coefficient] of other) {
    const sum = ((row.get(unknown) ?? 0) + factor * coefficient) % PRIME;
    if (sum === 0) row.delete(unknown);
    else row.set(unknown, sum);
  }
}

/** Homogeneous equations, solved one by one: bound unknowns are kept as combinations of others. */
export class Equations {
  readonly #bound = new Map<number, SparseRow>();

  /** Demands that the row gives 0. */
  demand(row: SparseRow): void {
    const rest = this.express(row);
    const [first] = rest;
    if (first === undefined) return;
    const [unknown, coefficient] = first;
    const factor = PRIME - inverse(coefficient);
    rest.delete(unknown);
    for (const [other, value] of rest) rest.set(other, (value * factor) % PRIME);
    this.#bound.set(unknown, rest);
  }

  /** The same row for every solution, written in free unknowns alone. */
  express(row: SparseRow): SparseRow {
    const result: SparseRow = new Map();
    for (const [unknown, coefficient] of row) addTimes(result, coefficient, this.#free(unknown));
    return result;
  }

  #free(unknown: number): SparseRow {
    const bound = this.#bound.get(unknown);
    if (bound === undefined) return new Map([[unknown, 1]]);
    for (const other of bound.keys()) {
      if (!this.#bound.has(other)) continue;
      const written = this.express(bound);
      this.#bound.set(unknown, written);
      return written;
    }
    return bound;
  }
}

/** A non-zero vector that all rows give 0 for, where their rank is one less than its length; undefined otherwise. */
export function onlySolution(rows: readonly (readonly number[])[], length: number): number[] | undefined {
  const matrix = rows.map((row) => [...row]);
  const pivots: number[] = [];
  let found = 0;
  for (let column = 0; column < length && found < matrix.length; column++) {
    const at = matrix.findIndex((row, index) => index >= found && row[column] !== 0);
    if (at < 0) continue;
    [matrix[found], matrix[at]] = [matrix[at]!, matrix[found]!];
    const pivot = matrix[found]!;
    const factor = inverse(pivot[column]!);
    for (let i = 0; i < length; i++) pivot[i] = (pivot[i]! * factor) % PRIME;
    for (const row of matrix) {
      const times = row[column]!;
      if (row === pivot || times === 0) continue;
      for (let i = 0; i < length; i++) row[i] = modulo(row[i]! - times * pivot[i]!);
    }
    pivots.push(column);
    found++;
  }
  if (found !== length - 1) return undefined;
  const free = Array.from({ length }, (_, column) => column).find((column) => !pivots.includes(column))!;
  const solution = Array.from({ length }, () => 0);
  solution[free] = 1;
  for (const [index, column] of pivots.entries()) solution[column] = modulo(-matrix[index]![free]!);
  return solution;
}
