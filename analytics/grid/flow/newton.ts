/**
 * Newton-Raphson in polar coordinates: finds voltages at which every bus takes and gives what is scheduled. Angle and
 * magnitude of each bus are one 2 x 2 block; a quantity that is held has an identity row, so that the pattern stays
 * whatever is held (W. F. Tinney, C. E. Hart, Power flow solution by Newton's method, IEEE Trans. PAS 86 (1967)).
 */
import { PQ, SLACK } from "../model/per-unit.ts";
import { BlockLu } from "./block-lu.ts";
import type { Ybus } from "./ybus.ts";

export interface Mismatch {
  /** Largest difference between scheduled and computed power, in p.u. */
  readonly pu: number;
  /** Position of the bus, -1 where there is no equation. */
  readonly bus: number;
  readonly quantity: "P" | "Q";
}

export interface NewtonRun {
  readonly outcome: "converged" | "iterations" | "diverged" | "singular";
  readonly iterations: number;
  readonly mismatch: Mismatch;
}

/** What a voltage cannot be in any grid that works: the iteration has left the solution's neighbourhood. */
const LEAST_PU = 1e-3;
const MOST_PU = 1e3;

export class NewtonSolver {
  /** Solution and starting point, by bus; those of buses without current stay as they are. */
  readonly vm: Float64Array;
  readonly va: Float64Array;
  /** Computed injections in p.u. */
  readonly p: Float64Array;
  readonly q: Float64Array;
  readonly #ybus: Ybus;
  readonly #alive: Uint8Array;
  readonly #lu: BlockLu;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #step: Float64Array;

  constructor(ybus: Ybus, alive: Uint8Array) {
    const n = alive.length;
    this.#ybus = ybus;
    this.#alive = alive;
    this.#lu = new BlockLu(ybus);
    this.vm = new Float64Array(n).fill(1);
    this.va = new Float64Array(n);
    this.p = new Float64Array(n);
    this.q = new Float64Array(n);
    this.#cos = new Float64Array(n);
    this.#sin = new Float64Array(n);
    this.#step = new Float64Array(2 * n);
  }

  /**
   * Iterates from `vm` and `va`. `kind` is PQ, PV or SLACK by bus; `p` and `q` are scheduled injections in p.u.
   * Converged when no bus is further than `tolerance` (p.u.) from its schedule.
   */
  run(kind: Uint8Array, p: Float64Array, q: Float64Array, tolerance: number, mostIterations: number): NewtonRun {
    for (let iterations = 0; ; iterations++) {
      this.inject();
      const mismatch = this.#mismatch(kind, p, q);
      if (mismatch.pu <= tolerance) return { outcome: "converged", iterations, mismatch };
      if (!Number.isFinite(mismatch.pu) || this.#outOfBounds()) return { outcome: "diverged", iterations, mismatch };
      if (iterations >= mostIterations) return { outcome: "iterations", iterations, mismatch };
      this.#jacobian(kind);
      if (!this.#lu.factor()) {
        return { outcome: "singular", iterations, mismatch: { ...mismatch, bus: this.#lu.singularRow } };
      }
      this.#lu.solve(this.#step);
      for (let bus = 0; bus < this.vm.length; bus++) {
        this.va[bus]! += this.#step[2 * bus]!;
        this.vm[bus]! += this.#step[2 * bus + 1]!;
      }
    }
  }

  /** Injections at the voltages at hand. */
  inject(): void {
    const { rowStart, columns, g, b } = this.#ybus;
    const { vm, va, p, q } = this;
    const [cos, sin] = [this.#cos, this.#sin];
    for (let bus = 0; bus < vm.length; bus++) {
      cos[bus] = Math.cos(va[bus]!);
      sin[bus] = Math.sin(va[bus]!);
    }
    for (let i = 0; i < vm.length; i++) {
      if (this.#alive[i] === 0) continue;
      let [real, imaginary] = [0, 0];
      for (let at = rowStart[i]!; at < rowStart[i + 1]!; at++) {
        const j = columns[at]!;
        const [e, f] = [vm[j]! * cos[j]!, vm[j]! * sin[j]!];
        real += g[at]! * e - b[at]! * f;
        imaginary += g[at]! * f + b[at]! * e;
      }
      const [e, f] = [vm[i]! * cos[i]!, vm[i]! * sin[i]!];
      p[i] = e * real + f * imaginary;
      q[i] = f * real - e * imaginary;
    }
  }

  /** Also leaves scheduled minus computed power as the right-hand side of the step. */
  #mismatch(kind: Uint8Array, p: Float64Array, q: Float64Array): Mismatch {
    let [pu, bus, quantity]: [number, number, Mismatch["quantity"]] = [0, -1, "P"];
    this.#step.fill(0);
    for (let i = 0; i < kind.length; i++) {
      if (this.#alive[i] === 0 || kind[i] === SLACK) continue;
      const dp = p[i]! - this.p[i]!;
      this.#step[2 * i] = dp;
      // Written so that a NaN is taken up as well.
      if (!(Math.abs(dp) <= pu)) [pu, bus, quantity] = [Math.abs(dp), i, "P"];
      if (kind[i] !== PQ) continue;
      const dq = q[i]! - this.q[i]!;
      this.#step[2 * i + 1] = dq;
      if (!(Math.abs(dq) <= pu)) [pu, bus, quantity] = [Math.abs(dq), i, "Q"];
    }
    return { pu, bus, quantity };
  }

  #outOfBounds(): boolean {
    return this.vm.some((v, bus) => this.#alive[bus] === 1 && !(v > LEAST_PU && v < MOST_PU));
  }

  #jacobian(kind: Uint8Array): void {
    const { rowStart, columns, g, b, diagonal } = this.#ybus;
    const { vm, p, q } = this;
    const [cos, sin] = [this.#cos, this.#sin];
    const a = this.#lu.values;
    for (let i = 0; i < vm.length; i++) {
      const holdsAngle = kind[i] === SLACK || this.#alive[i] === 0;
      const holdsVoltage = holdsAngle || kind[i] !== PQ;
      const vi = vm[i]!;
      for (let at = rowStart[i]!; at < rowStart[i + 1]!; at++) {
        const j = columns[at]!;
        const vj = vm[j]!;
        const c = cos[i]! * cos[j]! + sin[i]! * sin[j]!;
        const s = sin[i]! * cos[j]! - cos[i]! * sin[j]!;
        const along = g[at]! * c + b[at]! * s;
        const across = g[at]! * s - b[at]! * c;
        const k = 4 * at;
        a[k] = holdsAngle ? 0 : vi * vj * across;
        a[k + 1] = holdsAngle ? 0 : vi * along;
        a[k + 2] = holdsVoltage ? 0 : -vi * vj * along;
        a[k + 3] = holdsVoltage ? 0 : vi * across;
      }
      const at = diagonal[i]!;
      const k = 4 * at;
      a[k] = holdsAngle ? 1 : -q[i]! - b[at]! * vi * vi;
      a[k + 1] = holdsAngle ? 0 : p[i]! / vi + g[at]! * vi;
      a[k + 2] = holdsVoltage ? 0 : p[i]! - g[at]! * vi * vi;
      a[k + 3] = holdsVoltage ? 1 : q[i]! / vi - b[at]! * vi;
    }
  }
}
