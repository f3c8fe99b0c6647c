/**
 * The combination that leaves the fewest cells: over all values of the free unknowns, not all cells 0. Cells that are
 * multiples of each other vanish together and make one atom. A combination with the fewest atoms vanishes on as many
 * independent atoms as there are unknowns, less one, so trying every such choice is exact; where there are too many,
 * random ones are tried.
 */
import { inverse, modulo, onlySolution, PRIME, type SparseRow } from "./linear.ts";

export interface TargetCell {
  readonly cell: number;
  /** What a combination leaves in the cell, in free unknowns. */
  readonly row: SparseRow;
}

export interface Lightest {
  /** Cells that it leaves. */
  readonly cells: readonly number[];
  /** Values of the free unknowns. */
  readonly values: ReadonlyMap<number, number>;
  /** Whether nothing lighter exists; otherwise nothing lighter was found. */
  readonly exact: boolean;
}

export interface SearchLimits {
  /** Choices that are tried one by one; beyond it as many random ones. */
  readonly choices: number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

interface Atom {
  readonly row: readonly number[];
  readonly cells: number[];
}

/** Undefined where no combination leaves any of the cells. */
export function lightest(targets: readonly TargetCell[], { choices, random }: SearchLimits): Lightest | undefined {
  const touched = targets.filter(({ row }) => row.size > 0);
  const unknowns = independent(touched.map(({ row }) => row));
  const rank = unknowns.length;
  if (rank === 0) return undefined;
  const atoms = atomsOf(touched, unknowns);
  const all = countChoices(atoms.length, rank - 1);
  const tries =
    all <= choices ? everyChoice(atoms.length, rank - 1) : someChoices(atoms.length, rank - 1, choices, random);
  let best:
    | { readonly left: readonly Atom[]; readonly weight: number; readonly solution: readonly number[] }
    | undefined;
  for (const choice of tries) {
    const solution = onlySolution(
      choice.map((i) => atoms[i]!.row),
      rank,
    );
    if (solution === undefined) continue;
    const left = atoms.filter(({ row }) => row.reduce((sum, value, i) => modulo(sum + value * solution[i]!), 0) !== 0);
    const weight = left.reduce((sum, { cells }) => sum + cells.length, 0);
    if (weight > 0 && (best === undefined || weight < best.weight)) best = { left, weight, solution };
  }
  if (best === undefined) return undefined;
  return {
    cells: best.left.flatMap(({ cells }) => cells),
    values: new Map(unknowns.map((unknown, i) => [unknown, best.solution[i]!])),
    exact: all <= choices,
  };
}

/** Unknowns enough to give every value that the rows can have together: the others may stay 0. */
function independent(rows: readonly SparseRow[]): number[] {
  const columns = new Map<number, SparseRow>();
  for (const [index, row] of rows.entries()) {
    for (const [unknown, value] of row) {
      const column = columns.get(unknown) ?? new Map<number, number>();
      column.set(index, value);
      columns.set(unknown, column);
    }
  }
  const pivots = new Map<number, SparseRow>();
  const chosen: number[] = [];
  for (const [unknown, column] of [...columns].sort(([a], [b]) => a - b)) {
    const rest = new Map(column);
    for (const [index, pivot] of pivots) {
      const times = rest.get(index);
      if (times === undefined) continue;
      for (const [at, value] of pivot) {
        const sum = modulo((rest.get(at) ?? 0) - times * value);
        if (sum === 0) rest.delete(at);
        else rest.set(at, sum);
      }
    }
    const [first] = rest;
    if (first === undefined) continue;
    const factor = inverse(first[1]);
    for (const [at, value] of rest) rest.set(at, (value * factor) % PRIME);
    pivots.set(first[0], rest);
    chosen.push(unknown);
  }
  return chosen;
}

function atomsOf(targets: readonly TargetCell[], unknowns: readonly number[]): Atom[] {
  const atoms = new Map<string, Atom>();
  for (const { cell, row } of targets) {
    const values = unknowns.map((unknown) => row.get(unknown) ?? 0);
    const first = values.find((value) => value !== 0);
    if (first === undefined) continue;
    const factor = inverse(first);
    const scaled = values.map((value) => (value * factor) % PRIME);
    const key = scaled.join();
    const atom = atoms.get(key);
    if (atom === undefined) atoms.set(key, { row: scaled, cells: [cell] });
    else atom.cells.push(cell);
  }
  return [...atoms.values()];
}

function countChoices(of: number, size: number): number {
  let count = 1;
  for (let i = 0; i < size; i++) count = (count * (of - i)) / (i + 1);
  return count;
}

function* everyChoice(of: number, size: number, from = 0): Generator<number[], void, undefined> {
  if (size === 0) {
    yield [];
    return;
  }
  for (let first = from; first <= of - size; first++)
    for (const rest of everyChoice(of, size - 1, first + 1)) yield [first, ...rest];
}

function* someChoices(
  of: number,
  size: number,
  tries: number,
  random: () => number,
): Generator<number[], void, undefined> {
  const order = Array.from({ length: of }, (_, i) => i);
  for (let attempt = 0; attempt < tries; attempt++) {
    for (let i = 0; i < size; i++) {
      const j = i + Math.floor(random() * (of - i));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    yield order.slice(0, size);
  }
}
