import assert from "node:assert/strict";
import { test } from "node:test";
import { periodOf } from "../protocol/ckks/packed.ts";
import { dataBits, PARAMETER_SETS } from "../protocol/ckks/parameters.ts";
import { seriesShape } from "./ckks-series.ts";
import { loadConfig } from "./load.ts";
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

test("series of the light set and of squares are for sums alone, under two primes; products need all", () => {
  assert.deepEqual(
    ["load", "products", "squares", "buckets"].map((name) => seriesShape(homomorphic, name).sumsOnly),
    [true, false, true, true],
  );
  assert.equal(seriesShape(homomorphic, "load").level(PARAMETER_SETS.light), 2);
  assert.equal(seriesShape(homomorphic, "products").level(PARAMETER_SETS.standard), 3);
  assert.equal(seriesShape(homomorphic, "squares").level(PARAMETER_SETS.standard), 2);
});

test("buckets take a number for each slot and bucket, other contents one for each slot", () => {
  assert.equal(seriesShape(homomorphic, "buckets").numbers(92), 276);
  assert.equal(seriesShape(homomorphic, "load").numbers(100), 100);
});

test("a series that is not configured is named", () => {
  assert.throws(() => seriesShape(homomorphic, "nights"), /nights is not configured/);
});

test("moments on standard are sent cut, with two primes: less than a third of the naive ciphertext of standard", () => {
  const loaded = loadConfig({
    env: {},
    flags: [
      { name: "--set", path: "analytics.jobs", value: [] },
      {
        name: "--set",
        path: "homomorphic.series",
        value: { both: { kind: "import", set: "standard", content: "moments" } },
      },
    ],
  });
  const shape = seriesShape(loaded.homomorphic, "both");
  const { standard } = PARAMETER_SETS;
  const level = shape.level(standard);
  assert.deepEqual([shape.sumsOnly, level, shape.numbers(96), shape.largest], [true, 2, 192, 25_000 ** 2]);
  const bytes = ((standard.degree + 2 * periodOf(192)) * dataBits(standard, level)) / 8;
  assert.ok(bytes < 393_329 / 3, `${bytes}`);
});
