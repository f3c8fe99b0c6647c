import assert from "node:assert/strict";
import { test } from "node:test";
import { announcedNetwork, networkWeights } from "./announced-network.ts";
import { openBackend } from "./backend.ts";
import { NetworkModel } from "./layers-model.ts";
import { MEDIAN } from "./model.ts";

interface Topology {
  config: { name: string; layers: { name: string; class_name: string; config: Record<string, unknown> }[] };
}

const backend = await openBackend();
const topologyOf = (network: NetworkModel["network"]): Topology =>
  JSON.parse(JSON.stringify(network.toJSON(undefined, false))) as Topology;

test("a network that a campaign begins with is known again, whatever its size and seed", () => {
  for (const [kind, hidden, recurrent] of [
    ["dense", 5, 8],
    ["gru", 3, 2],
    ["gru", 16, 8],
  ] as const) {
    const model = new NetworkModel(backend, kind, MEDIAN, { hidden, recurrent, seed: 7 });
    assert.equal(networkWeights(kind, { hidden, recurrent }, 1), model.parameterCount);
    const topology = topologyOf(model.network);
    const known = announcedNetwork(backend, kind, MEDIAN, { topology, weights: model.parameterCount });
    assert.deepEqual(
      known.network.getWeights().map(({ shape }) => shape),
      model.network.getWeights().map(({ shape }) => shape),
    );
    known.dispose();
    model.dispose();
  }
});

test("what is larger than its weights, or another network, is refused before it is built", () => {
  const model = new NetworkModel(backend, "gru", MEDIAN, { hidden: 4, recurrent: 2, seed: 7 });
  const weights = model.parameterCount;
  const changed = (change: (topology: Topology) => void): Topology => {
    const topology = topologyOf(model.network);
    change(topology);
    return topology;
  };
  const layer = ({ config }: Topology, name: string): Topology["config"]["layers"][number] =>
    config.layers.find((one) => one.name === name)!;
  const cases: [unknown, RegExp][] = [
    [{}, /topology: .*config/],
    [changed((one) => (layer(one, "hidden").config["units"] = 1e9)), /topology: .*units/],
    [changed((one) => (layer(one, "hidden").config["units"] = 60_000)), /weights: expected \d{7}, got \d+$/],
    [changed((one) => (layer(one, "memory").config["units"] = 50_000)), /weights: expected/],
    [changed((one) => one.config.layers.splice(2, 1)), /has not the layers of gru/],
    [changed((one) => (layer(one, "hidden").config["activation"] = "linear")), /topology: differs from gru/],
    [changed((one) => (layer(one, "added").config["units"] = 2)), /topology: differs from gru/],
    [changed((one) => one.config.layers.push(...one.config.layers, ...one.config.layers)), /layers/],
  ];
  for (const [topology, message] of cases) {
    assert.throws(() => announcedNetwork(backend, "gru", MEDIAN, { topology, weights }), message);
  }
  model.dispose();
});
