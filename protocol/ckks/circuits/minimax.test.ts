import assert from "node:assert/strict";
import { test } from "node:test";
import { CkksEngine } from "../seal/engine.ts";
import { decryptForTests } from "../seal/testing/decrypt.ts";
import { SMALL, testKeys } from "../seal/testing/keys.ts";
import { COMPOSITES } from "./minimax-table.ts";
import { chainOf, levelAt } from "./minimax-chain.ts";
import { evaluateOddAt, StepEngine } from "./minimax-evaluate.ts";
import {
  compositeSign,
  degreeOf,
  depthOf,
  evaluateComposite,
  evaluateOdd,
  minimaxSign,
  shortfallOf,
  slopeOdd,
} from "./minimax.ts";
import { SMALL_STRONG } from "./testing/compare-set.ts";
import { computeTable } from "./testing/minimax-write.ts";

const close = (a: number, b: number, within: number): void => assert.ok(Math.abs(a - b) <= within, `${a}, ${b}`);

test("the best line and the best cubic are those of the closed formulas", () => {
  const a = 0.25;
  const line = minimaxSign(1, a);
  // c a and c are equally far from 1.
  close(line.polynomial[0]!, 2 / (1 + a), 1e-9);
  close(line.error, (1 - a) / (1 + a), 1e-9);
  // c1 x + c3 x^3 in Chebyshev's basis: T_3 = 4 x^3 - 3 x.
  const { polynomial, error } = minimaxSign(3, a);
  const m2 = (1 + a + a * a) / 3;
  const k = 2 / (3 * m2 - 1 + 2 * m2 ** 1.5);
  close(4 * polynomial[1]!, -k, 1e-9);
  close(polynomial[0]! - 3 * polynomial[1]!, 3 * m2 * k, 1e-9);
  close(error, 1 - (3 * m2 - 1) * k, 1e-9);
});

test("errors of minimax polynomials alternate with equal size, one point more than coefficients", () => {
  for (const degree of [3, 7, 15]) {
    for (const a of [0.02, 0.1, 0.5]) {
      const { polynomial, error } = minimaxSign(degree, a);
      let signs = 0;
      let last = 0;
      for (let at = 0; at <= 20_000; at++) {
        const x = a + (1 - a) * Math.sin((Math.PI * at) / 40_000) ** 2;
        const off = evaluateOdd(polynomial, x) - 1;
        assert.ok(Math.abs(off) <= error * (1 + 1e-6));
        if (Math.abs(off) > error * (1 - 1e-4) && Math.sign(off) !== last) {
          last = Math.sign(off);
          signs++;
        }
      }
      assert.equal(signs, (degree + 1) / 2 + 1, `degree ${degree}, a ${a}`);
    }
  }
});

test("the committed compositions are those that a new computation gives", () => {
  const computed = computeTable();
  assert.equal(computed.length, COMPOSITES.length);
  for (const [at, fresh] of computed.entries()) {
    const kept = COMPOSITES[at]!;
    assert.deepEqual([fresh.bits, fresh.depth, fresh.degrees], [kept.bits, kept.depth, kept.degrees]);
    // A bisection: another rounding of a sine may end it on the other side of its last step.
    close(fresh.separation / kept.separation, 1, 2e-3);
    const again = compositeSign(kept.degrees, kept.separation);
    close(again.gain, kept.gain, 1e-9);
    for (const [stage, coefficients] of again.stages.entries()) {
      for (const [index, one] of coefficients.entries()) close(one, kept.stages[stage]![index]!, 1e-8);
    }
  }
});

test("each composition keeps its stated error beyond its separation, and stays within [-1, 1] before it", () => {
  for (const sign of COMPOSITES) {
    assert.ok(sign.error <= 2 ** -sign.bits);
    for (let at = 0; at <= 10_000; at++) {
      const x = at / 10_000;
      const value = evaluateComposite(sign, x);
      assert.ok(Math.abs(value) <= 1 + sign.error * (1 + 1e-6), `${sign.degrees.join()} at ${x}: ${value}`);
      if (x >= sign.separation) assert.ok(Math.abs(value - 1) <= sign.error * (1 + 1e-6));
      close(evaluateComposite(sign, -x), -value, 1e-12);
    }
    assert.equal(
      sign.stages.reduce((depth, stage) => depth + depthOf(degreeOf(stage)), 0),
      sign.depth,
    );
    assert.ok(shortfallOf(sign) < sign.separation / 2);
  }
});

test("slopes are those of finite differences", () => {
  for (const { stages } of COMPOSITES) {
    for (const stage of stages) {
      for (const x of [-1, -0.3, 0, 0.017, 0.5, 0.99]) {
        const h = 1e-6;
        close(slopeOdd(stage, x), (evaluateOdd(stage, x + h) - evaluateOdd(stage, x - h)) / (2 * h), 1e-5);
      }
    }
  }
});

test("refuses degrees and intervals for which there is no such polynomial", () => {
  for (const degree of [0, 2, -1, 1.5, 65]) assert.throws(() => minimaxSign(degree, 0.1), RangeError);
  for (const a of [0, -1, 1, Number.NaN]) assert.throws(() => minimaxSign(7, a), RangeError);
  assert.throws(() => compositeSign([7, 7], 0.1), /closing 3/);
});

test("a chain has steps of one or two primes, and room at its end", () => {
  const two = chainOf(SMALL_STRONG);
  assert.deepEqual(two, { base: 5, primesPerStep: 2, steps: 8, scaleBits: 70 });
  assert.equal(levelAt(two, two.steps), SMALL_STRONG.primeBits.length - 1);
  const one = chainOf({ ...SMALL_STRONG, primeBits: [60, 60, 60, 38, 60, 60, 60, 60, 60] });
  assert.deepEqual(one, { base: 4, primesPerStep: 1, steps: 4, scaleBits: 60 });
  assert.throws(() => chainOf(SMALL), /no comparison fits/);
  assert.throws(() => chainOf({ ...SMALL_STRONG, primeBits: [60, 60, 60, 38, 50, 60, 60] }), /equal primes/);
});

test("polynomials of degree 3, 7, 15 and 31 on ciphertexts end at the scale of a step, log2(degree + 1) lower", async () => {
  const keys = await testKeys(SMALL_STRONG, []);
  const engine = await CkksEngine.create(SMALL_STRONG, { insecureForTests: true });
  engine.loadKeys(keys);
  const open = decryptForTests(engine, keys.secretKey);
  const on = new StepEngine(engine, chainOf(SMALL_STRONG));
  const xs = Float64Array.from({ length: engine.slots }, (_, slot) => (2 * slot) / (engine.slots - 1) - 1);
  engine.scope(() => {
    const x = engine.encrypt(engine.encode(xs, { scale: 2 ** 70 }));
    for (const degree of [3, 7, 15, 31]) {
      const { polynomial } = minimaxSign(degree, 0.1);
      const out = evaluateOddAt(on, polynomial, x, on.chain.steps);
      assert.equal(out.level, levelAt(on.chain, on.chain.steps - depthOf(degree)));
      assert.equal(out.scale, 2 ** 70);
      for (const [slot, value] of open(out).entries()) close(value, evaluateOdd(polynomial, xs[slot]!), 1e-10);
    }
    assert.throws(() => evaluateOddAt(on, [1, 2, 3], x, on.chain.steps), /degree 3, 7, 15 or 31, got 5/);
    assert.throws(() => evaluateOddAt(on, [1, 2], x, 1), /step/);
  });
  engine.close();
});
