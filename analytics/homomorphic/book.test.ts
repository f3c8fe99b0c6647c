import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../config/index.ts";
import { circuitParameters } from "../../protocol/ckks/circuits/index.ts";
import { createBook } from "./book.ts";

const base = loadConfig({ profile: "demo", env: {} });
const energy = { kind: "import" as const, content: "energy" as const };
const series = {
  load: { ...energy, set: "light" as const },
  whole: { ...energy, set: "standard" as const },
  solar: { kind: "export" as const, content: "energy" as const, set: "standard" as const },
  both: { kind: "import" as const, content: "moments" as const, set: "standard" as const, maxReadingWh: 2_500 },
  hot: { kind: "import" as const, content: "buckets" as const, levels: [500, 1_000], set: "light" as const },
};
const config = { ...base, homomorphic: { ...base.homomorphic, series } };
const book = createBook(config);
const slots = 86_400 / config.system.slotSeconds;
const job = (circuit: string, names: string[], parameters = {}) => ({ circuit, parameters, series: names, slots });

test("a plan tells whether a job fits, what it costs, and the error of each result", () => {
  const plan = book.plan(job("sum", ["load"]), 1_000);
  assert.equal(plan.fits, true, plan.reason);
  assert.ok(plan.errors[0]!.bound < 1, "sums are right to 1 Wh");
  const variance = book.plan(job("variance", ["whole"]), 100);
  assert.deepEqual(
    variance.errors.map(({ name, unit }) => [name, unit]),
    [
      ["variance", "Wh2"],
      ["standardDeviation", "Wh"],
      ["mean", "Wh"],
    ],
  );
  assert.ok(variance.lines.some(([name]) => name === "compute"));
});

test("what does not fit is refused with what would do", () => {
  const reason = (...of: [ReturnType<typeof job>, number]): string => book.plan(...of).reason;
  assert.match(reason(job("total", ["load"]), 10), /standard would do \(here: whole, solar\)/);
  assert.match(reason(job("variance", ["load"]), 100), /standard would do/);
  assert.match(reason(job("covariance", ["whole"]), 100), /takes 2 series, got 1/);
  assert.match(reason(job("max-of-two", ["load", "whole"], { bound: 1e9 }), 100), /would do|one set/);
  assert.match(reason(job("sum", ["load"]), 1), /groups have at least/);
  assert.match(
    reason(job("buckets", ["hot"], { edges: [0, 500, 1_000] }), 10),
    /3 buckets of each slot; 10 meters allow/,
  );
  assert.equal(reason(job("buckets", ["hot"], { edges: [0, 500, 1_000] }), 100), "");
  assert.match(reason(job("buckets", ["load"], { edges: [0] }), 100), /buckets would do/);
  assert.match(reason(job("guess", ["load"]), 100), /expected one of /);
  assert.throws(() => book.plan(job("sum", ["other"]), 100), /RangeError: series: other is not configured/);
});

test("energies and squares side by side are for one circuit, and no other series is", () => {
  const reason = (circuit: string, name: string): string => book.plan(job(circuit, [name]), 10).reason;
  assert.equal(reason("variance-of-squares", "both"), "");
  assert.deepEqual(book.defaultSeries("variance-of-squares", {}), ["both"]);
  assert.match(reason("sum", "both"), /^both holds energies and squares side by side, which sum cannot tell apart/);
  assert.match(reason("variance-of-squares", "load"), /load holds energy; a series of content moments would do/);
});

test("a job above the memory is refused before it runs", () => {
  const small = createBook({ ...config, analytics: { ...config.analytics, maxMemoryMiB: 1 } });
  assert.match(small.plan(job("variance", ["whole"]), 100).reason, /MiB/);
});

test("each circuit has series that suit it, and reads its own parameters", () => {
  assert.deepEqual(book.defaultSeries("sum", {}), ["load"]);
  assert.deepEqual(book.defaultSeries("total", {}), ["whole"]);
  assert.deepEqual(book.defaultSeries("covariance", {}), ["whole", "solar"]);
  assert.deepEqual(book.defaultSeries("buckets", { edges: [0, 500, 1_000] }), ["hot"]);
  assert.throws(() => book.parse("weighted-sum", { weights: ["x"] }), /RangeError: parameters of weighted-sum/);
  assert.throws(() => book.parse("affine", { factor: 2 }), /RangeError: parameters of affine: offset: [^\n]+$/);
  assert.deepEqual(circuitParameters("affine"), ["factor", "offset"]);
  assert.ok(circuitParameters("buckets").includes("quantiles?"));
  assert.throws(() => book.parse("guess", {}), /RangeError: circuit: expected one of /);
});
