/**
 * How exactly opened numbers are told. Digits below the error are the noise of the opening: who combines sees them, nobody
 * else should (docs/flooding.md). Where the numbers are whole and the error is below a half, what is told is exact.
 */
import type { Circuit, JobShape } from "./circuit.ts";

/** What an opened number with this error is rounded to a multiple of. */
export function gridOf({ step }: Pick<Circuit, "step">, error: number): number {
  if (step !== undefined && error < step / 2) return step;
  const digits = 10 ** Math.floor(Math.log10(2 * error));
  return step === undefined ? digits : Math.max(step, digits);
}

/** Bounds on the error of every named result as it is told, given those of the slots as they are opened. */
export function toldErrors<P>(
  circuit: Circuit<P>,
  parameters: P,
  shape: JobShape,
  slotErrors: readonly number[],
): Readonly<Record<string, number>> {
  const told = slotErrors.map((error) => {
    const grid = gridOf(circuit, error);
    if (grid !== circuit.step) return error + grid / 2;
    // Both what is true and what is told are multiples of the grid.
    return Math.max(error, grid * Math.floor(error / grid + 1 / 2));
  });
  return circuit.errors(parameters, shape, told);
}

/** Slots as they are told. */
export function toldSlots(circuit: Pick<Circuit, "step">, slots: ArrayLike<number>, error: number): Float64Array {
  const grid = gridOf(circuit, error);
  // Dividing by a power of ten below one would leave digits of its own.
  const [factor, divisor] = grid < 1 ? [Math.round(1 / grid), 1] : [1, grid];
  return Float64Array.from(slots, (value) => (Math.round((value * factor) / divisor) * divisor) / factor + 0);
}
