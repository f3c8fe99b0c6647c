import assert from "node:assert/strict";
import { test } from "node:test";
import { HeadModel, type HeadModelOptions } from "./head-model.ts";

const METERS = Array.from({ length: 20 }, (_, i) => `m-${i}`);
const HOME_WH = 150;

function model(changes: Partial<HeadModelOptions> = {}): HeadModel {
  return new HeadModel({
    ...{ seed: 7, feeder: "f-1", meters: METERS, slotSeconds: 900 },
    line: { ohm: 0.02, voltageV: 400, noLoadW: 0 },
    consumed: () => ({ importWh: HOME_WH, exportWh: 0 }),
    ...changes,
  });
}

const energyWh = (head: HeadModel): number =>
  Array.from({ length: 96 }, (_, i) => head.energyAt(1_000 + i).importWh).reduce((a, b) => a + b, 0);

test("the head measures what the homes consume, and what is lost, within the classes of the meters", () => {
  const homesWh = 96 * 20 * HOME_WH;
  for (let seed = 0; seed < 20; seed++) {
    const excess = energyWh(model({ seed })) / homesWh - 1;
    assert.ok(excess > -0.006 && excess < 0.03, `${excess}`);
  }
  // 12 kW through 0.02 ohm at 400 V lose some 20 W, and peaks more; ten times the resistance ten times that.
  const [thin, thick] = [0.02, 0.2].map((ohm) => energyWh(model({ line: { ohm, voltageV: 400, noLoadW: 0 } })));
  const added = ((thick! - thin!) / 24) * 1;
  assert.ok(added > 120 && added < 350, `${added} W`);
});

test("what homes feed back flows out of the head, less the losses", () => {
  const { importWh, exportWh } = model({ consumed: () => ({ importWh: 0, exportWh: HOME_WH }) }).energyAt(5);
  assert.equal(importWh, 0);
  assert.ok(exportWh < 20 * HOME_WH * 1.006 && exportWh > 20 * HOME_WH * 0.97);
});

test("one seed gives one feeder, in any order of asking", () => {
  const [one, other] = [model(), model()];
  const forwards = [10, 11, 12].map((slot) => one.energyAt(slot));
  const backwards = [12, 11, 10].map((slot) => other.energyAt(slot)).reverse();
  assert.deepEqual(forwards, backwards);
  assert.notDeepEqual(model({ seed: 8 }).energyAt(10), forwards[0]);
});
