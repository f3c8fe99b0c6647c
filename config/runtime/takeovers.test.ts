import assert from "node:assert/strict";
import { test } from "node:test";
import { Takeovers } from "./takeovers.ts";

const SETTINGS = { retryMinSeconds: 0.1, retryMaxSeconds: 5, takeovers: 5 };

test("counts connections that are cut off as they begin, and only those in a row", () => {
  const takeovers = new Takeovers(SETTINGS);
  const cuts = (...seconds: number[]): boolean[] => seconds.map((each) => takeovers.cutOff(each));
  assert.deepEqual(cuts(0.1, 0.2, 0.4, 0.8), [false, false, false, false]);
  takeovers.failed(); // a broker that starts again is away for a moment
  assert.deepEqual(cuts(0.1, 0.2, 0.4, 0.8), [false, false, false, false]);
  assert.deepEqual(cuts(3_600), [false]);
  assert.deepEqual(cuts(0.1, 0.2, 0.4, 0.8, 1.6), [false, false, false, false, true]);
});

test("lets the one that was there first stay: its first connection lasted longer than any wait", () => {
  const [first, second] = [new Takeovers(SETTINGS), new Takeovers(SETTINGS)];
  first.cutOff(60); // when the second one came
  const wait = (times: number): number => Math.min(5, 0.1 * 2 ** times);
  for (let times = 0; ; times++) {
    if (second.cutOff(wait(times))) return;
    assert.equal(first.cutOff(wait(times)), false, "the first one must not give up");
  }
});
