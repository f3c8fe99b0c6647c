/**
 * Splits readings into Shamir shares: f(0) is the reading, aggregator x gets f(x), f has degree t - 1.
 * Runs on the meter only. The coefficients come from the PRF of prf.ts, so a retry gives the same shares.
 */
import { chacha20KeyWords } from "../chacha20-block.ts";
import { add, assertElement, type FieldElement, multiply } from "../field.ts";
import { expandPolynomial, polynomialWords } from "../prf.ts";
import { assertSlot } from "../slots.ts";
import { kindName } from "../units.ts";
import { assertSharing, ENTRY_BYTES, viewOf } from "./share-entries.ts";

const TWO_32 = 2 ** 32;
const TWO_29 = 2 ** 29;
const HIGH_MASK = 0x1fff_ffff;

/** What `splitBatch` takes: readings of consecutive slots, and one output buffer per aggregator. */
export interface SplitBatch {
  /** The device-only polynomial key, 32 bytes. */
  readonly key: Uint8Array;
  readonly kind: number;
  /** The slot of the first reading; the others follow slot by slot. */
  readonly firstSlot: number;
  /** Integers from 0 to 2^53 - 1. */
  readonly readings: ArrayLike<number>;
  readonly n: number;
  readonly t: number;
  /** out[x - 1] takes the entries of aggregator x: ENTRY_BYTES for each reading, share then tag. */
  readonly out: readonly Uint8Array[];
}

/**
 * The shares f(1) to f(n) of one reading, given the coefficients c1 to c(t-1).
 * Throws RangeError on values outside the field and unless t <= n <= 7.
 */
export function split(reading: FieldElement, coefficients: readonly FieldElement[], n: number): FieldElement[] {
  assertSharing(n, coefficients.length + 1);
  assertElement("reading", reading);
  for (const [index, value] of coefficients.entries()) assertElement(`coefficients[${index}]`, value);
  return Array.from({ length: n }, (_, index) => {
    const x = BigInt(index + 1);
    return add(
      reading,
      multiply(
        x,
        coefficients.reduceRight((sum, value) => add(multiply(sum, x), value), 0n),
      ),
    );
  });
}

/**
 * Splits a batch into the plain texts of its share messages. Allocates per batch, not per reading.
 * Throws RangeError, before anything is written, on a wrong key length, kind, slot, n, t, output or reading.
 */
export function splitBatch(batch: SplitBatch): void {
  const { kind, firstSlot, readings, n, t, out } = batch;
  assertBatch(batch);
  const key = chacha20KeyWords(batch.key);
  const views = out.map(viewOf);
  const words = polynomialWords(t);
  const { coefficients, tag } = words;
  const degree = t - 1;
  for (let index = 0; index < readings.length; index++) {
    const reading = readings[index]!;
    const readingHigh = Math.floor(reading / TWO_32);
    const readingLow = reading - readingHigh * TWO_32;
    expandPolynomial(key, kind, firstSlot + index, readingHigh, readingLow, words);
    const tag0 = tag[0]!;
    const tag1 = tag[1]!;
    const at = ENTRY_BYTES * index;
    for (let x = 1; x <= n; x++) {
      // Horner's rule, from the highest coefficient down to the reading. As x <= 7 a product never exceeds 35 bits per
      // word, so doubles hold it exactly.
      let low = degree > 0 ? coefficients[2 * degree - 2]! : readingLow;
      let high = degree > 0 ? coefficients[2 * degree - 1]! : readingHigh;
      for (let word = 2 * degree - 4; word >= -2; word -= 2) {
        const addLow = word >= 0 ? coefficients[word]! : readingLow;
        const addHigh = word >= 0 ? coefficients[word + 1]! : readingHigh;
        const wideLow = low * x + addLow;
        const wideHigh = high * x + addHigh + Math.floor(wideLow / TWO_32);
        // 2^61 = 1 modulo p: the bits above the 61st are added at the bottom.
        low = (wideLow >>> 0) + Math.floor(wideHigh / TWO_29);
        high = wideHigh & HIGH_MASK;
        if (low >= TWO_32) {
          low -= TWO_32;
          high += 1;
        }
      }
      // high may be 2^29 after the last carry (then low is tiny), or the value may be p itself.
      if (high >= HIGH_MASK && (high > HIGH_MASK || low === TWO_32 - 1)) {
        low = high > HIGH_MASK ? low + 1 : 0;
        high = 0;
      }
      const view = views[x - 1]!;
      view.setUint32(at, high);
      view.setUint32(at + 4, low);
      view.setInt32(at + 8, tag0, true);
      view.setInt32(at + 12, tag1, true);
    }
  }
}

function assertBatch({ kind, firstSlot, readings, n, t, out }: SplitBatch): void {
  kindName(kind);
  assertSharing(n, t);
  assertSlot(firstSlot);
  if (readings.length > 0) assertSlot(firstSlot + readings.length - 1);
  if (out.length !== n) throw new RangeError(`out: expected ${n} buffers, got ${out.length}`);
  for (const [index, buffer] of out.entries()) {
    const expected = ENTRY_BYTES * readings.length;
    if (buffer.length !== expected) {
      throw new RangeError(`out[${index}]: expected ${expected} bytes, got ${buffer.length}`);
    }
  }
  for (let index = 0; index < readings.length; index++) {
    const reading = readings[index]!;
    if (!Number.isSafeInteger(reading) || reading < 0) {
      // The value stays out of the message: it is a reading.
      throw new RangeError(`readings[${index}]: expected an integer from 0 to 2^53 - 1`);
    }
  }
}
