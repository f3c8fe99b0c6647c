import assert from "node:assert/strict";
import { test } from "node:test";
import { timesOf } from "./load-factor.tsx";

const LOADS = { source: "feeders", slotStart: 0, feeders: 5, factor: 60, stale: false } as const;

test("what released loads are multiplied by is told, where there are some and it is not 1", () => {
  assert.equal(timesOf({ loads: LOADS }), "60 times");
  assert.equal(timesOf({ loads: { ...LOADS, factor: 1 } }), undefined);
  assert.equal(timesOf({ loads: { ...LOADS, source: "case" } }), undefined);
  assert.equal(timesOf(undefined), undefined);
});
