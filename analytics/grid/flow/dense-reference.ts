/**
 * The same equations in another formulation: Newton in rectangular coordinates on a dense matrix that is put together
 * straight from the case. Slow and plain; `powerFlow` is held against it.
 */
import type { Grid } from "../model/grid.ts";

export interface DenseFlow {
  readonly vmPu: Float64Array;
  readonly vaRad: Float64Array;
  readonly iterations: number;
}

/** Iterates from a flat start until no mismatch is above `tolerance` p.u. Throws RangeError when it does not get there. */
export function denseFlow(grid: Grid, tolerance = 1e-10, mostIterations = 30): DenseFlow {
  const { buses, generators, indexOf, baseMva } = grid;
  const n = buses.length;
  const { g, b } = denseAdmittance(grid);
  const p = buses.map(({ loadMw }) => -loadMw / baseMva);
  const q = buses.map(({ loadMvar }) => -loadMvar / baseMva);
  const vSet = new Map<number, number>();
  for (const { bus, inService, pMw, qMvar, vSetPu } of generators) {
    if (!inService) continue;
    const at = indexOf.get(bus)!;
    p[at]! += pMw / baseMva;
    q[at]! += qMvar / baseMva;
    if (buses[at]!.kind !== "pq" && !vSet.has(at)) vSet.set(at, vSetPu);
  }
  const slack = buses.findIndex(({ kind }) => kind === "slack");
  const angle = (buses[slack]!.vaDeg * Math.PI) / 180;
  const e = Float64Array.from(buses, (_, i) => (vSet.get(i) ?? 1) * Math.cos(angle));
  const f = Float64Array.from(buses, (_, i) => (vSet.get(i) ?? 1) * Math.sin(angle));
  for (let iterations = 0; iterations <= mostIterations; iterations++) {
    const rows: number[][] = [];
    const rhs: number[] = [];
    for (let i = 0; i < n; i++) {
      if (i === slack) continue;
      const [ei, fi] = [e[i]!, f[i]!];
      let [re, im] = [0, 0];
      for (let k = 0; k < n; k++) {
        re += g[i]![k]! * e[k]! - b[i]![k]! * f[k]!;
        im += g[i]![k]! * f[k]! + b[i]![k]! * e[k]!;
      }
      const held = vSet.get(i);
      rhs.push(p[i]! - (ei * re + fi * im));
      rhs.push(held === undefined ? q[i]! - (fi * re - ei * im) : held ** 2 - ei ** 2 - fi ** 2);
      const byP: number[] = [];
      const byQ: number[] = [];
      for (let k = 0; k < n; k++) {
        if (k === slack) continue;
        const [gk, bk, own] = [g[i]![k]!, b[i]![k]!, Number(k === i)];
        byP.push(ei * gk + fi * bk + own * re, fi * gk - ei * bk + own * im);
        if (held !== undefined) byQ.push(2 * own * ei, 2 * own * fi);
        else byQ.push(fi * gk - ei * bk - own * im, -fi * bk - ei * gk + own * re);
      }
      rows.push(byP, byQ);
    }
    if (rhs.every((value) => Math.abs(value) <= tolerance)) {
      return {
        vmPu: e.map((re, i) => Math.hypot(re, f[i]!)),
        vaRad: e.map((re, i) => Math.atan2(f[i]!, re)),
        iterations,
      };
    }
    const step = solveDense(rows, rhs);
    for (let i = 0, at = 0; i < n; i++) {
      if (i === slack) continue;
      e[i]! += step[at++]!;
      f[i]! += step[at++]!;
    }
  }
  throw new RangeError(`grid: ${grid.name} has no solution within ${mostIterations} iterations`);
}

function denseAdmittance({ buses, branches, indexOf, baseMva }: Grid): { g: number[][]; b: number[][] } {
  const make = (): number[][] => buses.map(() => buses.map(() => 0));
  const [g, b] = [make(), make()];
  const add = (row: number, column: number, re: number, im: number): void => {
    g[row]![column]! += re;
    b[row]![column]! += im;
  };
  for (const { from, to, rPu, xPu, bPu, ratio, shiftDeg, closed } of branches) {
    if (!closed) continue;
    const [i, k] = [indexOf.get(from)!, indexOf.get(to)!];
    const square = rPu ** 2 + xPu ** 2;
    const [re, im] = [rPu / square, -xPu / square];
    const shift = (shiftDeg * Math.PI) / 180;
    // The tap: exp(-j shift) / ratio seen from `to`, its conjugate from `from`.
    const [c, s] = [Math.cos(shift) / ratio, Math.sin(shift) / ratio];
    add(i, i, re / ratio ** 2, (im + bPu / 2) / ratio ** 2);
    add(k, k, re, im + bPu / 2);
    add(i, k, -re * c + im * s, -re * s - im * c);
    add(k, i, -re * c - im * s, re * s - im * c);
  }
  for (const [i, { shuntMw, shuntMvar }] of buses.entries()) add(i, i, shuntMw / baseMva, shuntMvar / baseMva);
  return { g, b };
}

/** Gauss with partial pivoting; changes its arguments. */
function solveDense(rows: number[][], rhs: number[]): number[] {
  const n = rhs.length;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i]![k]!) > Math.abs(rows[pivot]![k]!)) pivot = i;
    [rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!];
    [rhs[k], rhs[pivot]] = [rhs[pivot]!, rhs[k]!];
    const own = rows[k]!;
    for (let i = k + 1; i < n; i++) {
      const row = rows[i]!;
      const factor = row[k]! / own[k]!;
      if (factor === 0) continue;
      for (let j = k; j < n; j++) row[j]! -= factor * own[j]!;
      rhs[i]! -= factor * rhs[k]!;
    }
  }
  for (let k = n - 1; k >= 0; k--) {
    for (let j = k + 1; j < n; j++) rhs[k]! -= rows[k]![j]! * rhs[j]!;
    rhs[k]! /= rows[k]![k]!;
  }
  return rhs;
}
