/** Rows to learn from and to forecast: one per slot, in the units that models see. */
import { type DayInputs, FEATURES, SEQUENCE } from "./features.ts";
import type { LocalDay } from "./calendar.ts";
import { permutation } from "./shuffle.ts";

export interface Examples {
  readonly count: number;
  /** count x FEATURES.length. */
  readonly features: Float32Array;
  /** count x SEQUENCE.steps x SEQUENCE.channels. */
  readonly sequence: Float32Array;
  /** Energy by scale; NaN where it is not known (yet). */
  readonly target: Float32Array;
  /** Wh that stand for 1 in this row. */
  readonly scale: Float32Array;
}

const WIDTH = FEATURES.length;
const LENGTH = SEQUENCE.steps * SEQUENCE.channels;

function emptyExamples(count: number): Examples {
  return {
    count,
    features: new Float32Array(count * WIDTH),
    sequence: new Float32Array(count * LENGTH),
    target: new Float32Array(count),
    scale: new Float32Array(count),
  };
}

function copyRow(from: Examples, i: number, to: Examples, k: number): void {
  to.features.set(from.features.subarray(i * WIDTH, (i + 1) * WIDTH), k * WIDTH);
  to.sequence.set(from.sequence.subarray(i * LENGTH, (i + 1) * LENGTH), k * LENGTH);
  to.target[k] = from.target[i]!;
  to.scale[k] = from.scale[i]!;
}

/** The rows of a day's slots, in order: 92 to 100 for quarter hours. `energyWh` per slot; NaN is unknown. */
export function slotExamples(day: LocalDay, inputs: DayInputs, energyWh: ArrayLike<number>): Examples {
  const rows = emptyExamples(day.positions.length);
  for (const [i, p] of day.positions.entries()) {
    rows.features.set(inputs.features.subarray(p * WIDTH, (p + 1) * WIDTH), i * WIDTH);
    rows.sequence.set(inputs.sequence.subarray(p * LENGTH, (p + 1) * LENGTH), i * LENGTH);
    rows.target[i] = (energyWh[i] ?? Number.NaN) / inputs.scale;
    rows.scale[i] = inputs.scale;
  }
  return rows;
}

export function joinExamples(parts: readonly Examples[]): Examples {
  const joined = emptyExamples(parts.reduce((sum, { count }) => sum + count, 0));
  let at = 0;
  for (const part of parts) {
    joined.features.set(part.features, at * WIDTH);
    joined.sequence.set(part.sequence, at * LENGTH);
    joined.target.set(part.target, at);
    joined.scale.set(part.scale, at);
    at += part.count;
  }
  return joined;
}

/** The rows with these numbers, in this order. */
export function pickExamples(from: Examples, rows: ArrayLike<number>): Examples {
  const picked = emptyExamples(rows.length);
  for (let k = 0; k < rows.length; k += 1) copyRow(from, rows[k]!, picked, k);
  return picked;
}

/** The rows whose target is known; at most `most` of them, drawn by the seed. */
export function trainable(from: Examples, most: number = Number.POSITIVE_INFINITY, seed = 0): Examples {
  const known = Uint32Array.from(from.target.keys()).filter((i) => !Number.isNaN(from.target[i]!));
  if (known.length <= most) return known.length === from.count ? from : pickExamples(from, known);
  const order = permutation(known.length, seed).subarray(0, most).sort();
  return pickExamples(
    from,
    order.map((i) => known[i]!),
  );
}
