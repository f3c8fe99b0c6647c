import assert from "node:assert/strict";
import { test } from "node:test";
import { RestingClock } from "./resting-clock.ts";

/** A bench on which a test says who moves the time, and sees who speaks. */
function bench(t: {
  mock: { timers: { enable: (o: { apis: ["setInterval"] }) => void; tick: (ms: number) => void } };
}) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const state = { taken: false, noted: 0, connections: 1, said: [] as number[], failures: [] as unknown[] };
  const simulator = {
    publish: (time: number) => {
      state.said.push(time);
      return Promise.resolve();
    },
    close: () => {
      state.connections -= 1;
      return Promise.resolve();
    },
  };
  const clock = new RestingClock({
    time: 1000,
    simulator,
    connect: () => {
      state.connections += 1;
      return Promise.resolve(simulator);
    },
    isTaken: () => state.taken,
    notedTime: () => state.noted,
    onFailure: (error) => state.failures.push(error),
  });
  /** Lets one look pass, with all that follows from it. */
  const look = async (): Promise<number[]> => {
    state.said = [];
    t.mock.timers.tick(250);
    await new Promise((resolve) => setImmediate(resolve));
    return state.said;
  };
  return { state, clock, look };
}

test("repeats its time, is silent and disconnected while another moves time, and goes on from there", async (t) => {
  const { state, clock, look } = bench(t);
  assert.deepEqual([await look(), await look()], [[1000], [1000]]);
  state.taken = true;
  assert.deepEqual([await look(), await look()], [[], []]);
  assert.equal(state.connections, 0);
  state.taken = false;
  state.noted = 5000;
  assert.deepEqual([await look(), await look()], [[5000], [5000]]);
  assert.equal(state.connections, 1);
  await clock.stop();
  assert.equal(state.connections, 0);
  assert.deepEqual(await look(), []);
  assert.deepEqual(state.failures, []);
});
