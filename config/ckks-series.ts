/**
 * How the ciphertexts of a series are made and read: meters, analytics and aggregators must agree on it to the bit, so
 * it follows from the configuration alone.
 */
import type { CkksParameters } from "../protocol/ckks/parameters.ts";
import { KINDS, type Kind } from "../protocol/units.ts";
import { isForSums, largestNumber, largestReading, levelOf, numbersOf } from "./checks-ckks.ts";
import type { Config } from "./schema.ts";
import type { SeriesSettings } from "./schema-ckks.ts";

export interface SeriesShape {
  readonly name: string;
  readonly kind: Kind;
  readonly set: SeriesSettings["set"];
  readonly content: SeriesSettings["content"];
  /** Lower bounds of all buckets but the first; empty for other contents. */
  readonly levels: readonly number[];
  /** The largest reading that may be encrypted, in Wh. */
  readonly maxReadingWh: number;
  /** The largest number that may be encrypted. */
  readonly largest: number;
  /**
   * Only sums are formed of it: then the first half of a ciphertext is cut to the coefficients at multiples of the
   * stride.
   */
  readonly sumsOnly: boolean;
  /** Numbers in one ciphertext of a window of so many slots. */
  numbers(slots: number): number;
  /** Primes of its ciphertexts under these parameters. */
  level(parameters: CkksParameters): number;
}

type Homomorphic = Pick<Config["homomorphic"], "series" | "maxReadingWh">;

/** Throws RangeError for a series that is not configured. */
export function seriesShape(homomorphic: Homomorphic, name: string): SeriesShape {
  const settings = (homomorphic.series as Readonly<Record<string, SeriesSettings>>)[name];
  if (settings === undefined) throw new RangeError(`series: ${name} is not configured (homomorphic.series)`);
  const { kind, set, content, levels = [] } = settings;
  const sumsOnly = isForSums(settings);
  const maxReadingWh = largestReading(settings, homomorphic);
  const largest = largestNumber(settings, homomorphic);
  return {
    ...{ name, kind: KINDS[kind], set, content, levels, sumsOnly, maxReadingWh, largest },
    numbers: (slots) => numbersOf(settings, slots),
    level: (parameters) => levelOf(settings, parameters),
  };
}

/** Where the number of a bucket stands among those of a window: slot after slot, each with all its buckets. */
export function bucketPlace(slot: number, bucket: number, buckets: number): number {
  return slot * buckets + bucket;
}
