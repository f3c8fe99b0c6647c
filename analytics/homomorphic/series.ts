/** What the ciphertexts of a configured series look like: which set, how many numbers, how packed. */
import { largestNumber, numbersOf } from "../../config/checks-ckks.ts";
import type { Config } from "../../config/index.ts";
import { parametersOf, type SeriesSettings, type SetName } from "../../config/schema-ckks.ts";
import { strideOf } from "../../protocol/ckks/packed.ts";
import { type CkksParameters, dataLevels } from "../../protocol/ckks/parameters.ts";

export interface SeriesShape {
  readonly set: SetName;
  readonly parameters: CkksParameters;
  /** Primes of a fresh ciphertext. */
  readonly level: number;
  /** Only the light set serves sums alone, so that a part of the first half is enough. */
  readonly sumsOnly: boolean;
  readonly maxValue: number;
  readonly unit: string;
  /** Numbers in one ciphertext, for each slot of the window. */
  readonly perSlot: number;
}

/** Undefined for a series that is not configured. */
export function seriesShape({ homomorphic }: Config, name: string): SeriesShape | undefined {
  const series = Object.hasOwn(homomorphic.series, name)
    ? (homomorphic.series[name] as SeriesSettings | undefined)
    : undefined;
  if (series === undefined) return undefined;
  const parameters = parametersOf(homomorphic, series.set);
  return {
    set: series.set,
    parameters,
    level: dataLevels(parameters),
    sumsOnly: series.set === "light",
    maxValue: largestNumber(series, homomorphic.maxReadingWh),
    unit: series.content === "squares" ? "Wh²" : series.content === "buckets" ? "meters" : "Wh",
    perSlot: numbersOf(series, 1),
  };
}

/** The stride that a meter packs a window with. */
export function strideFor({ sumsOnly, parameters, perSlot }: SeriesShape, windowSlots: number): number {
  return sumsOnly ? strideOf(windowSlots * perSlot, parameters.degree) : 1;
}
