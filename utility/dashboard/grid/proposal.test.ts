import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL_IN_ORDER, gainOf, outOfOrder, toggled } from "./proposal.ts";

const figures = (lossKw: number) => ({ cost: 0, lossKw, risk: 0, violation: 0, leastVoltagePu: 1 });
const WHOLE = { cutOff: [], cutOffBefore: [], unservedMw: 0, unservedBeforeMw: 0 };

test("a proposal that gives supply back says so, and calls no loss saved that only darkness avoids", () => {
  const text = gainOf({
    ...{ before: figures(77), after: figures(43), cutOff: [18], cutOffBefore: [8, 9, 18] },
    ...{ unservedMw: 0.09, unservedBeforeMw: 0.35 },
  });
  assert.match(text, /^2 buses get supply again: 260 kW\. /);
  assert.doesNotMatch(text, /less loss/);
});

test("otherwise it is the loss that counts, where there is less of it", () => {
  assert.equal(gainOf({ ...WHOLE, before: figures(100), after: figures(60) }), "40.0 kW less loss (40.0\u00a0%).");
  assert.equal(gainOf({ ...WHOLE, before: figures(60), after: figures(60) }), "");
});

test("a line that failed is out of order until it is called repaired, others when they are marked", () => {
  assert.deepEqual(outOfOrder(ALL_IN_ORDER, [7]), [7]);
  const repaired = toggled(ALL_IN_ORDER, [7], 7);
  assert.deepEqual([repaired, outOfOrder(repaired, [7])], [{ marked: [], repaired: [7] }, []]);
  assert.deepEqual(outOfOrder(toggled(repaired, [7], 7), [7]), [7]);
  const marked = toggled(ALL_IN_ORDER, [7], 3);
  assert.deepEqual(outOfOrder(marked, [7]), [3, 7]);
  assert.deepEqual(toggled(marked, [7], 3), ALL_IN_ORDER);
});
