import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bindCircuit } from "./registry.ts";
import { gridOf, toldErrors, toldSlots } from "./told.ts";

const { circuit: sum, parameters } = bindCircuit("sum", {}, 4);
const affine = bindCircuit("affine", { factor: 0.25, offset: 0 }, 4).circuit;
const shape = { slots: 4, meters: 10, maxValue: 1000 };

test("whole numbers come out exactly where the error is below a half: no digit of noise is told", () => {
  const noisy = [1_234.31, 0.2, -0.4, 99_999.6];
  assert.deepEqual([...toldSlots(sum, noisy, 0.4)], [1_234, 0, 0, 100_000]);
  assert.deepEqual(toldErrors(sum, parameters, shape, [0.4]), { sum: 0.4 });
});

test("other numbers keep the digits that the error leaves, and the bound allows for the rounding", () => {
  assert.deepEqual([gridOf(sum, 45), gridOf(sum, 0.7), gridOf(affine, 0.003)], [10, 1, 0.001]);
  assert.deepEqual([...toldSlots(sum, [1_234.6, -17], 45)], [1_230, -20]);
  assert.deepEqual([...toldSlots(affine, [0.123456, 7], 0.003)], [0.123, 7]);
  assert.deepEqual(toldErrors(sum, parameters, shape, [45]), { sum: 50 });
  assert.deepEqual(toldErrors(sum, parameters, shape, [0.7]), { sum: 1 });
});

test("what is told is within its bound of the truth, whatever the error is", () => {
  const value = fc.integer({ min: -1_000_000, max: 1_000_000 });
  const error = fc.double({ min: 1e-6, max: 1e5, noNaN: true });
  fc.assert(
    fc.property(value, error, fc.double({ min: -1, max: 1, noNaN: true }), (truth, most, part) => {
      for (const circuit of [sum, affine]) {
        const [told] = toldSlots(circuit, [truth + part * most], most);
        const { sum: bound } = toldErrors(sum, parameters, shape, [most]) as { sum: number };
        const allowed = circuit === sum ? bound : most + gridOf(circuit, most) / 2;
        assert.ok(Math.abs(told! - truth) <= allowed * (1 + 1e-9) + 1e-9, `${told} for ${truth}, ${allowed}`);
      }
    }),
  );
});

test("circuits whose numbers are weighted by any factor have no step", () => {
  assert.equal(affine.step, undefined);
  assert.equal(bindCircuit("weighted-sum", { weights: [1, 2, 3, 4] }, 4).circuit.step, undefined);
});
