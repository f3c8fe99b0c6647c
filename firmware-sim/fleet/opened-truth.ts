/** What circuits give for the readings in clear: the truth that opened results are held against. */
import type { SeriesSettings } from "../../config/schema-ckks.ts";
import type { ReadingsSource } from "../loads/index.ts";
import type { Measured } from "./measured.ts";

/** Numbers by name: one for each slot of the window, or a single one. */
export type TruthValues = Readonly<Record<string, readonly number[]>>;

export interface TruthWindow {
  readonly firstSlot: number;
  readonly slots: number;
}

/** Readings of one window: a list of meters for each slot. */
export function readingsOf(
  { source, measured }: { readonly source: ReadingsSource; readonly measured: Measured },
  { firstSlot, slots }: TruthWindow,
  feeders: readonly string[],
  kind: SeriesSettings["kind"],
): number[][] {
  const group = new Set(feeders);
  return Array.from({ length: slots }, (_, i) =>
    [...source.meters.keys()].flatMap((index) => {
      const slot = firstSlot + i;
      if (!group.has(source.feederOf(index, slot))) return [];
      const energy = measured.read(index, slot);
      return energy === undefined ? [] : [kind === "import" ? energy.importWh : energy.exportWh];
    }),
  );
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Population variance; meters without a reading count as zero, as they do in a sum of ciphertexts. */
function varianceOf(values: readonly number[], meters: number): number {
  return sum(values.map((value) => value ** 2)) / meters - (sum(values) / meters) ** 2;
}

type Truth = (readings: readonly (readonly number[])[], meters: number) => TruthValues;

const TRUTHS: Readonly<Record<string, Truth>> = {
  sum: (readings) => ({ sum: readings.map(sum) }),
  profile: (readings) => ({ sum: readings.map(sum) }),
  mean: (readings, meters) => ({ mean: readings.map((values) => sum(values) / meters) }),
  total: (readings) => ({ total: [sum(readings.map(sum))] }),
  "mean-over-time": (readings) => ({ mean: [sum(readings.map(sum)) / readings.length] }),
  variance: (readings, meters) => {
    const variance = readings.map((values) => varianceOf(values, meters));
    const mean = readings.map((values) => sum(values) / meters);
    return { variance, standardDeviation: variance.map((value) => Math.sqrt(Math.max(0, value))), mean };
  },
};

/** Undefined for circuits that this does not compute: they are opened, and not compared. */
export function truthOf(circuit: string, content: SeriesSettings["content"]): Truth | undefined {
  if (content === "moments" && circuit === "variance-of-squares") return TRUTHS["variance"];
  return content === "energy" && Object.hasOwn(TRUTHS, circuit) ? TRUTHS[circuit] : undefined;
}
