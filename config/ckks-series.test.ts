import assert from "node:assert/strict";
import { test } from "node:test";
import { PARAMETER_SETS } from "../protocol/ckks/parameters.ts";
import { seriesShape } from "./ckks-series.ts";
import { configSchema } from "./schema.ts";

const { homomorphic } = configSchema.parse({
  homomorphic: {
    series: {
      load: { kind: "import", set: "light", content: "energy" },
      products: { kind: "import", set: "standard", content: "energy" },
      squares: { kind: "export", set: "standard", content: "squares" },
      buckets: { kind: "import", set: "light", content: "buckets", levels: [100, 500] },
    },
  },
});

test("only series of the light set are for sums alone; all primes are needed", () => {
  assert.deepEqual(
    ["load", "products", "squares", "buckets"].map((name) => seriesShape(homomorphic, name).sumsOnly),
    [true, false, false, true],
  );
  assert.equal(seriesShape(homomorphic, "load").level(PARAMETER_SETS.light), 2);
  assert.equal(seriesShape(homomorphic, "products").level(PARAMETER_SETS.standard), 3);
});

test("buckets take a number for each slot and bucket, other contents one for each slot", () => {
  assert.equal(seriesShape(homomorphic, "buckets").numbers(92), 276);
  assert.equal(seriesShape(homomorphic, "load").numbers(100), 100);
});

test("a series that is not configured is named", () => {
  assert.throws(() => seriesShape(homomorphic, "nights"), /nights is not configured/);
});
