import assert from "node:assert/strict";
import { test } from "node:test";
import { headline } from "./headline.ts";

const slots = (name: string, unit: string, values: readonly number[]) =>
  values.map((value, position) => ({
    ...{ name, unit, value, position, slotStart: 900 * position, errorBound: null },
  }));

test("a sum is told over its window, a mean and a spread as those of a slot", () => {
  assert.deepEqual(headline({ circuit: "sum", values: slots("sum", "Wh", [1_000, 2_500]) }), {
    ...{ value: "3.5 kWh", of: "in all" },
  });
  assert.deepEqual(headline({ circuit: "mean", values: slots("mean", "Wh", [100, 150]) }), {
    ...{ value: "125 Wh", of: "on average" },
  });
  // As the interface has them, by name.
  const spread = [...slots("mean", "Wh", [1, 2]), ...slots("variance", "Wh2", [400, 600])];
  assert.deepEqual(headline({ circuit: "variance", values: spread }), { value: "500 Wh²", of: "on average" });
});

test("one number is itself, and none is nothing", () => {
  const [one] = slots("total", "Wh", [1_234]);
  assert.deepEqual(headline({ circuit: "total", values: [{ ...one!, slotStart: null }] }), {
    ...{ value: "1,234 Wh", of: "" },
  });
  assert.equal(headline({ circuit: "sum", values: [] }), undefined);
});
