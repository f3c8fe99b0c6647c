import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { logUpperTail } from "../special.ts";
import { distributedGaussianRdp } from "../../../protocol/noise/rdp.ts";
import { deltaAt, epsilonAt, ORDERS, rdpVector } from "./accountant.ts";
import { discreteGaussianRdp, sampledRdp, skellamRdp } from "./discrete.ts";
import { gaussianRdp } from "./gaussian.ts";

/** A sum over points as near to each other as wanted is all an integral of something smooth on the whole line needs. */
function integrate(f: (x: number) => number, from: number, to: number, points: number): number {
  const step = (to - from) / points;
  let sum = 0;
  for (let i = 0; i <= points; i++) sum += f(from + i * step);
  return sum * step;
}

/** The divergence by its definition: the integral of Q (P/Q)^order less 1, so that nothing is lost where it is tiny. */
function integratedRdp(noise: number, rate: number, order: number, swapped = false): number {
  const scale = 1 / (noise * Math.sqrt(2 * Math.PI));
  const peak = (order * order - order) / (2 * noise * noise) + order * Math.log(rate);
  if (peak > 100) {
    // The 1 is nothing beside such a moment, and the moment is too much for a double.
    const moment = integrate(
      (x) => {
        const log = Math.log1p(rate * Math.expm1((2 * x - 1) / (2 * noise * noise)));
        return scale * Math.exp(order * log - (x * x) / (2 * noise * noise) - peak);
      },
      -14 * noise,
      order + 14 * noise,
      20_000,
    );
    return (peak + Math.log(moment)) / (order - 1);
  }
  const excess = integrate(
    (x) => {
      const plain = scale * Math.exp(-(x * x) / (2 * noise * noise));
      const log = Math.log1p(rate * Math.expm1((2 * x - 1) / (2 * noise * noise)));
      // E[(P/Q)^a - 1 - a (P/Q - 1)] is the same, as E[P/Q] = 1, and has no sign to cancel.
      const power = swapped ? Math.expm1((1 - order) * log) : Math.expm1(order * log) - order * Math.expm1(log);
      return plain * power;
    },
    -14 * noise - (swapped ? order : 0),
    order + 14 * noise,
    20_000,
  );
  return Math.log1p(excess) / (order - 1);
}

function assertClose(actual: number, expected: number, relative: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${what}: ${actual}, expected ${expected}`);
}

function sampledEpsilon(noise: number, rate: number, rounds: number): { epsilon: number; order: number } {
  return epsilonAt(
    rdpVector((order) => gaussianRdp({ noise, rate }, order), rounds),
    1e-5,
  );
}

test("the normal tail is right to the last digits, near and far", () => {
  // Computed with 30 digits.
  const reference = [
    [-3, -0.0013508099647481938],
    [0, -0.69314718055994531],
    [0.3, -0.96210281816885066],
    [1.49, -2.6866001379456813],
    [1.51, -2.7253737089955072],
    [5, -15.064998393988726],
    [30, -454.3212439563432],
  ] as const;
  for (const [x, expected] of reference) assertClose(logUpperTail(x), expected, 2e-14, `x = ${x}`);
});

test("conforms to published values of the sampled Gaussian mechanism", () => {
  assert.equal(sampledEpsilon(1.5, 0.04, 2_250).epsilon.toFixed(4), "7.3291");
  const small = sampledEpsilon(1.3, 150 / 60_000, 6_000);
  assert.deepEqual([small.epsilon.toFixed(5), small.order], ["0.72422", 19]);
  assert.equal(sampledEpsilon(0.7, 0.01, 120).epsilon.toFixed(4), "3.2392");
});

test("integer orders agree with the integral of the definition to 1e-6, down to tiny rates", () => {
  for (const noise of [0.6, 1.3, 4]) {
    for (const rate of [1e-7, 0.001, 0.2, 0.9]) {
      for (const order of [2, 3, 17, 64]) {
        const expected = integratedRdp(noise, rate, order);
        assertClose(gaussianRdp({ noise, rate }, order), expected, 1e-6, `${noise}, ${rate}, ${order}`);
      }
    }
  }
});

test("fractional orders agree with the integral, and are never below it", () => {
  for (const noise of [0.6, 1.3, 4]) {
    for (const rate of [0.001, 0.2, 0.9]) {
      for (const order of [1.1, 1.5, 2.3, 7.9, 10.9]) {
        const expected = integratedRdp(noise, rate, order);
        const actual = gaussianRdp({ noise, rate }, order);
        assert.ok(
          actual >= expected - 1e-13 && actual - expected <= 1e-6 * expected + 1e-11,
          `${noise}, ${rate}, ${order}`,
        );
      }
    }
  }
});

test("the direction that is not computed is never the worse one", () => {
  for (const noise of [0.7, 2]) {
    for (const rate of [0.01, 0.5]) {
      for (const order of [1.5, 4, 12]) {
        assert.ok(integratedRdp(noise, rate, order, true) <= gaussianRdp({ noise, rate }, order) + 1e-12);
      }
    }
  }
});

test("without sampling it is the plain Gaussian, at rate 0 nothing, and it grows with rate and order", () => {
  assert.equal(gaussianRdp({ noise: 2 }, 3), 3 / 8);
  assert.equal(gaussianRdp({ noise: 2, rate: 0 }, 3), 0);
  fc.assert(
    fc.property(
      fc.double({ min: 0.5, max: 10, noNaN: true }),
      fc.double({ min: 1e-6, max: 0.98, noNaN: true }),
      fc.double({ min: 1.1, max: 60, noNaN: true }),
      (noise, rate, order) => {
        const here = gaussianRdp({ noise, rate }, order);
        assert.ok(here >= 0 && here <= order / (2 * noise * noise) + 1e-9);
        assert.ok(gaussianRdp({ noise, rate: rate * 1.02 }, order) >= here - 1e-11);
        assert.ok(gaussianRdp({ noise, rate }, order + 0.5) >= here - 1e-10);
      },
    ),
    { numRuns: 40, seed: 5 },
  );
  assert.throws(() => gaussianRdp({ noise: 0 }, 2), /noise: expected a number above 0, got 0/);
  assert.throws(() => gaussianRdp({ noise: 1, rate: 1.1 }, 2), /rate: expected a number from 0 to 1, got 1.1/);
  assert.throws(() => gaussianRdp({ noise: 1 }, 1), /order: expected a number above 1, got 1/);
});

/** Renyi divergence of symmetric integer noise from itself moved by `shift`, from its probabilities. */
function scalarRdp(weight: (x: number) => number, shift: number, order: number): number {
  const xs = Array.from({ length: 801 }, (_, i) => i - 400);
  const total = xs.reduce((sum, x) => sum + weight(x), 0);
  const moment = xs.reduce((sum, x) => {
    const [p, q] = [weight(x - shift) / total, weight(x) / total];
    return p === 0 || q === 0 ? sum : sum + Math.exp(order * Math.log(p) + (1 - order) * Math.log(q));
  }, 0);
  return Math.log(moment) / (order - 1);
}

/** exp(-v) I_x(v), by its integral: the mean of exp(v (cos t - 1)) cos(x t) over a circle. */
function skellamWeight(variance: number): (x: number) => number {
  const known = new Map<number, number>();
  return (x) => {
    const key = Math.abs(x);
    let value = known.get(key);
    if (value === undefined) {
      value = 0;
      for (let i = 0; i < 512; i++) {
        const t = (2 * Math.PI * i) / 512;
        value += (Math.exp(variance * (Math.cos(t) - 1)) * Math.cos(key * t)) / 512;
      }
      // What is left of it far out is the rounding of the sum.
      value = value < 1e-15 ? 0 : value;
      known.set(key, value);
    }
    return value;
  };
}

test("the bounds for integer noise hold for scalars, and lie near their exact divergence", () => {
  for (const [variance, shift] of [
    [20, 1],
    [50, 3],
  ] as const) {
    const sensitivity = { l2: shift, l1: shift, dimension: 1 };
    for (const order of [2, 3, 5]) {
      const skellam = scalarRdp(skellamWeight(variance), shift, order);
      const bound = skellamRdp(variance, sensitivity)(order);
      assert.ok(skellam <= bound && bound < 1.3 * skellam, `Skellam ${variance}, ${order}: ${skellam}, ${bound}`);
      const gaussian = scalarRdp((x) => Math.exp((-x * x) / (2 * variance)), shift, order);
      assertClose(gaussian, discreteGaussianRdp(variance, shift)(order), 1e-9, "discrete Gaussian");
    }
  }
});

test("Skellam: between integers the interpolation, and the sensitivities of integer vectors", () => {
  const curve = skellamRdp(100, { l2: 3, dimension: 4 });
  assert.ok(curve(2) < curve(2.5) && curve(2.5) < curve(3));
  assertClose(1.5 * curve(2.5), (curve(2) + 2 * curve(3)) / 2, 1e-12, "interpolated");
  // min(sqrt(4) * 3, 9) = 6.
  assertClose(curve(2), (2 * 9) / 200 + Math.min((3 * 9 + 36) / 40_000, 18 / 200), 1e-12, "formula");
  assert.throws(() => skellamRdp(1, { l2: 1, dimension: 0 }), /dimension: expected/);
});

test("a sum of discrete Gaussians costs what one does and a term that wide parts make vanish", () => {
  const sensitivity = { l2: 4, dimension: 64 };
  const one = distributedGaussianRdp(100, 1, sensitivity);
  assertClose(one(8), (8 * 16) / 200, 1e-14, "one");
  const wide = distributedGaussianRdp(10, 10, sensitivity)(8);
  const narrow = distributedGaussianRdp(0.5, 200, sensitivity)(8);
  assertClose(wide, one(8), 1e-9, "wide");
  assert.ok(narrow > one(8));
  assert.throws(
    () => distributedGaussianRdp(0.4, 2, sensitivity),
    /clientVariance: expected a number from 0.5 on, got 0.4/,
  );
});

test("sampling any mechanism costs no more than not sampling it, and no less than the sampled Gaussian", () => {
  const plain = (order: number): number => gaussianRdp({ noise: 3 }, order);
  for (const rate of [0.001, 0.05, 0.5]) {
    const sampled = sampledRdp(plain, rate);
    for (const order of [2, 5, 2.5, 30]) {
      assert.ok(sampled(order) <= plain(order) * (1 + 1e-12));
      assert.ok(sampled(order) >= gaussianRdp({ noise: 3, rate }, order) * (1 - 1e-9));
    }
  }
  assert.equal(sampledRdp(plain, 0)(2), 0);
  assert.equal(sampledRdp(plain, 1), plain);
});

test("epsilon and delta are each other's inverse; nothing spent is nothing, and what is no cost is refused", () => {
  const vector = rdpVector((order) => gaussianRdp({ noise: 4, rate: 0.1 }, order), 100);
  fc.assert(
    fc.property(fc.double({ min: 1e-12, max: 1e-2, noNaN: true }), (delta) => {
      const { epsilon } = epsilonAt(vector, delta);
      assertClose(deltaAt(vector, epsilon).delta, delta, 1e-9, "delta");
    }),
    { numRuns: 30 },
  );
  assert.equal(
    epsilonAt(
      rdpVector(() => 1, 0),
      1e-5,
    ).epsilon,
    0,
  );
  assert.throws(() => epsilonAt(vector, 0), /delta: expected a number between 0 and 1, got 0/);
  assert.throws(() => epsilonAt({ orders: [2], rdp: [Number.NaN] }, 0.1), /rdp: expected numbers from 0 on, got NaN/);
  assert.ok(ORDERS.every((order, i) => order > 1 && order > (ORDERS[i - 1] ?? 1)));
});
