import assert from "node:assert/strict";
import { test } from "node:test";
import { coverage, gapChart, lossChart, momentsOf } from "./losses-model.ts";

const X = { name: "Time", unit: "", format: String, time: true };
const row = (time: number, technicalMw: number, bestKw: number | null = null, optimumKw = bestKw) => ({
  ...{ time, technicalMw, bestKw, optimumKw },
  gapPercent: bestKw === null ? null : (100 * (bestKw - optimumKw!)) / optimumKw!,
});

test("scans of one simulated moment are one point, with the proposal that was made for it", () => {
  assert.deepEqual(momentsOf([row(2, 0.03, 20), row(1, 0.01), row(2, 0.04)]), [row(1, 0.01), { ...row(2, 0.04, 20) }]);
});

test("the legend names only what is drawn, and says how much of the time proposals are known of", () => {
  const none = lossChart([row(1, 0.01), row(2, 0.02)], X);
  assert.deepEqual(
    none.series.map(({ name }) => name),
    ["Now"],
  );
  assert.match(none.summary, /^20 kW now\. No proposal/);
  const single = lossChart([row(1, 0.01), row(2, 0.02, 15), row(3, 0.03), row(4, 0.04, 25)], X);
  // Points that stand alone are dots; what the optimum lies upon is told once.
  assert.deepEqual(
    single.series.map(({ name, kind, points }) => [name, kind, points.length]),
    [
      ["Now", "line", 4],
      ["Best switches known, and the optimum", "dots", 2],
    ],
  );
  assert.match(single.summary, /25 kW with the best .* known of 2 of 4 moments/);
  const apart = lossChart([row(1, 0.01, 9, 8), row(2, 0.02, 9, 8)], X);
  assert.deepEqual(
    apart.series.map(({ name, kind }) => [name, kind]),
    [
      ["Now", "line"],
      ["Best switches known", "line"],
      ["Optimum", "line"],
    ],
  );
});

test("one gap is a dot, and none is no chart", () => {
  assert.equal(gapChart([row(1, 0.01)], X), undefined);
  const one = gapChart([row(1, 0.01), row(2, 0.02, 9)], X)!;
  assert.equal(one.series[0]!.kind, "dots");
  assert.match(one.summary, /^0\.00 % at last, the only moment/);
});

test("figures say of which time they are, and what of it they cover", () => {
  assert.equal(coverage({ from: 0, to: 172_800, coveredSeconds: 172_800 }), "2 days, without a gap");
  assert.equal(coverage({ from: 0, to: 172_800, coveredSeconds: 86_400 }), "24 h of 2 days (50\u00a0%)");
  assert.equal(coverage({ from: null, to: null, coveredSeconds: 0 }), "one moment");
});
