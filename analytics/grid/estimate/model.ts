/** What a sensor would show at given voltages, and how that changes with them: the rows of the estimator's equations. */
import type { PerUnitGrid } from "../model/per-unit.ts";
import type { Ybus } from "../flow/ybus.ts";
import type { Measurement } from "./measurement.ts";

/** A measurement's value and derivatives by angle and magnitude of the buses that it depends on. */
export interface ModelRow {
  readonly buses: Int32Array;
  readonly byAngle: Float64Array;
  readonly byMagnitude: Float64Array;
  value: number;
}

/** Below this current, in p.u., its derivative says nothing. */
const LEAST_CURRENT = 1e-6;

export class MeasurementModel {
  readonly rows: readonly ModelRow[];
  readonly #grid: PerUnitGrid;
  readonly #ybus: Ybus;
  readonly #measurements: readonly Measurement[];

  constructor(grid: PerUnitGrid, ybus: Ybus, measurements: readonly Measurement[]) {
    this.#grid = grid;
    this.#ybus = ybus;
    this.#measurements = measurements;
    this.rows = measurements.map(({ quantity, index }) => {
      const buses =
        quantity === "v"
          ? Int32Array.of(index)
          : quantity === "p" || quantity === "q"
            ? ybus.columns.slice(ybus.rowStart[index], ybus.rowStart[index + 1])
            : Int32Array.of(grid.from[index]!, grid.to[index]!);
      return { buses, byAngle: new Float64Array(buses.length), byMagnitude: new Float64Array(buses.length), value: 0 };
    });
  }

  /** Values and derivatives of all rows at these voltages. */
  evaluate(vm: Float64Array, va: Float64Array): void {
    for (let i = 0; i < this.rows.length; i++) {
      const [row, { quantity, index }] = [this.rows[i]!, this.#measurements[i]!];
      if (quantity === "v") {
        row.value = vm[index]!;
        row.byMagnitude[0] = 1;
      } else if (quantity === "p" || quantity === "q") this.#injection(row, index, quantity, vm, va);
      else this.#branch(row, index, quantity, vm, va);
    }
  }

  #injection(row: ModelRow, bus: number, quantity: "p" | "q", vm: Float64Array, va: Float64Array): void {
    const { rowStart, g, b } = this.#ybus;
    const v = vm[bus]!;
    let [value, byAngle, byMagnitude, own] = [0, 0, 0, 0];
    for (let k = 0; k < row.buses.length; k++) {
      const other = row.buses[k]!;
      const at = rowStart[bus]! + k;
      const angle = va[bus]! - va[other]!;
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      const along = g[at]! * c + b[at]! * s;
      const across = g[at]! * s - b[at]! * c;
      const [term, turn] = quantity === "p" ? [along, across] : [across, -along];
      value += v * vm[other]! * term;
      byMagnitude += vm[other]! * term;
      row.byMagnitude[k] = v * term;
      if (other === bus) own = k;
      else {
        row.byAngle[k] = v * vm[other]! * turn;
        byAngle -= row.byAngle[k]!;
      }
    }
    row.value = value;
    row.byAngle[own] = byAngle;
    row.byMagnitude[own]! += byMagnitude;
  }

  #branch(row: ModelRow, branch: number, quantity: "pf" | "qf" | "i", vm: Float64Array, va: Float64Array): void {
    const y = this.#grid.admittance;
    const k = 8 * branch;
    const [f, t] = [row.buses[0]!, row.buses[1]!];
    const [vf, vt] = [vm[f]!, vm[t]!];
    const angle = va[f]! - va[t]!;
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const along = y[k + 2]! * c + y[k + 3]! * s;
    const across = y[k + 2]! * s - y[k + 3]! * c;
    const p = y[k]! * vf * vf + vf * vt * along;
    const q = -y[k + 1]! * vf * vf + vf * vt * across;
    const [pAngle, pFrom, pTo] = [-vf * vt * across, 2 * y[k]! * vf + vt * along, vf * along];
    const [qAngle, qFrom, qTo] = [vf * vt * along, -2 * y[k + 1]! * vf + vt * across, vf * across];
    if (quantity === "pf") this.#put(row, p, pAngle, pFrom, pTo);
    else if (quantity === "qf") this.#put(row, q, qAngle, qFrom, qTo);
    else {
      const power = Math.hypot(p, q);
      const current = power / vf;
      const share = current < LEAST_CURRENT ? 0 : 1 / (power * vf);
      const own = (p * pFrom + q * qFrom) * share - (share === 0 ? 0 : current / vf);
      this.#put(row, current, (p * pAngle + q * qAngle) * share, own, (p * pTo + q * qTo) * share);
    }
  }

  #put(row: ModelRow, value: number, byAngle: number, byFrom: number, byTo: number): void {
    row.value = value;
    row.byAngle[0] = byAngle;
    row.byAngle[1] = -byAngle;
    row.byMagnitude[0] = byFrom;
    row.byMagnitude[1] = byTo;
  }
}
