import assert from "node:assert/strict";
import { test } from "node:test";
import { seededBytes } from "../ckks/ring/sample.ts";
import { bernoulli, bernoulliDouble, bernoulliExp, bernoulliExpBig } from "./bernoulli.ts";
import { RandomBits } from "./bits.ts";
import { DiscreteGaussian, discreteLaplace } from "./gaussian.ts";
import { Poisson, Skellam } from "./poisson.ts";
import { integerSquareRoot, rationalAtLeast, toNumber } from "./rational.ts";
import { chiSquare } from "./testing/chi-square.ts";
import { enumerate } from "./testing/enumerate.ts";

const DRAWS = 60_000;

function seeded(label: string): RandomBits {
  return new RandomBits(seededBytes(new Uint8Array(32).fill(7), label));
}

function draw(count: number, sampler: () => number): number[] {
  return Array.from({ length: count }, sampler);
}

/** Weights of the integers from -reach to reach, made to add up to 1. */
function normalised(reach: number, weight: (x: number) => number): Map<number, number> {
  const values = Array.from({ length: 2 * reach + 1 }, (_, i) => i - reach);
  const total = values.reduce((sum, x) => sum + weight(x), 0);
  return new Map(values.map((x) => [x, weight(x) / total]));
}

function assertFits(draws: readonly number[], probability: ReadonlyMap<number, number>): void {
  const { statistic, freedom, critical } = chiSquare(draws, probability);
  assert.ok(freedom >= 3 && statistic < critical, `chi-square ${statistic}, ${freedom} degrees, critical ${critical}`);
}

function poissonPmf(mean: number, reach: number): number[] {
  const pmf = [Math.exp(-mean)];
  for (let k = 1; k <= reach; k++) pmf.push((pmf[k - 1]! * mean) / k);
  return pmf;
}

function skellamPmf(variance: number): Map<number, number> {
  const poisson = poissonPmf(variance / 2, 60);
  const at = (x: number): number => poisson.reduce((sum, p, k) => sum + p * (poisson[k + x] ?? 0), 0);
  return new Map(Array.from({ length: 61 }, (_, i) => [i - 30, at(Math.abs(i - 30))]));
}

test("uniform integers: each value has as many words as the next, whatever the bound", () => {
  for (const bound of [1, 2, 3, 5, 7, 8]) {
    // The top 3 bits of a word decide: eight words stand for all.
    const counts = new Map<number, number>();
    for (let top = 0; top < 8; top++) {
      const script = [top * 2 ** 29, 0];
      const bits = new RandomBits(() => {
        const bytes = Buffer.alloc(4);
        const word = script.shift();
        if (word === undefined) throw new Error("a further word");
        bytes.writeUInt32LE(word);
        return bytes;
      });
      const value = bits.below(bound);
      const rejected = script.length === 0;
      if (!rejected) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    if (bound > 1) assert.equal(new Set(counts.values()).size, 1, `bound ${bound}`);
    assert.equal(counts.size, bound);
  }
  const bits = seeded("uniform");
  for (const bound of [10, 2 ** 32, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER]) {
    const mean = draw(4_000, () => bits.below(bound)).reduce((sum, x) => sum + x / (bound - 1), 0) / 4_000;
    assert.ok(Math.abs(mean - 0.5) < 5 / Math.sqrt(12 * 4_000), `bound ${bound}: mean ${mean}`);
    assert.ok(bits.bigBelow(BigInt(bound)) < BigInt(bound));
  }
  assert.throws(() => bits.below(0), /bound: expected an integer from 1 to 2\^53 - 1, got 0/);
  assert.throws(() => bits.below(2 ** 53), /bound: expected/);
});

test("a drawn block is wiped as it is used", () => {
  const block = new Uint8Array(8).fill(255);
  const bits = new RandomBits(() => block);
  assert.equal(bits.word(), 2 ** 32 - 1);
  assert.deepEqual([...block], [0, 0, 0, 0, 255, 255, 255, 255]);
});

test("coins have exactly their probabilities: all outcomes of their draws are gone through", () => {
  for (const [numerator, denominator] of [
    [0, 1],
    [1, 3],
    [2, 3],
    [3, 3],
    [5, 2],
    [7, 3],
  ] as const) {
    for (const coin of [
      (bits: RandomBits) => bernoulliExp(numerator, denominator, bits),
      (bits: RandomBits) => bernoulliExpBig(BigInt(numerator), BigInt(denominator), bits),
    ]) {
      const { found, open } = enumerate(coin, 1e-9);
      assert.ok(open < 1e-6);
      assert.ok(Math.abs((found.get(true) ?? 0) - Math.exp(-numerator / denominator)) < 1e-11 + open);
    }
  }
  assert.equal(
    enumerate((bits) => bernoulli(2, 5, bits), 1e-12)
      .found.get(true)
      ?.toFixed(12),
    "0.400000000000",
  );
});

test("a double as a probability is compared digit by digit, to its last", () => {
  const words = (list: number[]): RandomBits => {
    const bytes = new Uint8Array(Uint32Array.from(list).buffer);
    return new RandomBits(() => bytes.slice());
  };
  const third = 1 / 3; // 0x0.55555555555554 in hexadecimal digits
  assert.equal(bernoulliDouble(third, words([0x55555554])), true);
  assert.equal(bernoulliDouble(third, words([0x55555556])), false);
  assert.equal(bernoulliDouble(third, words([0x55555555, 0x555553ff])), true);
  assert.equal(bernoulliDouble(third, words([0x55555555, 0x55555400, 0])), false);
  assert.equal(bernoulliDouble(2 ** -64, words([0, 0])), true);
  assert.equal(bernoulliDouble(2 ** -64, words([0, 1])), false);
  assert.equal(bernoulliDouble(0, words([0])), false);
  assert.equal(bernoulliDouble(1, words([2 ** 32 - 1])), true);
  assert.throws(() => bernoulliDouble(1.5, words([0])), /probability: expected a number from 0 to 1, got 1.5/);
});

test("discrete Laplace and Gaussian have exactly their distributions, by all outcomes of their draws", () => {
  const laplace = enumerate((bits) => discreteLaplace(2, bits), 1e-5);
  const variance = { numerator: 1n, denominator: 2n };
  const gaussian = enumerate((bits) => new DiscreteGaussian(variance, bits).draw(), 1e-5);
  for (const [{ found, open }, weight] of [
    [laplace, (x: number) => Math.exp(-Math.abs(x) / 2)],
    [gaussian, (x: number) => Math.exp(-x * x)],
  ] as const) {
    assert.ok(open < 0.4, `open: ${open}`);
    for (const [x, p] of normalised(60, weight)) {
      const reached = found.get(x) ?? 0;
      assert.ok(reached <= p + 1e-12 && reached + open >= p - 1e-12, `${x}: ${reached} of ${p}, ${open} open`);
    }
  }
});

test("discrete Gaussian draws fit their distribution, with safe integers and beyond", () => {
  for (const variance of [rationalAtLeast("variance", 0.3), { numerator: 25n, denominator: 1n }]) {
    const gaussian = new DiscreteGaussian(variance, seeded("gaussian"));
    const sigma2 = toNumber(variance);
    assertFits(
      draw(DRAWS, () => gaussian.draw()),
      normalised(60, (x) => Math.exp((-x * x) / (2 * sigma2))),
    );
  }
  // The same distribution, written with parts too large for doubles.
  const wide = new DiscreteGaussian({ numerator: 25n * 10n ** 30n, denominator: 10n ** 30n }, seeded("wide"));
  assertFits(
    draw(DRAWS / 4, () => wide.draw()),
    normalised(60, (x) => Math.exp((-x * x) / 50)),
  );
  const bits = seeded("x");
  assert.throws(() => new DiscreteGaussian({ numerator: 0n, denominator: 1n }, bits), /variance: expected a positive/);
  assert.throws(() => new DiscreteGaussian({ numerator: 1n << 90n, denominator: 1n }, bits), /less than 2\^80/);
  assert.throws(() => discreteLaplace(1.5, bits), /scale: expected an integer/);
});

test("discrete Laplace draws fit their distribution", () => {
  const bits = seeded("laplace");
  assertFits(
    draw(DRAWS, () => discreteLaplace(3, bits)),
    normalised(200, (x) => Math.exp(-Math.abs(x) / 3)),
  );
});

test("Poisson and Skellam draws fit their distributions, however few bits decide at first", () => {
  for (const fastBits of [52, 3]) {
    const poisson = new Poisson({ numerator: 7n, denominator: 2n }, seeded("poisson"), { fastBits });
    assertFits(
      draw(fastBits === 52 ? DRAWS : DRAWS / 12, () => poisson.draw()),
      new Map(poissonPmf(3.5, 60).entries()),
    );
  }
  const skellam = new Skellam({ numerator: 9n, denominator: 2n }, seeded("skellam"));
  assertFits(
    draw(DRAWS, () => skellam.draw()),
    skellamPmf(4.5),
  );
  assert.throws(
    () => new Poisson({ numerator: 1n << 31n, denominator: 1n }, seeded("x")),
    /mean: expected at most 2\^30/,
  );
});

test("a Poisson draw turns from k to k + 1 at the very bit where F(k) lies", () => {
  // F(k) to 300 bits: partial sums of mean^j / j! over the whole series.
  const [mean, scale] = [9n, 1n << 300n];
  const terms = [scale];
  for (let j = 1n; j < 200n; j++) terms.push((terms.at(-1)! * mean) / j);
  const total = terms.reduce((sum, term) => sum + term, 0n);
  /** U that begins with these 116 bits. */
  class From extends RandomBits {
    readonly start: bigint;
    constructor(start: bigint) {
      super(() => new Uint8Array(4));
      this.start = start;
    }
    override bits(): number {
      return Number(this.start >> 64n);
    }
    override bigBits(): bigint {
      return this.start & ((1n << 64n) - 1n);
    }
  }
  let sum = 0n;
  for (let k = 0; k < 30; k++) {
    sum += terms[k]!;
    const at = (sum << 116n) / total; // F(k) lies inside this last place
    const poisson = (start: bigint): number =>
      new Poisson({ numerator: mean, denominator: 1n }, new From(start)).draw();
    assert.equal(poisson(at - 1n), k);
    assert.equal(poisson(at + 1n), k + 1);
  }
});

test("large Skellam noise has its variance and no mean, and neighbours differ", () => {
  const skellam = new Skellam(rationalAtLeast("variance", 1e7), seeded("large"));
  const draws = draw(20_000, () => skellam.draw());
  const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
  const variance = draws.reduce((sum, x) => sum + x * x, 0) / draws.length;
  assert.ok(Math.abs(mean) < 4 * Math.sqrt(1e7 / draws.length));
  assert.ok(Math.abs(variance / 1e7 - 1) < 4 * Math.sqrt(2 / draws.length));
  assert.ok(new Set(draws.map((x) => Math.abs(x) % 7)).size === 7);
});

test("fractions are never below the double that they stand for", () => {
  for (const value of [1e-9, 0.3, 1, 1234.567, 2 ** 40 + 0.1]) {
    const number = toNumber(rationalAtLeast("variance", value));
    assert.ok(number >= value && number - value <= 2 ** -20, `${value}: ${number}`);
  }
  assert.throws(() => rationalAtLeast("variance", 0), /variance: expected a number above 0/);
  assert.throws(() => rationalAtLeast("variance", Number.NaN), /got NaN/);
  for (let root = 0n; root < 40n; root++) {
    for (const value of [root * root, root * root + 2n * root]) assert.equal(integerSquareRoot(value), root);
  }
  assert.equal(integerSquareRoot(10n ** 40n - 1n), 10n ** 20n - 1n);
});
