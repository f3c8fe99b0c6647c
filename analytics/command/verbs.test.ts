import assert from "node:assert/strict";
import { test } from "node:test";
import { seriesShape } from "../../config/ckks-series.ts";
import { UsageError } from "../../config/runtime/role-command.ts";
import { orderOfVerb, shows, type Verb } from "./verbs.ts";

const energy = { kind: "import" as const, content: "energy" as const };
const series = {
  load: { ...energy, set: "light" as const },
  hot: { kind: "import" as const, content: "buckets" as const, levels: [500, 1_000], set: "light" as const },
  peak: { kind: "import" as const, content: "peak" as const, set: "strong" as const },
  solar: { kind: "export" as const, content: "energy" as const, set: "strong" as const },
};

function order(verb: Verb, of: string[] | undefined, parameters = {}, names = Object.keys(series)) {
  const shapes = names.map((name) => seriesShape({ maxReadingWh: 25_000, series }, name));
  return orderOfVerb({ verb, series: of, parameters, shapes, maxMeters: 1_000 });
}

test("buckets are preferred, and bring their own levels", () => {
  const buckets = { circuit: "buckets", parameters: { edges: [0, 500, 1_000] }, series: ["hot"] };
  for (const verb of ["max", "min", "median", "histogram"] as const) assert.deepEqual(order(verb, undefined), buckets);
  assert.deepEqual(order("max", ["hot"], { levels: [500, 1_000] }), buckets);
  assert.deepEqual(order("quantile", undefined, { quantiles: [0.9] }).parameters, {
    edges: [0, 500, 1_000],
    quantiles: [0.9],
  });
});

test("other levels, and series of the set strong, are compared", () => {
  const compared = { circuit: "compare", parameters: { bound: 25_000, levels: [800] }, series: ["peak"] };
  assert.deepEqual(order("max", undefined, { levels: [800] }), compared);
  assert.deepEqual(order("compare", undefined, { levels: [800] }), compared);
  assert.deepEqual(order("histogram", ["solar"], { levels: [800] }).series, ["solar"]);
});

test("the larger of two series is asked for with both", () => {
  const larger = order("max", ["solar", "peak"]);
  assert.deepEqual(larger, { circuit: "max-of-two", parameters: { bound: 25e6 }, series: ["solar", "peak"] });
});

test("what cannot be done is refused with what would do", () => {
  const refuses = (message: RegExp, ...of: Parameters<typeof order>): void =>
    assert.throws(
      () => order(...of),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  refuses(/^max: load \(energy, light\) cannot be compared .* content: buckets .* set strong/, "max", ["load"]);
  refuses(/^compare: hot holds buckets, .* histogram would do/, "compare", ["hot"]);
  refuses(/^min: hot has the levels 500,1000 and no others/, "min", ["hot"], { levels: [7] });
  refuses(/^max: comparing peak needs public levels/, "max", ["peak"]);
  refuses(/^max: load \(energy, light\) cannot be compared; two series/, "max", ["load", "solar"]);
  refuses(/^--series: min takes one series$/, "min", ["peak", "solar"]);
  refuses(/^--series other: no such series; there are load, hot/, "max", ["other"]);
  refuses(/^quantile: needs --quantile/, "quantile", undefined);
  refuses(/^--quantile: not for max/, "max", undefined, { quantiles: [0.5] });
  refuses(/content: buckets and levels would do$/, "buckets", ["load"]);
});

test("of all that a circuit opens, a verb shows its own", () => {
  const names = ["bucket-0", "max", "min", "median", "quantile-0.9"];
  const shown = (verb: string): string[] => names.filter((name) => shows(verb, name));
  assert.deepEqual(shown("max"), ["max"]);
  assert.deepEqual(shown("histogram"), ["bucket-0"]);
  assert.deepEqual(shown("quantile"), ["quantile-0.9"]);
  assert.deepEqual(shown("buckets"), names);
});
