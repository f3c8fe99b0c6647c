/**
 * What the field and the sharing cost, against a plain BigInt version of the same steps in the same run.
 * Both versions get the same inputs and must give the same answers; the best of several rounds counts, taken in turn,
 * so that a busy machine slows both.
 */
import { bitmapOf } from "../protocol/bitmap.ts";
import { chacha20KeyWords } from "../protocol/chacha20-block.ts";
import { FIELD_PRIME } from "../protocol/field.ts";
import { elementsToBytes, multiplyBatch } from "../protocol/field-words.ts";
import { expandPolynomial, polynomialWords } from "../protocol/prf.ts";
import { ShareTotals, sumShares } from "../protocol/shamir/add.ts";
import { interpolateBatch, lagrangeWeights } from "../protocol/shamir/interpolate.ts";
import { splitBatch } from "../protocol/shamir/split.ts";
import { duration, figure, figuresTable } from "./words.ts";

/** One measurement: what is done how often per second, by us and by plain BigInt. */
interface Measurement {
  readonly name: string;
  readonly perSecond: number;
  readonly bigintPerSecond: number;
  readonly ratio: number;
}

/** A step in two versions. `count` operations are done per call; both return what they computed. */
interface Comparison {
  readonly name: string;
  readonly count: number;
  readonly ours: () => unknown;
  readonly bigint: () => unknown;
}

const N = 3;
const T = 2;
const SLOTS = 2976; // a month of quarter hours
const WARM_UP_CALLS = 50;
const KIND = 1;
const FIRST_SLOT = 1_900_000;
const KEY = Uint8Array.from({ length: 32 }, (_, index) => 7 * index + 1);
const READINGS = Array.from({ length: SLOTS }, (_, index) => (index * 7919) % 2500);

/** Measures and returns all figures; prints them as a table unless `json`. `quick` takes fewer rounds. */
export function run(options: { json: boolean; quick: boolean }): Promise<Record<string, unknown>> {
  const rounds = options.quick ? 8 : 60;
  const measurements = [multiplications(), splits(), interpolations(), maskedSums(), slotTotals()].map((comparison) =>
    measure(comparison, rounds),
  );
  const month = monthOfFleet(options.quick ? 100 : 1000);
  if (!options.json) print(measurements, month);
  return Promise.resolve({ measurements, month });
}

function measure({ name, count, ours, bigint }: Comparison, rounds: number): Measurement {
  if (digest(ours()) !== digest(bigint())) throw new Error(`${name}: the two versions disagree`);
  // Until the compiler has settled on both.
  for (let call = 0; call < WARM_UP_CALLS; call++) {
    ours();
    bigint();
  }
  let best = Number.POSITIVE_INFINITY;
  let bestBigint = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    best = Math.min(best, millisecondsOf(ours));
    bestBigint = Math.min(bestBigint, millisecondsOf(bigint));
  }
  const perSecond = Math.round((1000 * count) / best);
  const bigintPerSecond = Math.round((1000 * count) / bestBigint);
  return { name, perSecond, bigintPerSecond, ratio: Math.round((10 * bestBigint) / best) / 10 };
}

function multiplications(): Comparison {
  const count = 20_000;
  const a = BigUint64Array.from(
    { length: count },
    (_, index) => (BigInt(index + 3) * 0x1f3d_5b79_1357_9bdfn) % FIELD_PRIME,
  );
  const b = BigUint64Array.from(
    { length: count },
    (_, index) => (BigInt(index + 5) * 0x0fed_cba9_8765_4321n) % FIELD_PRIME,
  );
  const out = new BigUint64Array(count);
  const outBigint = new BigUint64Array(count);
  return {
    name: "multiplications",
    count,
    ours: () => {
      multiplyBatch(a, b, out);
      return out;
    },
    bigint: () => {
      for (let index = 0; index < count; index++) outBigint[index] = (a[index]! * b[index]!) % FIELD_PRIME;
      return outBigint;
    },
  };
}

/** Both versions draw their coefficients from the same ChaCha20 block; it is the larger part of ours. */
function splits(): Comparison {
  const buffers = (): Uint8Array[] => Array.from({ length: N }, () => new Uint8Array(16 * SLOTS));
  const out = buffers();
  const outBigint = buffers();
  const views = outBigint.map((buffer) => new DataView(buffer.buffer));
  return {
    name: `readings split (n = ${N}, t = ${T}), PRF included`,
    count: SLOTS,
    ours: () => {
      splitBatch({ key: KEY, kind: KIND, firstSlot: FIRST_SLOT, readings: READINGS, n: N, t: T, out });
      return out;
    },
    bigint: () => {
      const key = chacha20KeyWords(KEY);
      const words = polynomialWords(T);
      for (const [index, reading] of READINGS.entries()) {
        expandPolynomial(key, KIND, FIRST_SLOT + index, 0, reading, words);
        const slope = (BigInt(words.coefficients[1]!) << 32n) | BigInt(words.coefficients[0]!);
        for (const [at, view] of views.entries()) {
          view.setBigUint64(16 * index, (slope * BigInt(at + 1) + BigInt(reading)) % FIELD_PRIME);
          view.setInt32(16 * index + 8, words.tag[0]!, true);
          view.setInt32(16 * index + 12, words.tag[1]!, true);
        }
      }
      return outBigint;
    },
  };
}

function interpolations(): Comparison {
  const sums = sharesOf(READINGS).map((entries) => {
    const totals = new ShareTotals(SLOTS);
    totals.add(entries);
    return totals.toBytes();
  });
  const views = sums.map((bytes) => new DataView(bytes.buffer));
  const out = new BigUint64Array(SLOTS);
  return {
    name: `interpolations from ${N} answers (t = ${T}), spare answer checked`,
    count: SLOTS,
    ours: () => {
      const { values, inconsistent } = interpolateBatch([1, 2, 3], sums, T);
      return [values, inconsistent];
    },
    bigint: () => {
      const [atZero, atThree] = [lagrangeWeights([1, 2]), lagrangeWeights([1, 2], 3)];
      let inconsistent = 0;
      for (let index = 0; index < SLOTS; index++) {
        const [first, second, third] = views.map((view) => view.getBigUint64(8 * index));
        out[index] = (atZero[0]! * first! + atZero[1]! * second!) % FIELD_PRIME;
        if ((atThree[0]! * first! + atThree[1]! * second!) % FIELD_PRIME !== third) inconsistent++;
      }
      return [out, inconsistent];
    },
  };
}

function maskedSums(): Comparison {
  const entries = sharesOf(READINGS)[0]!;
  const view = new DataView(entries.buffer);
  const inBand = READINGS.flatMap((_, slot) => (slot % 96 >= 28 && slot % 96 < 80 ? [slot] : []));
  const mask = bitmapOf(SLOTS, inBand);
  return {
    name: "shares under a band's mask (a month of one meter)",
    count: SLOTS,
    ours: () => sumShares(entries, mask),
    bigint: () => {
      let sum = 0n;
      for (let slot = 0; slot < SLOTS; slot++) {
        if ((mask[slot >> 3]! & (1 << (slot & 7))) !== 0) sum = (sum + view.getBigUint64(16 * slot)) % FIELD_PRIME;
      }
      return sum;
    },
  };
}

function slotTotals(): Comparison {
  const meters = 10;
  const fleet = Array.from({ length: meters }, (_, meter) => sharesOf(READINGS.map((reading) => reading + meter))[0]!);
  const views = fleet.map((entries) => new DataView(entries.buffer));
  return {
    name: "shares added up slot by slot (a feeder of ten meters)",
    count: meters * SLOTS,
    ours: () => {
      const totals = new ShareTotals(SLOTS);
      for (const entries of fleet) totals.add(entries);
      return totals.elements();
    },
    bigint: () => {
      const totals = new BigUint64Array(SLOTS);
      for (const view of views) {
        for (let slot = 0; slot < SLOTS; slot++) {
          totals[slot] = (totals[slot]! + view.getBigUint64(16 * slot)) % FIELD_PRIME;
        }
      }
      return totals;
    },
  };
}

/** What one aggregator computes for a month: three bands of every meter, and the load of every slot. */
function monthOfFleet(meters: number): { meters: number; slots: number; bandsMs: number; loadsMs: number } {
  const shares = sharesOf(READINGS)[0]!;
  // One buffer per meter, as they come from a store, so that memory counts and not the cache.
  const fleet = Array.from({ length: meters }, () => shares.slice());
  const bands = [0, 1, 2].map((band) =>
    bitmapOf(
      SLOTS,
      READINGS.flatMap((_, slot) => (slot % 3 === band ? [slot] : [])),
    ),
  );
  const bandsMs = millisecondsOf(() => fleet.map((entries) => bands.map((mask) => sumShares(entries, mask))));
  const loadsMs = millisecondsOf(() => {
    const totals = new ShareTotals(SLOTS);
    for (const entries of fleet) totals.add(entries);
    return totals.toBytes();
  });
  return { meters, slots: SLOTS, bandsMs: Math.round(bandsMs), loadsMs: Math.round(loadsMs) };
}

function sharesOf(readings: readonly number[]): Uint8Array[] {
  const out = Array.from({ length: N }, () => new Uint8Array(16 * readings.length));
  splitBatch({ key: KEY, kind: KIND, firstSlot: FIRST_SLOT, readings, n: N, t: T, out });
  return out;
}

function millisecondsOf(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** Results as text, whatever their shape, to compare two versions. */
function digest(value: unknown): string {
  if (value instanceof BigUint64Array) return Buffer.from(elementsToBytes(value)).toString("hex");
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(digest).join();
  return String(value);
}

function print(measurements: readonly Measurement[], month: ReturnType<typeof monthOfFleet>): void {
  const rows = measurements.map(({ name, perSecond, bigintPerSecond, ratio }) => [
    name,
    figure(perSecond),
    figure(bigintPerSecond),
    figure(ratio, 1),
  ]);
  const { meters, slots, bandsMs, loadsMs } = month;
  process.stdout.write(`${figuresTable(["operation", "per second", "plain BigInt", "ratio"], rows)}\n`);
  process.stdout.write(
    `A month in one aggregator (${figure(meters)} meters, ${figure(slots)} slots): ` +
      `sums of three bands for every meter ${duration(bandsMs / 1_000)}, loads of all slots ${duration(loadsMs / 1_000)}\n`,
  );
}
