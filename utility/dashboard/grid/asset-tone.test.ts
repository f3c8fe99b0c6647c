import assert from "node:assert/strict";
import { test } from "node:test";
import { assetTone } from "./asset-tone.ts";

test("only an asset that nothing is due for is marked as in order", () => {
  const years = (median: number | null) => ({ tenth: 1, median, nineTenths: null });
  assert.equal(assetTone({ chance: 0.2, action: null, remainingYears: years(null) }), "warn");
  assert.equal(assetTone({ chance: 0.05, action: "service", remainingYears: years(30) }), "plain");
  assert.equal(assetTone({ chance: 0.05, action: null, remainingYears: years(3.4) }), "plain");
  assert.equal(assetTone({ chance: 0.01, action: null, remainingYears: years(null) }), "good");
});
