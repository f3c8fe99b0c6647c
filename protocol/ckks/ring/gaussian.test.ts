import assert from "node:assert/strict";
import { test } from "node:test";
import { gaussianNoise, noiseFactors } from "./gaussian.ts";
import { seededBytes } from "./sample.ts";
import type { WideNoise } from "./gaussian.ts";

const SEED = new Uint8Array(32).fill(7);
const wholeOf = ({ limbs }: WideNoise, index: number): bigint =>
  limbs.reduce((sum, { weight, values }) => sum + weight * BigInt(values[index]!), 0n);

/** The share of a normal distribution below x (Abramowitz and Stegun 26.2.17, right to 1e-7). */
function normalBelow(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const poly = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * poly;
  return x < 0 ? tail : 1 - tail;
}

test("the standard deviation reached is the wanted one or slightly more, at every width", () => {
  for (let bits = 9; bits <= 140; bits += 0.25) {
    const { factors, sigma } = noiseFactors(bits);
    assert.ok(sigma >= 2 ** bits * (1 - 1e-12) && sigma < 2 ** bits * 1.42, `2^${bits}: ${sigma}`);
    if (bits > 17.1) assert.ok(sigma < 2 ** bits * 1.01, `2^${bits}: ${sigma}`);
    // Smoothing: each factor at most half the standard deviation of what is there already.
    let reached = 512;
    for (const factor of factors.slice(1)) {
      assert.ok(factor >= 1n && Number(factor) <= reached / 2);
      reached = Math.hypot(reached, 512 * Number(factor));
    }
    assert.equal(reached, sigma);
  }
  assert.throws(() => noiseFactors(8.9), /RangeError: sigmaBits: expected a number from 9 to 140, got 8.9/);
  assert.throws(() => noiseFactors(Number.NaN), /RangeError: sigmaBits/);
  assert.throws(() => noiseFactors(141), /RangeError: sigmaBits/);
});

for (const bits of [9, 20.5, 54.2, 90, 139.5]) {
  test(`noise of 2^${bits} has the Gaussian's moments, its distribution, and no empty low bits`, () => {
    const count = 40_000;
    const noise = gaussianNoise(count, bits, seededBytes(SEED, `noise ${bits}`));
    const values = Array.from({ length: count }, (_, index) => wholeOf(noise, index));
    const scaled = values.map((value) => Number(value) / noise.sigma).sort((a, b) => a - b);
    const moment = (order: number): number => scaled.reduce((sum, x) => sum + x ** order, 0) / count;
    assert.ok(Math.abs(moment(1)) < 5 / Math.sqrt(count), `mean ${moment(1)}`);
    assert.ok(Math.abs(moment(2) - 1) < 5 * Math.sqrt(2 / count), `variance ${moment(2)}`);
    assert.ok(Math.abs(moment(3)) < 5 * Math.sqrt(15 / count), `third moment ${moment(3)}`);
    assert.ok(Math.abs(moment(4) - 3) < 5 * Math.sqrt(96 / count), `fourth moment ${moment(4)}`);
    const distance = Math.max(...scaled.map((x, index) => Math.abs(normalBelow(x) - (index + 0.5) / count)));
    // Kolmogorov: beyond 2 / sqrt(count) once in 1,500; the seed is fixed. At 2^9 a step of the integers adds 0.0004.
    assert.ok(distance < 2 / Math.sqrt(count), `Kolmogorov distance ${distance}`);
    const low = new Float64Array(64);
    for (const value of values) low[Number(BigInt.asUintN(6, value))]! += 1;
    const chiSquare = low.reduce((sum, seen) => sum + (seen - count / 64) ** 2 / (count / 64), 0);
    assert.ok(Math.abs(chiSquare - 63) < 5 * Math.sqrt(126), `chi-square of low bits ${chiSquare}`);
  });
}

test("limbs fit 32 bits with room, whatever is drawn", () => {
  for (const fill of [0, 255]) {
    const { limbs } = gaussianNoise(4, 140, (count) => new Uint8Array(count).fill(fill));
    for (const { values } of limbs) assert.ok(values.every((value) => Math.abs(value) < 2 ** 29));
  }
});

test("a draw that the first 32 bits leave open is decided by 96 more", () => {
  // P(x <= 0) = 1/2 + 1/(2 * 512 * sqrt(2 pi)) = 0.5003895...: its first 32 bits are among these words.
  const border = Math.floor((0.5 + 1 / (1024 * Math.sqrt(2 * Math.PI))) * 2 ** 32);
  const open = Array.from({ length: 5 }, (_, index) => border - 2 + index).filter((word) => {
    const outcomes = [0, 255].map((more) => {
      const random = (count: number): Uint8Array => {
        const bytes = new Uint8Array(count).fill(more);
        if (count === 4) new DataView(bytes.buffer).setUint32(0, word, true);
        return bytes;
      };
      return gaussianNoise(1, 9, random).limbs[0]!.values[0]!;
    });
    return outcomes[0] === 0 && outcomes[1] === 1;
  });
  assert.equal(open.length, 1);
});
