import assert from "node:assert/strict";
import { test } from "node:test";
import type { ComparedOpening, OpenedCheck } from "./opened-check.ts";
import { describeOpened } from "./opened-report.ts";
import { isRight, summariseOpened } from "./opened-summary.ts";
import { truthOf } from "./opened-truth.ts";

const SUM: ComparedOpening = {
  ...{ circuit: "sum", label: "f-1", date: "2025-01-15", name: "sum", unit: "Wh", openedBy: [1, 3] },
  ...{ ciphertexts: 1000.004, truth: 1000, shares: 1000, largestError: 0.004, bound: 0.01, withinBound: true },
};
const VARIANCE: ComparedOpening = {
  ...SUM,
  ...{ circuit: "variance", label: "fleet", name: "variance", unit: "Wh2", shares: undefined },
  ...{ largestError: 4, bound: 30 },
};
const OPENED: OpenedCheck = {
  ...{ complete: true, due: 2, openings: 2, windows: 1, openedBy: [1, 3], compared: [SUM, VARIANCE], missing: [] },
  crossCheck: { agree: 1, differ: 0, waiting: 0, verdicts: [] },
};

test("what is within its bounds and agrees with the shares is right", () => {
  const summary = summariseOpened(OPENED, undefined);
  assert.equal(isRight(summary), true);
  assert.deepEqual([summary.largestErrorWh, summary.boundWh], [0.004, 0.01]);
  assert.deepEqual(summary.statistics, [{ name: "variance", group: "fleet", unit: "Wh2", largestError: 4, bound: 30 }]);
  const text = describeOpened(OPENED, summary).join("\n");
  assert.match(text, /energy of f-1, 2025-01-15 +│ 1000 Wh +│ 1000\.004 Wh +│ 1000\.000 Wh/);
  assert.match(text, /2 of 2 results opened by 2 aggregators \(1, 3\): all within their bounds of the truth/);
  assert.match(text, /Cross-check of shares and ciphertexts: 1 agree$/m);
});

test("an error beyond its bound, a difference from the shares, and what did not come are not right", () => {
  const beyond = { ...OPENED, compared: [{ ...SUM, largestError: 1, withinBound: false }] };
  assert.equal(isRight(summariseOpened(beyond, undefined)), false);
  assert.match(describeOpened(beyond, summariseOpened(beyond, undefined)).join("\n"), /NOT all within their bounds/);
  const verdicts = ["sum of f-1: shares: they contradict each other"];
  const differing = { ...OPENED, crossCheck: { agree: 0, differ: 1, waiting: 0, verdicts } };
  assert.equal(isRight(summariseOpened(differing, undefined)), false);
  const text = describeOpened(differing, summariseOpened(differing, undefined)).join("\n");
  assert.match(text, /0 agree, 1 DIFFER\nsum of f-1: shares: they contradict each other/);
  const missing = ["sum of f-1, 2025-01-15: asking: 1 aggregators answered, 2 must"];
  const waiting = { ...OPENED, complete: false, openings: 1, missing };
  assert.equal(isRight(summariseOpened(waiting, undefined)), false);
  assert.match(describeOpened(waiting, summariseOpened(waiting, undefined)).join("\n"), /Not opened: sum of f-1/);
});

test("the truth of sums, means and variances counts a meter without a reading as zero", () => {
  const readings = [[3, 5, 4], [8]];
  assert.deepEqual(truthOf("sum", "energy")?.(readings, 3), { sum: [12, 8] });
  assert.deepEqual(truthOf("mean", "energy")?.(readings, 4), { mean: [3, 2] });
  assert.deepEqual(truthOf("variance", "energy")?.(readings, 4)["variance"], [50 / 4 - 9, 16 - 4]);
  assert.equal(truthOf("buckets", "buckets"), undefined);
  assert.equal(truthOf("sum", "squares"), undefined);
});
