/** Clocks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedClock, systemClock } from "./clock.ts";

test("the system clock tells Unix seconds", () => {
  assert.ok(Math.abs(systemClock.now() - Date.now() / 1000) < 1);
});

test("simulated time moves only forward and tells its listeners", () => {
  const clock = new SimulatedClock(100);
  const heard: number[] = [];
  const stop = clock.onChange((time) => heard.push(time));
  assert.equal(clock.set(200), true);
  assert.equal(clock.set(200), false);
  assert.equal(clock.set(150), false);
  assert.equal(clock.now(), 200);
  stop();
  assert.equal(clock.set(300), true);
  assert.deepEqual(heard, [200]);
});

test("refuses a time that is no number", () => {
  assert.throws(() => new SimulatedClock(Number.NaN), RangeError);
  assert.throws(() => new SimulatedClock().set(Number.POSITIVE_INFINITY), RangeError);
});
