import assert from "node:assert/strict";
import { test } from "node:test";
import { outcomeText, SettleWatch } from "./settle-watch.ts";

/** A watch whose timer runs out when the test says so. */
function watched(unsettled: number) {
  const state = { unsettled, timer: undefined as (() => void) | undefined, milliseconds: 0, started: 0 };
  const watch = new SettleWatch({
    unsettled: () => state.unsettled,
    patienceSeconds: 30,
    startTimer: (callback, milliseconds) => {
      Object.assign(state, { timer: callback, milliseconds, started: state.started + 1 });
      return () => {
        state.timer = undefined;
      };
    },
  });
  return { watch, state };
}

test("ends at once when nothing waits, and as soon as the last reading is settled", async () => {
  assert.equal(await watched(0).watch.wait(new AbortController().signal), "settled");
  const { watch, state } = watched(2);
  const end = watch.wait(new AbortController().signal);
  state.unsettled = 0;
  watch.settled(100, 2);
  assert.equal(await end, "settled");
  assert.equal(state.timer, undefined, "nothing is left to keep the process");
  assert.equal(outcomeText(watch, 0), "2 slots settled");
});

test("patience begins anew with each settled reading, and then ends", async () => {
  const { watch, state } = watched(2);
  const end = watch.wait(new AbortController().signal);
  assert.equal(state.milliseconds, 30_000);
  state.unsettled = 1;
  watch.settled(100, 1);
  assert.equal(state.started, 2);
  state.timer?.();
  assert.equal(await end, "silent");
  assert.equal(outcomeText(watch, 1), "1 slot settled\n1 reading not settled yet");
});

test("a signal ends it, also one that came before", async () => {
  const controller = new AbortController();
  const { watch } = watched(1);
  const end = watch.wait(controller.signal);
  controller.abort();
  assert.equal(await end, "stopped");
  assert.equal(await watched(1).watch.wait(controller.signal), "stopped");
});

test("what aggregators refused does not count as settled, however many say so", () => {
  const { watch } = watched(0);
  for (const aggregator of [1, 2, 3]) watch.gap({ kind: 1, from: 100, to: 101, reason: `closed:${aggregator}` });
  watch.settled(100, 1);
  watch.settled(101, 1);
  assert.equal(watch.lost, true);
  assert.deepEqual(watch.gaps(), { closed: 1 });
  assert.match(outcomeText(watch, 0), /^1 slot settled\n1 slot refused by aggregators/);
});

test("a gap that the register found is told and nothing lost", () => {
  const { watch } = watched(0);
  watch.gap({ kind: 1, from: 100, to: 103, reason: "gap" });
  assert.equal(watch.lost, false);
  assert.equal(outcomeText(watch, 0), "0 slots settled\n3 slots without a reading (gap)");
});
