/**
 * How the ciphertexts of a series are made and read: meters, analytics and aggregators must agree on it to the bit, so
 * it follows from the configuration alone.
 */
import { type CkksParameters, dataBits, dataLevels } from "../protocol/ckks/parameters.ts";
import { KINDS, type Kind } from "../protocol/units.ts";
import { largestNumber, numbersOf } from "./checks-ckks.ts";
import type { Config } from "./schema.ts";
import type { SeriesSettings } from "./schema-ckks.ts";

export interface SeriesShape {
  readonly name: string;
  readonly kind: Kind;
  readonly set: SeriesSettings["set"];
  readonly content: SeriesSettings["content"];
  /** Lower bounds of all buckets but the first; empty for other contents. */
  readonly levels: readonly number[];
  /** The largest number that may be encrypted. */
  readonly largest: number;
  /**
   * Only sums are formed of it: then the first half of a ciphertext is cut to the coefficients at multiples of the
   * stride, and primes that no sum needs are left out.
   */
  readonly sumsOnly: boolean;
  /** Numbers in one ciphertext of a window of so many slots. */
  numbers(slots: number): number;
  /** Primes of its ciphertexts under these parameters. */
  level(parameters: CkksParameters): number;
}

type Homomorphic = Pick<Config["homomorphic"], "series" | "maxMeters" | "maxReadingWh">;

/** Throws RangeError for a series that is not configured. */
export function seriesShape(homomorphic: Homomorphic, name: string): SeriesShape {
  const { maxMeters, maxReadingWh } = homomorphic;
  const settings = (homomorphic.series as Readonly<Record<string, SeriesSettings>>)[name];
  if (settings === undefined) throw new RangeError(`series: ${name} is not configured (homomorphic.series)`);
  const { kind, set, content, levels = [] } = settings;
  // `light` cannot multiply; squares and one-hot buckets are there to be added up.
  const sumsOnly = set === "light" || content === "squares" || content === "buckets";
  const largest = largestNumber(settings, maxReadingWh);
  return {
    ...{ name, kind: KINDS[kind], set, content, levels, sumsOnly, largest },
    numbers: (slots) => numbersOf(settings, slots),
    level: (parameters) => (sumsOnly ? levelForSums(parameters, maxMeters * largest) : dataLevels(parameters)),
  };
}

/** The fewest primes that hold a sum up to `most`, with its sign, at the scale of fresh ciphertexts. */
function levelForSums(parameters: CkksParameters, most: number): number {
  const bits = Math.log2(most) + parameters.scaleBits + 1;
  const top = dataLevels(parameters);
  for (let level = 1; level < top; level++) if (dataBits(parameters, level) >= bits) return level;
  return top;
}

/** Where the number of a bucket stands among those of a window: bucket after bucket, each with all slots. */
export function bucketPlace(bucket: number, slot: number, slots: number): number {
  return bucket * slots + slot;
}
