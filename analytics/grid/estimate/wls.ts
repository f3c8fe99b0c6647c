/**
 * Weighted least squares: the voltages that fit all measurements best, by Gauss-Newton on the normal equations (A. Abur,
 * A. Gomez-Exposito, Power System State Estimation, chapters 2 to 5). Angle and magnitude of a bus are one block.
 */
import { BlockLu, type Pattern } from "../flow/block-lu.ts";
import { buildYbus, energised } from "../flow/ybus.ts";
import { type Grid } from "../model/grid.ts";
import { type PerUnitGrid, perUnit, SLACK } from "../model/per-unit.ts";
import type { Measurement } from "./measurement.ts";
import { MeasurementModel, type ModelRow } from "./model.ts";

/** By bus; 0 without supply. */
export interface Voltages {
  readonly vmPu: Float64Array;
  readonly vaRad: Float64Array;
}

export interface Fit extends Voltages {
  readonly converged: boolean;
  readonly iterations: number;
  /** Measured less fitted, by measurement. */
  readonly residuals: Float64Array;
  /** Sum of squares of residuals over their standard deviations, of the measurements in use. */
  readonly objective: number;
  /** Measurements in use less unknowns. */
  readonly degreesOfFreedom: number;
}

const TOLERANCE = 1e-8;
const MOST_ITERATIONS = 40;
/** Currents have no direction: they join in when the others have found the neighbourhood. */
const CURRENTS_FROM = 3;
/** Of the largest diagonal, added where observability is asked: keeps what nothing measures from dividing by 0. */
const RIDGE = 1e-10;
/** Above it a bus is told by nothing, far below it by something. */
const UNOBSERVED = 0.01;

/** What a measurement is good for: nothing, the fit, or only to be held against it. */
export const OUT = 0;
export const FITTED = 1;
export const HELD_AGAINST = 2;

export class WlsEstimator {
  readonly measurements: readonly Measurement[];
  readonly alive: Uint8Array;
  readonly #pu: PerUnitGrid;
  readonly #model: MeasurementModel;
  readonly #lu: BlockLu;
  /** For each measurement, positions of its blocks in the gain matrix, row by row. */
  readonly #places: readonly Int32Array[];
  readonly #diagonal: Int32Array;
  readonly #rhs: Float64Array;

  /** Measurements of buses and branches without supply are left out. */
  constructor(grid: Grid, measurements: readonly Measurement[]) {
    const pu = perUnit(grid);
    const alive = energised(pu);
    const ybus = buildYbus(pu, alive);
    this.#pu = pu;
    this.alive = alive;
    this.measurements = measurements.filter(({ quantity, index }) =>
      quantity === "v" || quantity === "p" || quantity === "q"
        ? alive[index] === 1
        : pu.closed[index] === 1 && alive[pu.from[index]!] === 1 && alive[pu.to[index]!] === 1,
    );
    this.#model = new MeasurementModel(pu, ybus, this.measurements);
    const pattern = gainPattern(pu.busCount, this.#model.rows);
    this.#lu = new BlockLu(pattern);
    this.#places = this.#model.rows.map(({ buses }) => {
      const places = new Int32Array(buses.length * buses.length);
      for (const [i, row] of buses.entries()) {
        for (const [k, column] of buses.entries()) places[i * buses.length + k] = placeIn(pattern, row, column);
      }
      return places;
    });
    this.#diagonal = Int32Array.from({ length: pu.busCount }, (_, bus) => placeIn(pattern, bus, bus));
    this.#rhs = new Float64Array(2 * pu.busCount);
  }

  /** Unknowns: a magnitude for each bus with supply, and an angle for each but the references. */
  get unknowns(): number {
    let count = 0;
    for (const [bus, alive] of this.alive.entries()) if (alive === 1) count += this.#isReference(bus) ? 1 : 2;
    return count;
  }

  /**
   * Positions of buses with supply whose voltage does not follow from the measurements that are FITTED, currents not
   * counted. Angle and magnitude are looked at together.
   */
  unobservable(use: Uint8Array): number[] {
    const flat = this.#flat();
    this.#model.evaluate(flat.vm, flat.va);
    const weights = Float64Array.from(this.#model.rows, ({ byAngle, byMagnitude }, i) => {
      if (use[i] !== FITTED || this.measurements[i]!.quantity === "i") return 0;
      // Every row alike, whatever its unit: what counts is whether it says anything.
      return 1 / byAngle.reduce((sum, value, k) => sum + value * value + byMagnitude[k]! ** 2, 0);
    });
    this.#gain(weights);
    const a = this.#lu.values;
    let most = 0;
    for (const place of this.#diagonal) most = Math.max(most, a[4 * place]!, a[4 * place + 3]!);
    const ridge = RIDGE * most;
    for (const place of this.#diagonal) {
      a[4 * place]! += ridge;
      a[4 * place + 3]! += ridge;
    }
    if (!this.#lu.factor()) return [...this.alive.keys()].filter((bus) => this.alive[bus] === 1);
    // The ridge times the inverse is nearly the projection on what nothing measures.
    const units = [Float64Array.of(1, 0), Float64Array.of(0, 1)] as const;
    return [...this.alive.keys()].filter((bus) => {
      if (this.alive[bus] === 0) return false;
      const [byAngle, byMagnitude] = units.map((unit) => this.#lu.quadratic(Int32Array.of(bus), unit) * ridge);
      return (!this.#isReference(bus) && byAngle! > UNOBSERVED) || byMagnitude! > UNOBSERVED;
    });
  }

  /**
   * Fits the measurements that are FITTED in `use`, from a flat start or from given voltages; `isNear` where these fit nearly the
   * same measurements.
   */
  fit(use: Uint8Array, start?: Voltages, isNear = false): Fit {
    const { vm, va } = this.#from(start);
    const residuals = new Float64Array(this.measurements.length);
    const [withoutCurrents, weights] = [true, false].map((without) => this.#weights(use, without)) as [
      Float64Array,
      Float64Array,
    ];
    let [iterations, converged] = [0, false];
    for (; iterations < MOST_ITERATIONS; iterations++) {
      this.#model.evaluate(vm, va);
      this.#takeResiduals(residuals);
      const early = !isNear && iterations < CURRENTS_FROM;
      this.#gain(early ? withoutCurrents : weights, residuals);
      if (!this.#lu.factor()) break;
      this.#lu.solve(this.#rhs);
      let largest = 0;
      for (let bus = 0; bus < vm.length; bus++) {
        va[bus]! += this.#rhs[2 * bus]!;
        vm[bus]! += this.#rhs[2 * bus + 1]!;
        largest = Math.max(largest, Math.abs(this.#rhs[2 * bus]!), Math.abs(this.#rhs[2 * bus + 1]!));
      }
      if (!(largest < 1e3)) break;
      if (largest < TOLERANCE && !early) {
        converged = true;
        iterations += 1;
        break;
      }
    }
    this.#model.evaluate(vm, va);
    this.#takeResiduals(residuals);
    // Left factored for the variances of residuals.
    this.#gain(weights, residuals);
    const factored = this.#lu.factor();
    // Where all voltages are turned round the powers stay as they are: what fits then is no state.
    const positive = vm.every((v, bus) => this.alive[bus] === 0 || v > 0);
    let [objective, count] = [0, 0];
    for (let i = 0; i < weights.length; i++) {
      if (use[i] !== FITTED) continue;
      objective += residuals[i]! ** 2 * weights[i]!;
      count += 1;
    }
    return {
      ...{ converged: converged && factored && positive, iterations, residuals, objective },
      degreesOfFreedom: count - this.unknowns,
      vmPu: vm.map((v, bus) => (this.alive[bus] === 1 ? v : 0)),
      vaRad: va.map((angle, bus) => (this.alive[bus] === 1 ? angle : 0)),
    };
  }

  /** What measurements differ by from given voltages, or from a flat start, in standard deviations. */
  deviationsFrom(start?: Voltages): Float64Array {
    const { vm, va } = this.#from(start);
    this.#model.evaluate(vm, va);
    const residuals = new Float64Array(this.measurements.length);
    this.#takeResiduals(residuals);
    return residuals.map((residual, i) => Math.min(Math.abs(residual) / this.measurements[i]!.sigma, Number.MAX_VALUE));
  }

  /**
   * Variance of a residual of the last fit over that of its measurement: from 0 (nothing else tells this value) to 1 for one
   * that was fitted, 1 and more for one that is held against the fit.
   */
  residualVariance(i: number, use: Uint8Array): number {
    const { buses, byAngle, byMagnitude } = this.#model.rows[i]!;
    const h = new Float64Array(2 * buses.length);
    for (let k = 0; k < buses.length; k++) {
      h[2 * k] = this.#isReference(buses[k]!) ? 0 : byAngle[k]!;
      h[2 * k + 1] = byMagnitude[k]!;
    }
    const fitted = this.#lu.quadratic(buses, h);
    const leverage = fitted / this.measurements[i]!.sigma ** 2;
    return use[i] === FITTED ? 1 - leverage : 1 + leverage;
  }

  #isReference(bus: number): boolean {
    return this.#pu.kind[bus] === SLACK;
  }

  #flat(): { vm: Float64Array; va: Float64Array } {
    const { kind, angle, busCount } = this.#pu;
    const reference = angle[kind.indexOf(SLACK)]!;
    const va = Float64Array.from({ length: busCount }, (_, bus) => (this.#isReference(bus) ? angle[bus]! : reference));
    return { vm: new Float64Array(busCount).fill(1), va };
  }

  /** Voltages to start from: given ones where there was supply, else flat. */
  #from(start: Voltages | undefined): { vm: Float64Array; va: Float64Array } {
    const { vm, va } = this.#flat();
    if (start !== undefined) {
      for (const [bus, v] of start.vmPu.entries()) {
        if (v <= 0 || this.alive[bus] === 0) continue;
        vm[bus] = v;
        if (!this.#isReference(bus)) va[bus] = start.vaRad[bus]!;
      }
    }
    return { vm, va };
  }

  #takeResiduals(residuals: Float64Array): void {
    const { rows } = this.#model;
    for (let i = 0; i < rows.length; i++) residuals[i] = this.measurements[i]!.value - rows[i]!.value;
  }

  #weights(use: Uint8Array, withoutCurrents: boolean): Float64Array {
    return Float64Array.from(this.measurements, ({ quantity, sigma }, i) =>
      use[i] !== FITTED || (withoutCurrents && quantity === "i") ? 0 : 1 / (sigma * sigma),
    );
  }

  /** Puts together H'WH and, with residuals, H'Wr. */
  #gain(weights: Float64Array, residuals?: Float64Array): void {
    const a = this.#lu.values.fill(0);
    const rhs = this.#rhs.fill(0);
    const { rows } = this.#model;
    for (let i = 0; i < rows.length; i++) {
      const w = weights[i]!;
      if (w === 0) continue;
      const { buses, byAngle, byMagnitude } = rows[i]!;
      const places = this.#places[i]!;
      const pull = residuals === undefined ? 0 : w * residuals[i]!;
      for (let one = 0; one < buses.length; one++) {
        const bus = buses[one]!;
        const angle = this.#isReference(bus) ? 0 : w * byAngle[one]!;
        const magnitude = w * byMagnitude[one]!;
        rhs[2 * bus]! += this.#isReference(bus) ? 0 : byAngle[one]! * pull;
        rhs[2 * bus + 1]! += byMagnitude[one]! * pull;
        for (let other = 0; other < buses.length; other++) {
          const turn = this.#isReference(buses[other]!) ? 0 : byAngle[other]!;
          const k = 4 * places[one * buses.length + other]!;
          a[k] = a[k]! + angle * turn;
          a[k + 1] = a[k + 1]! + angle * byMagnitude[other]!;
          a[k + 2] = a[k + 2]! + magnitude * turn;
          a[k + 3] = a[k + 3]! + magnitude * byMagnitude[other]!;
        }
      }
    }
    for (const [bus, place] of this.#diagonal.entries()) {
      if (this.#isReference(bus) || this.alive[bus] === 0) a[4 * place]! += 1;
      if (this.alive[bus] === 0) a[4 * place + 3]! += 1;
    }
  }
}

/** A block for every pair of buses that one measurement depends on. */
function gainPattern(buses: number, rows: readonly ModelRow[]): Pattern {
  const sets = Array.from({ length: buses }, (_, bus) => new Set([bus]));
  for (const row of rows) for (const bus of row.buses) for (const other of row.buses) sets[bus]!.add(other);
  const rowStart = new Int32Array(buses + 1);
  for (let bus = 0; bus < buses; bus++) rowStart[bus + 1] = rowStart[bus]! + sets[bus]!.size;
  const columns = new Int32Array(rowStart[buses]!);
  for (let bus = 0; bus < buses; bus++)
    columns.set(
      [...sets[bus]!].sort((a, b) => a - b),
      rowStart[bus],
    );
  return { rowStart, columns };
}

function placeIn({ rowStart, columns }: Pattern, row: number, column: number): number {
  const start = rowStart[row]!;
  return start + columns.subarray(start, rowStart[row + 1]).indexOf(column);
}
