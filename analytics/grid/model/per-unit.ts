/** A grid as flat arrays in p.u., in the order of its buses and branches: what the solvers compute on. */
import type { Grid } from "./grid.ts";

const KINDS = { pq: 0, pv: 1, slack: 2, isolated: 3 } as const;
export const { pq: PQ, pv: PV, slack: SLACK, isolated: ISOLATED } = KINDS;

export interface PerUnitGrid {
  readonly busCount: number;
  readonly branchCount: number;
  /** PQ, PV, SLACK or ISOLATED. A `pv` bus without a running generator counts as PQ. */
  readonly kind: Uint8Array;
  readonly loadP: Float64Array;
  readonly loadQ: Float64Array;
  /** Scheduled output of running generators. */
  readonly genP: Float64Array;
  readonly genQ: Float64Array;
  readonly qMin: Float64Array;
  readonly qMax: Float64Array;
  /** Voltage that is held at PV and SLACK buses; the case's own elsewhere. */
  readonly vSet: Float64Array;
  /** Radians. */
  readonly angle: Float64Array;
  readonly shuntG: Float64Array;
  readonly shuntB: Float64Array;
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly closed: Uint8Array;
  /** Entries of each branch's two-port admittance: ff, ft, tf, tt, real and imaginary parts interleaved, 8 a branch. */
  readonly admittance: Float64Array;
}

export function perUnit(grid: Grid): PerUnitGrid {
  const { buses, branches, generators, baseMva, indexOf } = grid;
  const n = buses.length;
  const of = (value: (bus: Grid["buses"][number]) => number): Float64Array => Float64Array.from(buses, value);
  const result: PerUnitGrid = {
    busCount: n,
    branchCount: branches.length,
    kind: Uint8Array.from(buses, ({ kind }) => KINDS[kind]),
    loadP: of(({ loadMw }) => loadMw / baseMva),
    loadQ: of(({ loadMvar }) => loadMvar / baseMva),
    genP: new Float64Array(n),
    genQ: new Float64Array(n),
    qMin: new Float64Array(n),
    qMax: new Float64Array(n),
    vSet: of(({ vmPu }) => vmPu),
    angle: of(({ vaDeg }) => (vaDeg * Math.PI) / 180),
    shuntG: of(({ shuntMw }) => shuntMw / baseMva),
    shuntB: of(({ shuntMvar }) => shuntMvar / baseMva),
    from: Int32Array.from(branches, ({ from }) => indexOf.get(from)!),
    to: Int32Array.from(branches, ({ to }) => indexOf.get(to)!),
    closed: Uint8Array.from(branches, ({ closed }) => Number(closed)),
    admittance: admittances(grid),
  };
  const held = new Uint8Array(n);
  for (const generator of generators) {
    if (!generator.inService) continue;
    const bus = indexOf.get(generator.bus)!;
    result.genP[bus]! += generator.pMw / baseMva;
    result.genQ[bus]! += generator.qMvar / baseMva;
    result.qMin[bus]! += generator.qMinMvar / baseMva;
    result.qMax[bus]! += generator.qMaxMvar / baseMva;
    // As in MATPOWER, the first of several generators says which voltage is held.
    if (held[bus] === 0 && result.kind[bus] !== PQ) result.vSet[bus] = generator.vSetPu;
    held[bus] = 1;
  }
  for (let bus = 0; bus < n; bus++) if (result.kind[bus] === PV && held[bus] === 0) result.kind[bus] = PQ;
  return result;
}

/** The pi model with an ideal transformer of ratio t = ratio * exp(j shift) on the `from` side. */
function admittances({ branches }: Grid): Float64Array {
  const y = new Float64Array(8 * branches.length);
  for (const [i, { rPu, xPu, bPu, ratio, shiftDeg }] of branches.entries()) {
    const square = rPu * rPu + xPu * xPu;
    const g = rPu / square;
    const b = -xPu / square;
    const shift = (shiftDeg * Math.PI) / 180;
    const [cos, sin] = [Math.cos(shift) / ratio, Math.sin(shift) / ratio];
    const self = [g, b + bPu / 2];
    // ff = self / |t|^2, ft = -y / conj(t), tf = -y / t, tt = self
    y.set(
      [
        self[0]! / (ratio * ratio),
        self[1]! / (ratio * ratio),
        -(g * cos - b * sin),
        -(g * sin + b * cos),
        -(g * cos + b * sin),
        -(b * cos - g * sin),
        self[0]!,
        self[1]!,
      ],
      8 * i,
    );
  }
  return y;
}
