import assert from "node:assert/strict";
import { test } from "node:test";
import { LEARNING_CHECKS } from "./checks-learning.ts";
import { type Config, configSchema } from "./schema.ts";

const faults = (settings: object): (string | undefined)[] =>
  LEARNING_CHECKS.map(({ fault }) => fault(configSchema.parse(settings) as Config));

test("households learn, in rounds of at least as many homes as a released load", () => {
  assert.deepEqual(faults({}), [undefined, undefined]);
  assert.deepEqual(faults({ learning: { enabled: true } }), [undefined, undefined]);
  assert.match(faults({ learning: { enabled: true }, meter: { role: "head" } })[0]!, /head of a feeder does not learn/);
  const few = { learning: { enabled: true, minMeters: 4 } };
  assert.equal(faults(few)[1], "4 homes are fewer than the 5 of a released load");
  assert.equal(faults({ learning: { minMeters: 4 } })[1], undefined);
});
