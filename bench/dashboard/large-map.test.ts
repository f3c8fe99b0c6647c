import assert from "node:assert/strict";
import { test } from "node:test";
import { gridState, topology as topologySchema } from "../../protocol/grid/index.ts";
import { messagesOf } from "./large-map.ts";

test("the page is given what the interface would answer: a topology and a state that belong together", () => {
  const { topology, state } = messagesOf(120);
  assert.deepEqual(topologySchema.parse(topology), topology);
  assert.deepEqual(gridState.parse(state), state);
  assert.equal(state.topology, topology.digest);
  assert.deepEqual([topology.buses.length, state.buses.vmPu.length], [120, 120]);
  assert.equal(state.branches.closed.length, topology.branches.length);
  assert.ok(state.simulated && state.status === "trusted");
});
