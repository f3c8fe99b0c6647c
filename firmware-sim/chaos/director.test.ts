import assert from "node:assert/strict";
import { test } from "node:test";
import { Director, type Happened } from "./director.ts";
import type { ChaosEvent } from "./schedule.ts";

function bed(events: readonly ChaosEvent[], isThere = (_name: string): boolean => true) {
  const happened: Happened[] = [];
  const healed: string[] = [];
  const timers: { work: () => void; milliseconds: number }[] = [];
  const director = new Director({
    events,
    faults: {
      strike: ({ target }) =>
        isThere(target)
          ? () => {
              healed.push(target);
            }
          : undefined,
    },
    onHappened: (one) => happened.push(one),
    setTimer: (work, milliseconds) => {
      const timer = { work, milliseconds };
      timers.push(timer);
      return () => timers.splice(timers.indexOf(timer), 1);
    },
  });
  return { director, happened, healed, timers };
}

const kill = (atSlot: number, target: string): ChaosEvent => ({ action: "kill", atSlot, target });
const stop = (atSlot: number, target: string, seconds: number): ChaosEvent => ({
  action: "stop",
  atSlot,
  target,
  seconds,
});

test("events strike when their slot is over, also where slots were passed over", () => {
  const { director, happened } = bed([kill(2, "a-1"), kill(3, "a-2"), kill(9, "a-3")]);
  director.onSlot(1);
  assert.deepEqual(happened, []);
  director.onSlot(5);
  assert.deepEqual(
    happened.map(({ what, slot, text }) => [what, slot, text]),
    [
      ["event", 5, "kill a-1"],
      ["event", 5, "kill a-2"],
    ],
  );
  assert.equal(director.done, 2);
});

test("what lasts is healed in its time, once, or at the end with all the rest", () => {
  const { director, healed, timers } = bed([stop(1, "a-1", 2), stop(1, "utility", 5)]);
  director.onSlot(1);
  assert.deepEqual(
    timers.map(({ milliseconds }) => milliseconds),
    [2_000, 5_000],
  );
  timers[0]?.work();
  assert.deepEqual(healed, ["a-1"]);
  director.healAll();
  director.healAll();
  assert.deepEqual(healed, ["a-1", "utility"]);
  assert.deepEqual(timers, []);
});

test("what met no process is told, and not counted as done", () => {
  const { director, happened } = bed([kill(1, "a-1"), kill(1, "a-2")], (name) => name === "a-2");
  director.onSlot(1);
  assert.deepEqual([director.done, director.missed], [1, 1]);
  assert.deepEqual(
    happened.map(({ what }) => what),
    ["missed", "event"],
  );
});
