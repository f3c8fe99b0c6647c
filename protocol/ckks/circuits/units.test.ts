import assert from "node:assert/strict";
import { test } from "node:test";
import { resultUnit } from "./units.ts";

test("a result's unit follows from the circuit, its name and the series", () => {
  assert.equal(resultUnit("sum", "sum", "Wh"), "Wh");
  assert.equal(resultUnit("sum", "sum", "meters"), "meters");
  assert.equal(resultUnit("variance", "variance", "Wh"), "Wh2");
  assert.equal(resultUnit("variance", "standardDeviation", "Wh"), "Wh");
  assert.equal(resultUnit("covariance", "covariance", "Wh2"), "Wh4");
  assert.equal(resultUnit("trend", "slope", "Wh"), "Wh/slot");
  assert.equal(resultUnit("profile", "loadFactor", "Wh"), "");
  assert.equal(resultUnit("buckets", "bucket-500", "meters"), "meters");
  assert.equal(resultUnit("buckets", "median", "meters"), "Wh");
  assert.equal(resultUnit("compare", "above-500", "Wh"), "meters");
  assert.equal(resultUnit("compare", "quantile-0.9", "Wh"), "Wh");
  assert.equal(resultUnit("max-of-two", "max", "Wh"), "Wh");
});
