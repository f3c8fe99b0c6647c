import assert from "node:assert/strict";
import { test } from "node:test";
import { HangWatch } from "./hang-watch.ts";
import type { Process } from "./processes.ts";

const RUNNER = 1;
const LIMITS = { idleSeconds: 100, busySeconds: 300 };

function process(id: number, cpuSeconds: number, parent = RUNNER): Process {
  return { id, parent, cpuSeconds, command: `file ${id}` };
}

/** The files that hang at each of several moments, of which each tells what the processes have used. */
function looks(moments: readonly (readonly [second: number, ...processes: Process[]])[]): number[][] {
  const watch = new HangWatch(LIMITS);
  return moments.map(([now, ...all]) => watch.look(RUNNER, all, now).map(({ process: { id } }) => id));
}

test("a file that uses no processor time hangs, and is told once", () => {
  const moments = [0, 50, 99, 100, 110, 300].map((now) => [now, process(2, 1 + now / 1000)] as const);
  assert.deepEqual(looks(moments), [[], [], [], [2], [], []]);
});

test("a file that a busy machine lets run now and then does not hang", () => {
  const moments = [0, 90, 180, 270, 1000].map((now) => [now, process(2, now / 30)] as const);
  assert.deepEqual(looks(moments), [[], [], [], [], []]);
});

test("what those use that it started counts as its own, and their end as a step", () => {
  const started = (now: number) => [now, process(2, 1), process(3, now / 30, 2), process(4, 0, 3)] as const;
  assert.deepEqual(looks([started(0), started(90), started(180)]), [[], [], []]);
  assert.deepEqual(looks([started(180), [270, process(2, 1)], [360, process(2, 1)]]), [[], [], []]);
});

test("a file that uses processor time without end hangs", () => {
  const moments = [0, 100, 299, 300, 400].map((now) => [now, process(2, now)] as const);
  const watch = new HangWatch(LIMITS);
  const said = moments.flatMap(([now, ...all]) => watch.look(RUNNER, all, now).map(({ why }) => why));
  assert.deepEqual(said, ["it used 300 s of processor time"]);
});

test("processes of other runners are none of its business", () => {
  assert.deepEqual(
    looks([
      [0, process(2, 1, 7)],
      [500, process(2, 1, 7)],
    ]),
    [[], []],
  );
});
