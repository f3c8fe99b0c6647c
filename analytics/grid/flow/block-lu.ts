/**
 * Sparse LU of a matrix of 2 x 2 blocks with a symmetric pattern: one block per pair of connected buses, as power flow
 * and state estimation have them. Rows are ordered by least degree, which keeps fill small; pivots stay on the diagonal,
 * so the pattern is worked out once and every further factorisation only computes.
 *
 * Written here because the sparse LU that npm offers works on boxed numbers and orders anew each time. The up-looking
 * factorisation and the ordering are textbook: T. A. Davis, Direct Methods for Sparse Linear Systems, chapters 6, 7.
 */

/** Compressed rows; columns ascend within a row, the diagonal is among them. */
export interface Pattern {
  readonly rowStart: Int32Array;
  readonly columns: Int32Array;
}

export class BlockLu {
  readonly size: number;
  /** Row-major 2 x 2 blocks in the order of the pattern: to be filled before `factor`. */
  readonly values: Float64Array;
  /** Row of the block that could not be inverted in the last `factor`, or -1. */
  singularRow = -1;
  /** Blocks of L and U together, the diagonal counted once. */
  readonly factorBlocks: number;

  readonly #order: Int32Array;
  /** Where each row stands in the order. */
  readonly #position: Int32Array;
  readonly #visited: Int32Array;
  #visit = 0;
  readonly #start: Int32Array;
  readonly #columns: Int32Array;
  /** Position of the diagonal block in each row. */
  readonly #diagonal: Int32Array;
  readonly #factors: Float64Array;
  /** For each block of the matrix, its position in `#factors`. */
  readonly #placeOf: Int32Array;
  /** Position in the row at hand by column. */
  readonly #place: Int32Array;
  readonly #work: Float64Array;

  constructor({ rowStart, columns }: Pattern) {
    const n = rowStart.length - 1;
    this.size = n;
    this.values = new Float64Array(4 * columns.length);
    const { order, above } = leastDegree(rowStart, columns);
    this.#order = order;
    const position = new Int32Array(n);
    for (let i = 0; i < n; i++) position[order[i]!] = i;
    this.#position = position;
    this.#visited = new Int32Array(n);

    // The pattern of L is that of U, transposed.
    const below: number[][] = Array.from({ length: n }, () => []);
    for (let i = 0; i < n; i++) {
      above[i] = above[i]!.map((bus) => position[bus]!).sort((a, b) => a - b);
      for (const j of above[i]!) below[j]!.push(i);
    }
    this.#start = new Int32Array(n + 1);
    for (let i = 0; i < n; i++) this.#start[i + 1] = this.#start[i]! + below[i]!.length + 1 + above[i]!.length;
    this.factorBlocks = this.#start[n]!;
    this.#columns = new Int32Array(this.factorBlocks);
    this.#diagonal = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      this.#columns.set([...below[i]!, i, ...above[i]!], this.#start[i]);
      this.#diagonal[i] = this.#start[i]! + below[i]!.length;
    }
    this.#factors = new Float64Array(4 * this.factorBlocks);
    this.#place = new Int32Array(n);
    this.#placeOf = new Int32Array(columns.length);
    for (let row = 0; row < n; row++) {
      const i = position[row]!;
      for (let at = this.#start[i]!; at < this.#start[i + 1]!; at++) this.#place[this.#columns[at]!] = at;
      for (let at = rowStart[row]!; at < rowStart[row + 1]!; at++) {
        this.#placeOf[at] = this.#place[position[columns[at]!]!]!;
      }
    }
    this.#work = new Float64Array(2 * n);
  }

  /** Factors what stands in `values`. False where a diagonal block cannot be inverted; `singularRow` names it. */
  factor(): boolean {
    const f = this.#factors.fill(0);
    for (let at = 0; at < this.#placeOf.length; at++) {
      const target = 4 * this.#placeOf[at]!;
      const source = 4 * at;
      for (let k = 0; k < 4; k++) f[target + k] = this.values[source + k]!;
    }
    this.singularRow = -1;
    for (let i = 0; i < this.size; i++) {
      const end = this.#start[i + 1]!;
      const diagonal = this.#diagonal[i]!;
      for (let at = this.#start[i]!; at < end; at++) this.#place[this.#columns[at]!] = at;
      for (let at = this.#start[i]!; at < diagonal; at++) this.#eliminate(4 * at, this.#columns[at]!);
      if (!invertBlock(f, 4 * diagonal)) {
        this.singularRow = this.#order[i]!;
        return false;
      }
    }
    return true;
  }

  /** Turns A_ik into L_ik = A_ik / D_k and takes L_ik U_k off the rest of row i. */
  #eliminate(at: number, k: number): void {
    const f = this.#factors;
    const inverse = 4 * this.#diagonal[k]!;
    const [a, b, c, d] = [f[at]!, f[at + 1]!, f[at + 2]!, f[at + 3]!];
    const [p, q, r, s] = [f[inverse]!, f[inverse + 1]!, f[inverse + 2]!, f[inverse + 3]!];
    const l0 = a * p + b * r;
    const l1 = a * q + b * s;
    const l2 = c * p + d * r;
    const l3 = c * q + d * s;
    f[at] = l0;
    f[at + 1] = l1;
    f[at + 2] = l2;
    f[at + 3] = l3;
    const end = this.#start[k + 1]!;
    for (let above = this.#diagonal[k]! + 1; above < end; above++) {
      const u = 4 * above;
      const target = 4 * this.#place[this.#columns[above]!]!;
      f[target] = f[target]! - (l0 * f[u]! + l1 * f[u + 2]!);
      f[target + 1] = f[target + 1]! - (l0 * f[u + 1]! + l1 * f[u + 3]!);
      f[target + 2] = f[target + 2]! - (l2 * f[u]! + l3 * f[u + 2]!);
      f[target + 3] = f[target + 3]! - (l2 * f[u + 1]! + l3 * f[u + 3]!);
    }
  }

  /** Solves A x = rhs in place: two numbers per row, interleaved, in the order of the pattern. */
  solve(rhs: Float64Array): void {
    const f = this.#factors;
    const w = this.#work;
    const n = this.size;
    for (let i = 0; i < n; i++) {
      let x = rhs[2 * this.#order[i]!]!;
      let y = rhs[2 * this.#order[i]! + 1]!;
      for (let at = this.#start[i]!; at < this.#diagonal[i]!; at++) {
        const k = 2 * this.#columns[at]!;
        x -= f[4 * at]! * w[k]! + f[4 * at + 1]! * w[k + 1]!;
        y -= f[4 * at + 2]! * w[k]! + f[4 * at + 3]! * w[k + 1]!;
      }
      w[2 * i] = x;
      w[2 * i + 1] = y;
    }
    for (let i = n - 1; i >= 0; i--) {
      let x = w[2 * i]!;
      let y = w[2 * i + 1]!;
      for (let at = this.#diagonal[i]! + 1; at < this.#start[i + 1]!; at++) {
        const k = 2 * this.#columns[at]!;
        x -= f[4 * at]! * w[k]! + f[4 * at + 1]! * w[k + 1]!;
        y -= f[4 * at + 2]! * w[k]! + f[4 * at + 3]! * w[k + 1]!;
      }
      const d = 4 * this.#diagonal[i]!;
      w[2 * i] = f[d]! * x + f[d + 1]! * y;
      w[2 * i + 1] = f[d + 2]! * x + f[d + 3]! * y;
    }
    for (let i = 0; i < n; i++) {
      rhs[2 * this.#order[i]!] = w[2 * i]!;
      rhs[2 * this.#order[i]! + 1] = w[2 * i + 1]!;
    }
  }

  /**
   * h' A^-1 h for a symmetric matrix that was factored and a sparse `h`: two numbers for each of `rows`. A sum of squares over what
   * these rows lead to in the elimination, so that nothing cancels: far fewer rows than a solution has.
   */
  quadratic(rows: Int32Array, h: Float64Array): number {
    const f = this.#factors;
    const w = this.#work;
    const path = this.#reached(rows);
    for (const i of path) w[2 * i] = w[2 * i + 1] = 0;
    for (let k = 0; k < rows.length; k++) {
      const i = 2 * this.#position[rows[k]!]!;
      w[i] = w[i]! + h[2 * k]!;
      w[i + 1] = w[i + 1]! + h[2 * k + 1]!;
    }
    let sum = 0;
    for (const i of path) {
      const [x, y] = [w[2 * i]!, w[2 * i + 1]!];
      const d = 4 * this.#diagonal[i]!;
      const along = f[d]! * x + f[d + 1]! * y;
      const across = f[d + 2]! * x + f[d + 3]! * y;
      sum += x * along + y * across;
      for (let at = this.#diagonal[i]! + 1; at < this.#start[i + 1]!; at++) {
        const k = 2 * this.#columns[at]!;
        w[k] = w[k]! - (f[4 * at]! * along + f[4 * at + 2]! * across);
        w[k + 1] = w[k + 1]! - (f[4 * at + 1]! * along + f[4 * at + 3]! * across);
      }
    }
    return sum;
  }

  /** What elimination of these rows changes, in its order: each leads to the first column right of its diagonal. */
  #reached(rows: Int32Array): number[] {
    const path: number[] = [];
    this.#visit += 1;
    for (const row of rows) {
      let i = this.#position[row]!;
      while (i >= 0 && this.#visited[i] !== this.#visit) {
        this.#visited[i] = this.#visit;
        path.push(i);
        const next = this.#diagonal[i]! + 1;
        i = next < this.#start[i + 1]! ? this.#columns[next]! : -1;
      }
    }
    return path.sort((a, b) => a - b);
  }
}

/** A determinant this small against the block's entries is rounding error. */
const SINGULAR = 1e-14;

function invertBlock(f: Float64Array, at: number): boolean {
  const [a, b, c, d] = [f[at]!, f[at + 1]!, f[at + 2]!, f[at + 3]!];
  const determinant = a * d - b * c;
  const size = Math.abs(a * d) + Math.abs(b * c);
  if (!(Math.abs(determinant) > SINGULAR * size && size > Number.MIN_VALUE && Number.isFinite(determinant)))
    return false;
  f[at] = d / determinant;
  f[at + 1] = -b / determinant;
  f[at + 2] = -c / determinant;
  f[at + 3] = a / determinant;
  return true;
}

interface Elimination {
  /** Rows as they are eliminated. */
  readonly order: Int32Array;
  /** For each of them, its neighbours that are eliminated later, fill included, by row. */
  readonly above: number[][];
}

/** Always eliminates a row with the fewest neighbours left, whose neighbours then know each other. */
function leastDegree(rowStart: Int32Array, columns: Int32Array): Elimination {
  const n = rowStart.length - 1;
  const neighbours = Array.from({ length: n }, (_, row) => {
    const set = new Set(columns.subarray(rowStart[row], rowStart[row + 1]));
    set.delete(row);
    return set;
  });
  // Rows wait by their degree; one whose degree has changed waits once more, and its older places are passed over.
  const waiting: number[][] = Array.from({ length: n + 1 }, () => []);
  for (let row = n - 1; row >= 0; row--) waiting[neighbours[row]!.size]!.push(row);
  const done = new Uint8Array(n);
  const order = new Int32Array(n);
  const above: number[][] = [];
  for (let degree = 0; above.length < n; ) {
    const row = waiting[degree]!.pop();
    if (row === undefined) degree += 1;
    if (row === undefined || done[row] === 1 || neighbours[row]!.size !== degree) continue;
    done[row] = 1;
    order[above.length] = row;
    const left = [...neighbours[row]!];
    above.push(left);
    for (const one of left) {
      const known = neighbours[one]!;
      known.delete(row);
      for (const other of left) if (other !== one) known.add(other);
    }
    for (const one of left) {
      const now = neighbours[one]!.size;
      waiting[now]!.push(one);
      degree = Math.min(degree, now);
    }
  }
  return { order, above };
}
