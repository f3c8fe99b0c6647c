import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { ReleasedValues } from "./released.ts";
import { Totals } from "./totals.ts";

function rig() {
  const database = new Database(":memory:");
  const announced: string[][] = [];
  const states: [string, Record<string, number>][] = [];
  const refused: string[] = [];
  const open = (): ReleasedValues =>
    new ReleasedValues({
      publisher: {
        announce: ({ sensors }) => announced.push(sensors.map(({ field }) => field)),
        state: (id, values) => states.push([id, { ...values }]),
      },
      totals: new Totals(database),
      refused: (code) => refused.push(code),
    });
  return { open, announced, states, refused };
}

function load(feederId: string, slotStart: number, energyWh: number, exportWh: number | null = null): Buffer {
  const rest = { slotSeconds: 900, powerW: energyWh * 4, meters: 5, status: "final" };
  return Buffer.from(JSON.stringify({ feederId, slotStart, energyWh, exportWh, ...rest }));
}

const TOPIC = "wv/1/pub/feeder/f-1/load";

test("a feeder's loads add up, each slot once, across a restart", () => {
  const { open, states, refused } = rig();
  open().take(TOPIC, load("f-1", 900, 1_500));
  const again = open();
  again.take(TOPIC, load("f-1", 900, 1_500));
  again.take(TOPIC, load("f-1", 1_800, 500));
  assert.deepEqual(states, [
    ["feeder-f-1", { importKwh: 1.5, powerW: 6_000 }],
    ["feeder-f-1", { importKwh: 2, powerW: 2_000 }],
  ]);
  assert.deepEqual(refused, ["slot-again"]);
});

test("a sensor for export appears with the first export, and stays", () => {
  const { open, announced, states } = rig();
  const values = open();
  values.take(TOPIC, load("f-1", 900, 1_500));
  values.take(TOPIC, load("f-1", 1_800, 100, 250));
  values.take(TOPIC, load("f-1", 2_700, 100));
  assert.deepEqual(announced, [
    ["importKwh", "powerW"],
    ["importKwh", "exportKwh", "powerW"],
  ]);
  assert.equal(states.at(-1)?.[1]["exportKwh"], 0.25);
});

test("what is no load of the feeder that its topic names is counted", () => {
  const { open, states, refused } = rig();
  const values = open();
  values.take(TOPIC, Buffer.from("no JSON"));
  values.take(TOPIC, load("f-2", 900, 1));
  values.take("wv/1/pub/alert/x", load("f-1", 900, 1));
  assert.deepEqual(refused, ["bad-load", "bad-load", "bad-load"]);
  assert.deepEqual(states, []);
});
