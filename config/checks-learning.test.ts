import assert from "node:assert/strict";
import { test } from "node:test";
import { LEARNING_CHECKS } from "./checks-learning.ts";
import { type Config, configSchema } from "./schema.ts";

const faults = (settings: object): (string | undefined)[] =>
  LEARNING_CHECKS.map(({ fault }) => fault(configSchema.parse(settings) as Config));

test("households learn, in rounds of at least as many homes as a released load", () => {
  const none = LEARNING_CHECKS.map(() => undefined);
  assert.deepEqual(faults({}), none);
  assert.deepEqual(faults({ learning: { enabled: true } }), none);
  assert.match(faults({ learning: { enabled: true }, meter: { role: "head" } })[0]!, /head of a feeder does not learn/);
  const few = { learning: { enabled: true, minMeters: 4 } };
  assert.equal(faults(few)[1], "4 homes are fewer than the 5 of a released load");
  assert.equal(faults({ learning: { minMeters: 4 } })[1], undefined);
});

test("releases have different names, fit a message, and are of days that meters remember", () => {
  const load = { name: "street", type: "load", epsilon: 1, minMeters: 10, clipWh: 9_000 };
  const of = (...releases: object[]): object => ({ analytics: { releases } });
  assert.equal(faults(of(load, load))[2], "two releases are called street");
  const long = { ...of({ ...load, days: 2 }), system: { slotSeconds: 30 } };
  assert.equal(faults(long)[2], "street has 5760 slots, at most 4096 fit");
  const forgotten = { ...of({ ...load, days: 31 }), meter: { historyDays: 31 } };
  assert.equal(faults(forgotten)[3], "31 days of history do not cover street");
});
