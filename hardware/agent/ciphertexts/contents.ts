/** From a window's readings to the numbers of a ciphertext: one rule for each content of a series. Pure. */
import { bucketPlace, type SeriesShape } from "../../../config/ckks-series.ts";
import { bitmapOf } from "../../../protocol/bitmap.ts";

/** Watt-hours for each slot of a window; undefined where the slot has no value that may enter. */
export type WindowReadings = readonly (number | undefined)[];

/** A reading is larger than what the sums have room for. Nothing of its window is encrypted: it must not wrap. */
export class TooLargeError extends Error {
  readonly slot: number;

  constructor(slot: number, most: number) {
    super(`slot ${slot} has more than ${most} Wh (maxReadingWh of the series or of homomorphic, meter.maxIntervalWh)`);
    this.name = "TooLargeError";
    this.slot = slot;
  }
}

/** The slots with values, as a bitmap over the window; a peak stands in the first slot alone. */
export function presenceOf({ content }: Pick<SeriesShape, "content">, readings: WindowReadings): Uint8Array {
  const slots = content === "peak" ? [0] : [...readings.keys()];
  const present = slots.filter((slot) => readings[slot] !== undefined);
  return bitmapOf(readings.length, present);
}

/**
 * The numbers to encrypt; slots without a value are zero. Throws TooLargeError where a reading is above `mostWh` or the
 * series' own largest; the error tells the slot, counted from the window's first, and never the reading.
 */
export function numbersOf(shape: SeriesShape, readings: WindowReadings, mostWh: number): Float64Array {
  const numbers = new Float64Array(shape.numbers(readings.length));
  const most = Math.min(mostWh, shape.maxReadingWh);
  let peak = 0;
  for (const [slot, reading] of readings.entries()) {
    if (reading === undefined) continue;
    if (reading > most) throw new TooLargeError(slot, most);
    peak = Math.max(peak, reading);
    if (shape.content === "buckets") {
      const bucket = shape.levels.filter((level) => reading >= level).length;
      numbers[bucketPlace(slot, bucket, shape.levels.length + 1)] = 1;
    } else if (shape.content === "moments") numbers.set([reading, reading ** 2], 2 * slot);
    else if (shape.content !== "peak") numbers[slot] = shape.content === "squares" ? reading ** 2 : reading;
  }
  // In one slot only: between sums over slots with other meters, one meter's peak would be the difference.
  if (shape.content === "peak" && readings[0] !== undefined) numbers[0] = peak;
  return numbers;
}
