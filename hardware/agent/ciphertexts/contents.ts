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

/** The slots with values, as a bitmap over the window. */
export function presenceOf(readings: WindowReadings): Uint8Array {
  const present = [...readings.keys()].filter((slot) => readings[slot] !== undefined);
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
    else numbers[slot] = shape.content === "squares" ? reading ** 2 : reading;
  }
  if (shape.content === "peak") {
    for (const [slot, reading] of readings.entries()) if (reading !== undefined) numbers[slot] = peak;
  }
  return numbers;
}
