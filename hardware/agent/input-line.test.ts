import assert from "node:assert/strict";
import { test } from "node:test";
import { KINDS } from "../../protocol/units.ts";
import { InputLineError, takeLine } from "./input-line.ts";
import { Rig } from "./testing/bench-rig.ts";

const CLOCK = { slotSeconds: 900, now: 101 * 900 };

test("takes intervals and register samples", () => {
  const rig = new Rig();
  takeLine(rig.agent, '{"slotStart": 90000, "energyWh": 250, "exportWh": 3}', CLOCK);
  assert.equal(rig.agent.nextSlot(KINDS.import), 101);
  assert.equal(rig.agent.nextSlot(KINDS.export), 101);
  takeLine(rig.agent, '{"time": 90900, "importWh": 1000}', CLOCK);
  assert.equal(rig.agent.registerSlot, 101);
});

test("refuses what is no reading and changes nothing", () => {
  const rig = new Rig();
  const bad = [
    "",
    "null",
    "[]",
    '{"slotStart": 90000}',
    '{"slotStart": 90000, "energyWh": -1}',
    '{"slotStart": 90000, "energyWh": 0.5}',
    '{"slotStart": 90000, "energyWh": 1, "more": 1}',
    '{"slotStart": 90001, "energyWh": 1}',
    '{"time": -1, "importWh": 1}',
    '{"time": 90000, "importWh": 9e15}',
  ];
  for (const line of bad) assert.throws(() => takeLine(rig.agent, line, CLOCK), InputLineError, line);
  assert.equal(rig.agent.nextSlot(KINDS.import), 0);
  assert.equal(rig.agent.registerSlot, undefined);
});

test("refuses times ahead of the clock, which would shut out all that follow", () => {
  const rig = new Rig();
  for (const line of ['{"slotStart": 900000000000000, "energyWh": 1}', '{"time": 4070908800, "importWh": 1}']) {
    assert.throws(() => takeLine(rig.agent, line, CLOCK), /ahead of this device's clock/);
  }
  takeLine(rig.agent, '{"slotStart": 90000, "energyWh": 1}', CLOCK);
  assert.throws(() => rig.agent.addReadings(KINDS.import, 2 ** 32, [1]), /slot: expected an integer from 0/);
});

test("says in one line what was expected", () => {
  const rig = new Rig();
  takeLine(rig.agent, '{"slotStart": 90000, "energyWh": 1}', CLOCK);
  const cases: [string, RegExp][] = [
    ["m-001;5", /^expected \{"slotStart".*\} or \{"time".*\}.*; this is no JSON$/],
    ["{}", /^expected \{"slotStart".*\} or \{"time".*\}/],
    ['{"slotStart": 90900}', /^expected \{"slotStart".*\}; energyWh: /],
    ['{"time": 90900, "importWh": "7"}', /^expected \{"time".*\}; importWh: /],
    ['{"slotStart": 90900, "energyWh": 1, "more": 1}', /more/],
    ['{"slotStart": 90000, "energyWh": 2}', /^slotStart: expected 90900 or later, got 90000/],
    ['{"slotStart": 90899, "energyWh": 2}', /^slotStart: expected a multiple of 900 s, got 90899$/],
  ];
  for (const [line, message] of cases) {
    assert.throws(
      () => takeLine(rig.agent, line, CLOCK),
      (error) => error instanceof InputLineError && message.test(error.message) && !error.message.includes("\n"),
      line,
    );
  }
});

test("takes neither value of a line of which one is taken already", () => {
  const rig = new Rig();
  rig.agent.addReadings(KINDS.export, 100, [1]);
  assert.throws(() => takeLine(rig.agent, '{"slotStart": 90000, "energyWh": 1, "exportWh": 2}', CLOCK), InputLineError);
  assert.equal(rig.agent.nextSlot(KINDS.import), 0);
});
