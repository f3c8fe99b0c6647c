import assert from "node:assert/strict";
import { test } from "node:test";
import { alike, figure, measured, money, percent, powersAlike } from "./format.ts";

test("a voltage keeps the places that tell it from its limit; a count has no unit", () => {
  assert.equal(measured(0.95464, "p.u."), "0.9546 p.u.");
  assert.equal(measured(130.25, "%"), "130.3 %");
  assert.equal(measured(3, "1"), "3");
});

test("what one bus lacks is not nothing because it is little of a megawatt", () => {
  assert.deepEqual(
    [0.0033, 0.25, 1.5, 0].map((mw) => measured(mw, "MW")),
    ["3.3 kW", "250 kW", "1.5 MW", "0 MW"],
  );
});

test("powers that stand together have one unit and as many decimals, as suit the largest", () => {
  const show = powersAlike([0.0042, 0.1187, 0.0009]);
  assert.deepEqual([0.1187, 0.0042, 0.0009, 0].map(show), ["119 kW", "4 kW", "1 kW", "0 kW"]);
  const small = powersAlike([0.0042, -0.00961]);
  assert.deepEqual([0.0042, -0.00961, 0].map(small), ["4.20 kW", "-9.61 kW", "0.00 kW"]);
  assert.deepEqual([2.5, 0.04].map(powersAlike([2.5, 0.04])), ["2.50 MW", "0.04 MW"]);
});

test("nothing is no number, and zeros alone are in megawatts", () => {
  assert.equal(powersAlike([Number.NaN, 3])(Number.NaN), "–");
  assert.equal(powersAlike([0, 0])(0), "0.00 MW");
  assert.equal(alike([])(Number.POSITIVE_INFINITY), "–");
});

test("numbers of a column have as many decimals each; a single figure has none that say nothing", () => {
  assert.deepEqual([9.5, 10, 118.25].map(alike([9.5, 10, 118.25])), ["10", "10", "118"]);
  assert.deepEqual([9.5, 10, 11.25].map(alike([9.5, 10, 11.25])), ["9.5", "10.0", "11.3"]);
  assert.equal(figure(10), "10");
  assert.deepEqual(
    [0.4, 0.434].map((share) => percent(share)),
    ["40.0\u00a0%", "43.4\u00a0%"],
  );
});

test("less than half a cent has no sign", () => {
  assert.deepEqual(
    [-4_000, -6_000, 1_334_000].map((micro) => money(micro, "EUR")),
    ["€0.00", "-€0.01", "€1.33"],
  );
});
