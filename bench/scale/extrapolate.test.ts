/** The arithmetic of docs/scaling.md. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { growthExponent, needsOf, slopeOf, type UnitCosts } from "./extrapolate.ts";

const COSTS: UnitCosts = {
  ...{ n: 3, slotSeconds: 900, liveMicroseconds: 62, shareMessageBytes: 60, storedShareBytes: 17 },
  ...{ connectionBytes: 50_000, meterBytes: 1_000, serverBytes: 4e8, billSeconds: 0.0033, loadSeconds: 0.002 },
  ...{ metersPerFeeder: 50, connectionsPerNode: 20_000 },
};

test("a hundred thousand meters are 111 readings a second, and each need is its cost times its number", () => {
  const needs = needsOf(100_000, COSTS);
  assert.equal(Math.round(needs.readingsPerSecond), 111);
  assert.equal(Math.round(needs.messagesPerSecond), 667);
  assert.equal(Math.round(needs.shareBytesPerSecond), 20_000);
  assert.ok(Math.abs(needs.intakeCores - 0.00689) < 1e-5);
  assert.ok(Math.abs(needs.loadCores - 0.00444) < 1e-5);
  assert.equal(needs.memoryBytes, 4e8 + 100_000 * 53_000);
  assert.equal(needs.storageBytesPerYear, 100_000 * 35_040 * 17);
  assert.deepEqual([Math.round(needs.closeCpuSeconds), Math.round(needs.closeSecondsOnTwoCores)], [330, 165]);
  assert.deepEqual([needs.brokerNodes, needsOf(100_001, COSTS).brokerNodes], [5, 6]);
});

test("growth exponents are those of powers, and slopes those of lines", () => {
  const sizes = [100, 1_000, 10_000];
  for (const k of [0, 0.5, 1, 2]) {
    assert.ok(Math.abs(growthExponent(sizes.map((x) => [x, 7 * x ** k])) - k) < 1e-12);
  }
  const { slope, base } = slopeOf(sizes.map((x) => [x, 40 + 3 * x]));
  assert.ok(Math.abs(slope - 3) < 1e-9 && Math.abs(base - 40) < 1e-6);
  assert.throws(
    () =>
      growthExponent([
        [5, 1],
        [5, 2],
      ]),
    /two different sizes/,
  );
  assert.throws(
    () =>
      growthExponent([
        [5, 1],
        [6, 0],
      ]),
    /positive/,
  );
  assert.throws(() => slopeOf([[5, 1]]), /two different sizes/);
});
