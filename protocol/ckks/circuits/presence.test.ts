/** Where meters are absent in a slot their ciphertext holds a zero there, which is no value. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JobShape } from "./circuit.ts";
import { bindCircuit } from "./registry.ts";

/** By slot, the values of the meters that have one; five meters have a ciphertext. */
const VALUES = [[3, 5, 10, 0, 2], [3, 5, 10], [], [7]];
const shape: JobShape = { slots: 4, meters: 5, counts: VALUES.map(({ length }) => length), maxValue: 10 };

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const mean = (values: readonly number[]): number => (values.length === 0 ? 0 : total(values) / values.length);
const squares = (values: readonly number[]): number[] => values.map((value) => value ** 2);
const variance = (values: readonly number[]): number => mean(squares(values)) - mean(values) ** 2;
const sums = VALUES.map(total);
const sumsOfSquares = VALUES.map((values) => total(squares(values)));

function opened(name: string, parameters: unknown, outputs: number[][], slots = 4) {
  const bound = bindCircuit(name, parameters, slots);
  return bound.circuit.open(bound.parameters, { ...shape, slots }, outputs);
}

function assertClose(actual: unknown, expected: readonly number[]): void {
  const values = actual as number[];
  for (const [slot, value] of expected.entries()) assert.ok(Math.abs(values[slot]! - value) < 1e-9, `slot ${slot}`);
  assert.equal(values.length, expected.length);
}

test("means, variances and covariances are over the meters that have a value in the slot", () => {
  assertClose(opened("mean", {}, [sums])["mean"], VALUES.map(mean));
  const { variance: spread, mean: middle } = opened("variance", {}, [sumsOfSquares, sums]);
  assertClose(spread, VALUES.map(variance));
  assertClose(middle, VALUES.map(mean));
  const side = sums.flatMap((sum, slot) => [sum, sumsOfSquares[slot]!]);
  assertClose(opened("variance-of-squares", {}, [side], 8)["variance"], VALUES.map(variance));
  assertClose(opened("covariance", {}, [sumsOfSquares, sums, sums])["covariance"], VALUES.map(variance));
});

test("errors are those of the slot with the fewest meters", () => {
  const { circuit, parameters } = bindCircuit("mean", {}, 4);
  assert.deepEqual(circuit.errors(parameters, shape, [0.5]), { mean: 0.5 });
  assert.deepEqual(circuit.errors(parameters, { ...shape, counts: undefined }, [0.5]), { mean: 0.1 });
});

test("ranks among counts are those of the meters that have a value: one that is absent is not the least", () => {
  const above = (level: number): number[] => VALUES.map((values) => values.filter((value) => value >= level).length);
  const counts = opened("compare", { levels: [3, 6], bound: 10 }, [above(3), above(6)]);
  assert.deepEqual(counts["bucket-0"], [2, 0, 0, 0]);
  assert.deepEqual(counts["min"], [0, 3, 0, 6]);
  assert.deepEqual(counts["max"], [6, 6, 0, 6]);
  assert.deepEqual(counts["median"], [3, 3, 0, 6]);
  // More than can be: a value was beyond the bound.
  assert.throws(() => opened("compare", { levels: [3, 6], bound: 10 }, [[5, 3, 1, 1], above(6)]), /slot 2 is no count/);
  assert.throws(
    () => opened("buckets", { edges: [0, 5] }, [[2, 3, 1, 2, 1, 0, 0, 1]], 8),
    /slot 2: expected counts of 0/,
  );
});
