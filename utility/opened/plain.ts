/**
 * What linear circuits give for loads in clear: the other side of the comparison between shares and ciphertexts. One
 * load for each slot of the window, the sum over the job's feeders.
 */

export interface PlainCircuit {
  /** Each number depends on the load of its own slot alone, so that a window with some loads can be compared. */
  readonly slotwise: boolean;
  readonly values: (
    loads: readonly number[],
    /** With a value in that slot; 1 where there is none. */
    metersIn: (slot: number) => number,
    parameters: Readonly<Record<string, unknown>>,
  ) => Readonly<Record<string, readonly number[]>>;
}

const total = (loads: readonly number[]): number => loads.reduce((sum, load) => sum + load, 0);
const listOf = (value: unknown): readonly number[] => value as readonly number[];

const CIRCUITS: Readonly<Record<string, PlainCircuit>> = {
  sum: { slotwise: true, values: (loads) => ({ sum: loads }) },
  profile: { slotwise: true, values: (loads) => ({ sum: loads }) },
  mean: { slotwise: true, values: (loads, metersIn) => ({ mean: loads.map((load, slot) => load / metersIn(slot)) }) },
  affine: {
    slotwise: true,
    values: (loads, _, { factor, offset }) => ({
      values: loads.map((load) => load * (factor as number) + (offset as number)),
    }),
  },
  "affine-vector": {
    slotwise: true,
    values: (loads, _, { factors, offsets }) => ({
      values: loads.map((load, i) => load * listOf(factors)[i]! + listOf(offsets)[i]!),
    }),
  },
  total: { slotwise: false, values: (loads) => ({ total: [total(loads)] }) },
  "mean-over-time": { slotwise: false, values: (loads) => ({ mean: [total(loads) / loads.length] }) },
  "weighted-sum": {
    slotwise: false,
    values: (loads, _, { weights }) => ({ weightedSum: [total(loads.map((load, i) => load * listOf(weights)[i]!))] }),
  },
  "moving-average": {
    slotwise: false,
    values: (loads, _, { window }) => ({ averages: movingAverage(loads, window as number) }),
  },
  trend: { slotwise: false, values: trend },
};

export const PLAIN_CIRCUITS: readonly string[] = Object.keys(CIRCUITS);

/** Undefined for circuits whose numbers the loads do not tell. */
export function plainCircuit(name: string): PlainCircuit | undefined {
  return Object.hasOwn(CIRCUITS, name) ? CIRCUITS[name] : undefined;
}

function movingAverage(loads: readonly number[], window: number): number[] {
  return Array.from({ length: loads.length - window + 1 }, (_, at) => total(loads.slice(at, at + window)) / window);
}

/** Least squares over the slots' numbers from 0 on. */
function trend(loads: readonly number[]): Record<string, number[]> {
  const middle = (loads.length - 1) / 2;
  const spread = total(loads.map((_, slot) => (slot - middle) ** 2));
  const slope = total(loads.map((load, slot) => load * (slot - middle))) / spread;
  return { slope: [slope], intercept: [total(loads) / loads.length - slope * middle] };
}
