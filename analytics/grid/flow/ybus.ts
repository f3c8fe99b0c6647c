/** The nodal admittance matrix: compressed rows, complex, of closed branches between energised buses. */
import { ISOLATED, type PerUnitGrid, SLACK } from "../model/per-unit.ts";
import type { Pattern } from "./block-lu.ts";

export interface Ybus extends Pattern {
  readonly g: Float64Array;
  readonly b: Float64Array;
  /** Position of each row's diagonal. */
  readonly diagonal: Int32Array;
}

/** 1 for each bus that a slack bus feeds over closed branches. */
export function energised({ busCount, branchCount, kind, from, to, closed }: PerUnitGrid): Uint8Array {
  const alive = Uint8Array.from(kind, (one) => Number(one === SLACK));
  const { start, list } = incidence(busCount, branchCount, from, to, closed);
  const queue = [...alive.keys()].filter((bus) => alive[bus] === 1);
  for (const bus of queue) {
    for (let at = start[bus]!; at < start[bus + 1]!; at++) {
      const branch = list[at]!;
      const other = from[branch] === bus ? to[branch]! : from[branch]!;
      if (alive[other] === 1 || kind[other] === ISOLATED) continue;
      alive[other] = 1;
      queue.push(other);
    }
  }
  return alive;
}

/** Closed branches by bus: those of bus i are list[start[i]] to list[start[i + 1] - 1]. */
function incidence(
  busCount: number,
  branchCount: number,
  from: Int32Array,
  to: Int32Array,
  closed: Uint8Array,
): { start: Int32Array; list: Int32Array } {
  const start = new Int32Array(busCount + 1);
  for (let i = 0; i < branchCount; i++) {
    if (closed[i] === 0) continue;
    start[from[i]! + 1]! += 1;
    start[to[i]! + 1]! += 1;
  }
  for (let bus = 0; bus < busCount; bus++) start[bus + 1]! += start[bus]!;
  const next = start.slice();
  const list = new Int32Array(start[busCount]!);
  for (let i = 0; i < branchCount; i++) {
    if (closed[i] === 0) continue;
    list[next[from[i]!]!++] = i;
    list[next[to[i]!]!++] = i;
  }
  return { start, list };
}

export function buildYbus(grid: PerUnitGrid, alive: Uint8Array): Ybus {
  const { busCount: n, branchCount, from, to, closed, admittance, shuntG, shuntB } = grid;
  const rows = Array.from({ length: n }, (_, bus) => new Map([[bus, [0, 0] as [number, number]]]));
  const add = (row: number, column: number, at: number): void => {
    const entry = rows[row]!.get(column);
    if (entry === undefined) rows[row]!.set(column, [admittance[at]!, admittance[at + 1]!]);
    else {
      entry[0] += admittance[at]!;
      entry[1] += admittance[at + 1]!;
    }
  };
  for (let i = 0; i < branchCount; i++) {
    const [f, t] = [from[i]!, to[i]!];
    if (closed[i] === 0 || alive[f] === 0 || alive[t] === 0) continue;
    add(f, f, 8 * i);
    add(f, t, 8 * i + 2);
    add(t, f, 8 * i + 4);
    add(t, t, 8 * i + 6);
  }
  const rowStart = new Int32Array(n + 1);
  for (let bus = 0; bus < n; bus++) rowStart[bus + 1] = rowStart[bus]! + rows[bus]!.size;
  const size = rowStart[n]!;
  const result = {
    rowStart,
    columns: new Int32Array(size),
    g: new Float64Array(size),
    b: new Float64Array(size),
    diagonal: new Int32Array(n),
  };
  for (let bus = 0; bus < n; bus++) {
    let at = rowStart[bus]!;
    for (const column of [...rows[bus]!.keys()].sort((a, b) => a - b)) {
      const [g, b] = rows[bus]!.get(column)!;
      result.columns[at] = column;
      result.g[at] = column === bus ? g + shuntG[bus]! : g;
      result.b[at] = column === bus ? b + shuntB[bus]! : b;
      if (column === bus) result.diagonal[bus] = at;
      at += 1;
    }
  }
  return result;
}
