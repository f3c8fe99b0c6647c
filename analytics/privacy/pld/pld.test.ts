import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { calibrateGaussian, calibrateVariance, gaussianEpsilonOf } from "../calibrate.ts";
import { epsilonAt, rdpVector } from "../rdp/accountant.ts";
import { discreteGaussianRdp, skellamRdp } from "../rdp/discrete.ts";
import { gaussianRdp } from "../rdp/gaussian.ts";
import { gaussianPldDelta, gaussianPldEpsilon, gaussianTotals } from "./accountant.ts";
import { gaussianDelta, gaussianEpsilon } from "./analytic-gaussian.ts";
import { composeLosses } from "./compose.ts";
import { discreteGaussianPmf, discreteLosses, skellamPmf } from "./discrete.ts";
import { gaussianLosses } from "./gaussian.ts";
import { lossDelta, lossEpsilon } from "./loss-distribution.ts";

function rdpEpsilon(noise: number, rate: number, rounds: number, delta: number): number {
  return epsilonAt(
    rdpVector((order) => gaussianRdp({ noise, rate }, order), rounds),
    delta,
  ).epsilon;
}

test("conforms to the published value, well below Renyi's", () => {
  assert.equal(gaussianPldEpsilon({ noise: 0.7, rate: 0.01 }, 120, 1e-5).toFixed(4), "2.4612");
});

test("unsampled rounds: never below the exact answer, and above it by no more than 1e-4 of it", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.6, max: 30, noNaN: true }),
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 3, max: 10 }),
      (noise, rounds, digits) => {
        const delta = 10 ** -digits;
        fc.pre(rounds / (noise * noise) < 60);
        const exact = gaussianEpsilon(noise / Math.sqrt(rounds), delta);
        const epsilon = gaussianPldEpsilon({ noise }, rounds, delta);
        assert.ok(epsilon >= exact * (1 - 1e-9) - 1e-9, `${epsilon} is below ${exact}`);
        assert.ok(epsilon <= exact * (1 + 1e-4) + 1e-4, `${epsilon} is far above ${exact}`);
      },
    ),
    { numRuns: 15, seed: 11 },
  );
});

test("sampled rounds: between a certain lower bound and Renyi's upper bound", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.7, max: 6, noNaN: true }),
      fc.double({ min: 0.005, max: 0.9, noNaN: true }),
      fc.integer({ min: 1, max: 60 }),
      (noise, rate, rounds) => {
        const epsilon = gaussianPldEpsilon({ noise, rate }, rounds, 1e-6);
        const least = gaussianPldEpsilon({ noise, rate }, rounds, 1e-6, { rounding: "down" });
        const renyi = rdpEpsilon(noise, rate, rounds, 1e-6);
        assert.ok(least <= epsilon + 1e-9, `${least} to ${epsilon}`);
        assert.ok(epsilon <= renyi + 1e-9, `${epsilon} is above ${renyi}`);
      },
    ),
    { numRuns: 10, seed: 7 },
  );
});

test("one sampled round has the closed form of amplification by sampling", () => {
  // delta' (ln(1 + q (e^eps - 1))) = q delta(eps): N. Li, W. Qardaji, D. Su, 2012; it is exact when removing.
  for (const [noise, rate] of [
    [1, 0.5],
    [0.8, 0.01],
  ] as const) {
    const losses = gaussianLosses({ noise, rate }, "remove", 0.0002);
    for (const epsilon of [0.5, 2]) {
      const sampled = Math.log1p(rate * Math.expm1(epsilon));
      const exact = rate * gaussianDelta(noise, epsilon);
      const delta = lossDelta(losses, sampled);
      assert.ok(delta >= exact * (1 - 1e-9) && delta <= exact * (1 + 2e-4), `${delta}, exactly ${exact}`);
    }
  }
});

test("a finer grid comes down to the same answer, by the square of its step", () => {
  const at = (step: number): number => gaussianPldEpsilon({ noise: 2, rate: 0.3 }, 20, 1e-5, { step });
  const [coarse, middle, fine] = [at(0.04), at(0.02), at(0.01)];
  assert.ok(coarse > middle && middle > fine);
  const ratio = (coarse - middle) / (middle - fine);
  assert.ok(ratio > 3 && ratio < 5, `${ratio}`);
});

test("every loss distribution has all its mass, and nothing negative", () => {
  for (const direction of ["remove", "add"] as const) {
    const losses = gaussianLosses({ noise: 1.1, rate: 0.2 }, direction, 0.01);
    const mass = losses.masses.reduce((sum, p) => sum + p, losses.infinite);
    assert.ok(Math.abs(mass - 1) < 1e-12 && losses.masses.every((p) => p >= 0), `${direction}: ${mass}`);
  }
  const [total] = gaussianTotals({ noise: 5 }, 40);
  assert.ok(Math.abs(total!.masses.reduce((sum, p) => sum + p, 0) - 1) < 1e-11);
  assert.ok(total!.infinite < 1e-12);
});

test("different mechanisms compose: two Gaussians are one of their joint noise", () => {
  const parts = [
    { losses: gaussianLosses({ noise: 3 }, "remove", 0.004), times: 2 },
    { losses: gaussianLosses({ noise: 5 }, "remove", 0.004), times: 7 },
  ];
  const noise = 1 / Math.sqrt(2 / 9 + 7 / 25);
  const epsilon = lossEpsilon(composeLosses(parts), 1e-5);
  const exact = gaussianEpsilon(noise, 1e-5);
  assert.ok(epsilon >= exact && epsilon < exact * 1.0005, `${epsilon}, exactly ${exact}`);
  assert.throws(() => composeLosses([]), /at least one release/);
  const other = { losses: gaussianLosses({ noise: 3 }, "remove", 0.005), times: 1 };
  assert.throws(() => composeLosses([parts[0]!, other]), /the same step in all/);
});

test("delta at epsilon and epsilon at delta are inverse, and the edges are what they should be", () => {
  const mechanism = { noise: 1.5, rate: 0.2 };
  const epsilon = gaussianPldEpsilon(mechanism, 10, 1e-5);
  assert.ok(Math.abs(gaussianPldDelta(mechanism, 10, epsilon) / 1e-5 - 1) < 1e-6);
  assert.equal(gaussianPldEpsilon(mechanism, 0, 1e-5), 0);
  assert.equal(gaussianPldEpsilon({ noise: 1, rate: 0 }, 10, 1e-5), 0);
  assert.equal(gaussianPldEpsilon({ noise: 100 }, 1, 0.5), 0);
  assert.throws(() => gaussianPldEpsilon(mechanism, 10, 1e-13), /delta: expected at least 1e-11, got 1e-13/);
  assert.equal(
    lossEpsilon({ step: 1, first: 0, masses: Float64Array.of(0.9), infinite: 0.1 }, 0.05),
    Number.POSITIVE_INFINITY,
  );
});

test("scalar integer noise: exactly by its probabilities, below the Renyi bounds", () => {
  for (const [name, pmf, curve] of [
    ["Skellam", skellamPmf(30), skellamRdp(30, { l2: 2, l1: 2, dimension: 1 })],
    ["discrete Gaussian", discreteGaussianPmf(30), discreteGaussianRdp(30, 2)],
  ] as const) {
    const total = pmf.reduce((sum, log, x) => sum + (x === 0 ? 1 : 2) * Math.exp(log), 0);
    const variance = pmf.reduce((sum, log, x) => sum + 2 * x * x * Math.exp(log), 0);
    assert.ok(Math.abs(total - 1) < 1e-12 && Math.abs(variance - 30) < 1e-6, `${name}: ${variance}`);
    const losses = discreteLosses({ pmf, shift: 2 }, "remove", 0.001);
    // One release straight from the definition: the mass by which exp(eps) Q falls short of P.
    const at = (x: number): number => Math.exp(pmf[Math.abs(x)] ?? Number.NEGATIVE_INFINITY);
    let exact = 0;
    for (let x = -200; x <= 200; x++) exact += Math.max(0, at(x - 2) - Math.exp(1) * at(x));
    assert.ok(Math.abs(lossDelta(losses, 1) / exact - 1) < 1e-6);
    const ten = lossEpsilon(composeLosses([{ losses, times: 10 }]), 1e-5);
    const renyi = epsilonAt(rdpVector(curve, 10), 1e-5).epsilon;
    const continuous = gaussianEpsilon(Math.sqrt(30 / 10) / 2, 1e-5);
    assert.ok(ten < renyi && ten > 0.97 * continuous, `${name}: ${ten}, Renyi ${renyi}, Gaussian ${continuous}`);
  }
  assert.throws(() => discreteLosses({ pmf: skellamPmf(3), shift: 0 }, "add", 0.1), /shift: expected/);
  assert.throws(() => skellamPmf(1e9), /variance: expected at most/);
});

test("calibrated noise keeps the budget, and a little less would not", () => {
  const budget = { epsilon: 2, delta: 1e-5, rate: 0.05, rounds: 200 };
  const byRdp = calibrateGaussian(budget, "rdp");
  assert.ok(gaussianEpsilonOf(byRdp, budget, "rdp") <= 2);
  assert.ok(gaussianEpsilonOf(byRdp * (1 - 2e-4), budget, "rdp") > 2);
  const byPld = calibrateGaussian(budget, "pld", 0.01);
  assert.ok(byPld < byRdp);
  assert.ok(gaussianEpsilonOf(byPld, budget, "pld") <= 2 && gaussianEpsilonOf(byPld * 0.97, budget, "pld") > 2);
  const sensitivity = { l2: 40, dimension: 64 };
  const curveOf = (variance: number) => skellamRdp(variance, sensitivity);
  const variance = calibrateVariance(curveOf, { epsilon: 8, delta: 1e-5, rounds: 30 });
  assert.ok(epsilonAt(rdpVector(curveOf(variance), 30), 1e-5).epsilon <= 8);
  assert.ok(epsilonAt(rdpVector(curveOf(variance * 0.999), 30), 1e-5).epsilon > 8);
  assert.throws(() => calibrateGaussian({ ...budget, epsilon: 0 }), /epsilon: expected a number above 0, got 0/);
});
