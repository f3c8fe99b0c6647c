/**
 * Power flow of radial grids by backward/forward sweeps: currents are added up from the leaves to the reference, then
 * voltages follow from the reference outwards (D. Shirmohammadi et al., IEEE Trans. Power Systems 3 (1988)). Every
 * buffer is made once, so that a search may ask thousands of times with other switches and loads.
 */
import type { Grid } from "../model/grid.ts";
import { ISOLATED, perUnit, PV, SLACK } from "../model/per-unit.ts";

/** `loop`: a loop, or two references joined; `dead`: a bus without a way to a reference. */
export type RadialOutcome = "converged" | "loop" | "dead" | "diverged";

/** Below this a sweep does not come back. */
const COLLAPSED_PU = 0.1;
/** A voltage beyond it is none. */
const BLOWN_PU = 1_000;
const MOST_SWEEPS = 200;

export class RadialSolver {
  /** Net consumption of each bus in p.u. (load less generation), in the order of the grid: may be written to. */
  readonly loadP: Float64Array;
  readonly loadQ: Float64Array;
  /** The solution, by bus: real and imaginary part in p.u. */
  readonly re: Float64Array;
  readonly im: Float64Array;
  /** Squared series current of each branch in p.u.; 0 for open ones. */
  readonly current2: Float64Array;
  sweeps = 0;
  /** Series losses of all branches in p.u. of the last solve that converged. */
  lossPu = 0;
  /** Least voltage in p.u. of the last solve that converged. */
  leastVoltage = 0;
  /** Largest power in p.u. by which a bus missed its load in the last sweep, and the bus. */
  mismatchPu = 0;
  worstBus = -1;
  /** Position of a bus that is dead or closes a loop, where that was the outcome. */
  faultBus = -1;

  readonly #n: number;
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  readonly #kind: Uint8Array;
  /** Branches at each bus, open or closed. */
  readonly #start: Int32Array;
  readonly #incident: Int32Array;
  readonly #r: Float64Array;
  readonly #x: Float64Array;
  readonly #halfB: Float64Array;
  readonly #tapRe: Float64Array;
  readonly #tapIm: Float64Array;
  readonly #shuntG: Float64Array;
  readonly #shuntB: Float64Array;
  /** Shunts with the charging of closed branches. */
  readonly #b: Float64Array;
  readonly #vSet: Float64Array;
  readonly #angle: Float64Array;
  /** Buses outwards from the references, and the branch by which each was reached. */
  readonly #order: Int32Array;
  readonly #by: Int32Array;
  readonly #iRe: Float64Array;
  readonly #iIm: Float64Array;
  readonly #buses: number;

  /** Throws RangeError for a grid in which a generator holds a voltage away from the references: that takes Newton. */
  constructor(grid: Grid) {
    const pu = perUnit(grid);
    const held = pu.kind.indexOf(PV);
    if (held >= 0) {
      throw new RangeError(`grid: bus ${grid.buses[held]!.id} holds its voltage (pv), which a sweep cannot do`);
    }
    const n = pu.busCount;
    const m = pu.branchCount;
    this.#n = n;
    this.#from = pu.from;
    this.#to = pu.to;
    this.#kind = pu.kind;
    this.#buses = pu.kind.reduce((sum, kind) => sum + Number(kind !== ISOLATED), 0);
    this.loadP = pu.loadP.map((load, bus) => load - pu.genP[bus]!);
    this.loadQ = pu.loadQ.map((load, bus) => load - pu.genQ[bus]!);
    this.#shuntG = pu.shuntG;
    this.#shuntB = pu.shuntB;
    this.#vSet = pu.vSet;
    this.#angle = pu.angle;
    const of = (value: (branch: Grid["branches"][number]) => number): Float64Array =>
      Float64Array.from(grid.branches, value);
    this.#r = of(({ rPu }) => rPu);
    this.#x = of(({ xPu }) => xPu);
    this.#halfB = of(({ bPu }) => bPu / 2);
    this.#tapRe = of(({ ratio, shiftDeg }) => ratio * Math.cos((shiftDeg * Math.PI) / 180));
    this.#tapIm = of(({ ratio, shiftDeg }) => ratio * Math.sin((shiftDeg * Math.PI) / 180));
    this.#start = new Int32Array(n + 1);
    for (let i = 0; i < m; i++) {
      this.#start[pu.from[i]! + 1]! += 1;
      this.#start[pu.to[i]! + 1]! += 1;
    }
    for (let bus = 0; bus < n; bus++) this.#start[bus + 1]! += this.#start[bus]!;
    this.#incident = new Int32Array(2 * m);
    const next = this.#start.slice();
    for (let i = 0; i < m; i++) {
      this.#incident[next[pu.from[i]!]!++] = i;
      this.#incident[next[pu.to[i]!]!++] = i;
    }
    this.re = new Float64Array(n);
    this.im = new Float64Array(n);
    this.current2 = new Float64Array(m);
    this.#b = new Float64Array(n);
    this.#order = new Int32Array(n);
    this.#by = new Int32Array(n);
    this.#iRe = new Float64Array(n);
    this.#iIm = new Float64Array(n);
  }

  /** Solves with these switches, in the order of the branches (1: closed). Tolerance in p.u. of power. */
  solve(closed: Uint8Array, tolerance = 1e-8): RadialOutcome {
    const outcome = this.#lineUp(closed);
    if (outcome !== "converged") return outcome;
    for (this.sweeps = 1; this.sweeps <= MOST_SWEEPS; this.sweeps++) {
      this.#backward();
      if (!this.#forward()) return "diverged";
      if (this.mismatchPu <= tolerance) {
        this.#sum();
        return "converged";
      }
    }
    return "diverged";
  }

  /** Orders buses outwards, and starts from a flat voltage. */
  #lineUp(closed: Uint8Array): RadialOutcome {
    const order = this.#order;
    const by = this.#by.fill(-2);
    this.#b.set(this.#shuntB);
    this.current2.fill(0);
    let count = 0;
    for (let bus = 0; bus < this.#n; bus++) {
      this.re[bus] = 0;
      this.im[bus] = 0;
      if (this.#kind[bus] !== SLACK) continue;
      order[count++] = bus;
      by[bus] = -1;
      this.re[bus] = this.#vSet[bus]! * Math.cos(this.#angle[bus]!);
      this.im[bus] = this.#vSet[bus]! * Math.sin(this.#angle[bus]!);
    }
    for (let at = 0; at < count; at++) {
      const bus = order[at]!;
      for (let k = this.#start[bus]!; k < this.#start[bus + 1]!; k++) {
        const branch = this.#incident[k]!;
        if (closed[branch] === 0 || branch === by[bus]) continue;
        const outwards = this.#from[branch] === bus;
        const other = outwards ? this.#to[branch]! : this.#from[branch]!;
        if (this.#kind[other] === ISOLATED) continue;
        if (by[other] !== -2) {
          this.faultBus = other;
          return "loop";
        }
        by[other] = branch;
        order[count++] = other;
        this.#charge(branch);
        const [tapRe, tapIm] = [this.#tapRe[branch]!, this.#tapIm[branch]!];
        const [re, im] = [this.re[bus]!, this.im[bus]!];
        const scale = outwards ? 1 / (tapRe * tapRe + tapIm * tapIm) : 1;
        const sign = outwards ? -1 : 1;
        this.re[other] = (re * tapRe - sign * im * tapIm) * scale;
        this.im[other] = (im * tapRe + sign * re * tapIm) * scale;
      }
    }
    if (count < this.#buses) {
      this.faultBus = by.findIndex((branch, bus) => branch === -2 && this.#kind[bus] !== ISOLATED);
      return "dead";
    }
    return "converged";
  }

  /** Half of a line's charging stands at either end, behind the tap at the `from` side. */
  #charge(branch: number): void {
    const half = this.#halfB[branch]!;
    if (half === 0) return;
    const [tapRe, tapIm] = [this.#tapRe[branch]!, this.#tapIm[branch]!];
    this.#b[this.#from[branch]!]! += half / (tapRe * tapRe + tapIm * tapIm);
    this.#b[this.#to[branch]!]! += half;
  }

  #backward(): void {
    const [re, im, iRe, iIm] = [this.re, this.im, this.#iRe, this.#iIm];
    const order = this.#order;
    for (let at = 0; at < this.#buses; at++) {
      const bus = order[at]!;
      const [e, f, p, q] = [re[bus]!, im[bus]!, this.loadP[bus]!, this.loadQ[bus]!];
      const square = e * e + f * f;
      const [g, b] = [this.#shuntG[bus]!, this.#b[bus]!];
      // conj(S / V) + Y V
      iRe[bus] = (p * e + q * f) / square + g * e - b * f;
      iIm[bus] = (p * f - q * e) / square + g * f + b * e;
    }
    for (let at = this.#buses - 1; at >= 0; at--) {
      const bus = order[at]!;
      const branch = this.#by[bus]!;
      if (branch < 0) continue;
      const [tapRe, tapIm] = [this.#tapRe[branch]!, this.#tapIm[branch]!];
      const [cRe, cIm] = [iRe[bus]!, iIm[bus]!];
      if (this.#to[branch] === bus) {
        // divided by the tap's conjugate
        const square = tapRe * tapRe + tapIm * tapIm;
        const parent = this.#from[branch]!;
        iRe[parent]! += (cRe * tapRe - cIm * tapIm) / square;
        iIm[parent]! += (cIm * tapRe + cRe * tapIm) / square;
      } else {
        // The series current, on the other side of the tap, is what the parent sees.
        iRe[bus] = cRe * tapRe + cIm * tapIm;
        iIm[bus] = cIm * tapRe - cRe * tapIm;
        const parent = this.#to[branch]!;
        iRe[parent]! += iRe[bus];
        iIm[parent]! += iIm[bus];
      }
    }
  }

  /** False when voltages have collapsed. */
  #forward(): boolean {
    const [re, im] = [this.re, this.im];
    this.mismatchPu = 0;
    this.worstBus = -1;
    for (let at = 0; at < this.#buses; at++) {
      const bus = this.#order[at]!;
      const branch = this.#by[bus]!;
      if (branch < 0) continue;
      const [r, x, cRe, cIm] = [this.#r[branch]!, this.#x[branch]!, this.#iRe[bus]!, this.#iIm[bus]!];
      const [tapRe, tapIm] = [this.#tapRe[branch]!, this.#tapIm[branch]!];
      const outwards = this.#to[branch] === bus;
      const parent = outwards ? this.#from[branch]! : this.#to[branch]!;
      let [e, f] = [re[parent]!, im[parent]!];
      if (outwards) {
        const square = tapRe * tapRe + tapIm * tapIm;
        [e, f] = [(e * tapRe + f * tapIm) / square, (f * tapRe - e * tapIm) / square];
      }
      e -= r * cRe - x * cIm;
      f -= r * cIm + x * cRe;
      if (!outwards) [e, f] = [e * tapRe - f * tapIm, f * tapRe + e * tapIm];
      const size = Math.sqrt(e * e + f * f);
      // Written so that a NaN is taken up as well.
      if (!(size > COLLAPSED_PU && size < BLOWN_PU)) {
        this.worstBus = bus;
        return false;
      }
      // No bus misses more than its load, and its shunt, move with the voltage. (Math.hypot takes ten times as long.)
      const [dRe, dIm, p, q] = [e - re[bus]!, f - im[bus]!, this.loadP[bus]!, this.loadQ[bus]!];
      const moved = Math.sqrt(dRe * dRe + dIm * dIm);
      const shunt = Math.abs(this.#shuntG[bus]!) + Math.abs(this.#b[bus]!);
      const miss = moved * (Math.sqrt(p * p + q * q) / size + shunt * size);
      if (!(miss <= this.mismatchPu)) {
        this.mismatchPu = miss;
        this.worstBus = bus;
      }
      re[bus] = e;
      im[bus] = f;
    }
    return true;
  }

  #sum(): void {
    let [loss, least] = [0, Number.POSITIVE_INFINITY];
    for (let at = 0; at < this.#buses; at++) {
      const bus = this.#order[at]!;
      const branch = this.#by[bus]!;
      least = Math.min(least, this.re[bus]! ** 2 + this.im[bus]! ** 2);
      if (branch < 0) continue;
      const square = this.#iRe[bus]! ** 2 + this.#iIm[bus]! ** 2;
      this.current2[branch] = square;
      loss += this.#r[branch]! * square;
    }
    this.lossPu = loss;
    this.leastVoltage = Math.sqrt(least);
  }
}
