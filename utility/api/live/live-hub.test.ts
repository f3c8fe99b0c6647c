import assert from "node:assert/strict";
import { test } from "node:test";
import { LiveHub } from "./live-hub.ts";

test("whoever was away for long is sent the newest of each type, and whoever was not all of it", () => {
  const hub = new LiveHub();
  const state = JSON.stringify("x".repeat(12_000));
  for (let i = 0; i < 50; i++) {
    hub.emit("grid", state);
    hub.emit("load", "{}");
  }
  const told = (lastId: number): number[] => {
    const ids: number[] = [];
    hub.listen(({ id }) => ids.push(id), lastId)();
    return ids;
  };
  assert.deepEqual(told(1), [99, 100]);
  assert.deepEqual(told(95), [96, 97, 98, 99, 100]);
  assert.deepEqual(told(5_000), [99, 100], "an id that this server has not given yet");
  assert.deepEqual(told(100), []);
});
