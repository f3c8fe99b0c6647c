import assert from "node:assert/strict";
import { test } from "node:test";
import { technicalLossW } from "./loss.ts";

const LINE = { ohm: 0.1, voltageV: 400, powerFactor: 1, noLoadW: 0, meterW: 0 };

test("three conductors lose I^2 R each", () => {
  const current = 20_000 / (Math.sqrt(3) * 400);
  assert.ok(Math.abs(technicalLossW(20_000, 10, LINE) - 3 * current ** 2 * 0.1) < 1e-9);
  // Fed back, the same current flows the other way.
  assert.equal(technicalLossW(-20_000, 10, LINE), technicalLossW(20_000, 10, LINE));
  assert.ok(
    Math.abs(technicalLossW(20_000, 10, { ...LINE, powerFactor: 0.5 }) - 4 * technicalLossW(20_000, 10, LINE)) < 1e-9,
  );
});

test("what meters and iron take is lost without any load", () => {
  const loss = technicalLossW(0, 10, { ...LINE, noLoadW: 200, meterW: 2 });
  assert.ok(loss >= 220 && loss < 220.1);
});
