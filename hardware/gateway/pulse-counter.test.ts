import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { PulseCounter } from "./pulse-counter.ts";

function open(database: Database.Database, pulsesPerKwh: number, clock = { now: 0 }) {
  return new PulseCounter({ database, pulsesPerKwh, saveSeconds: 10, monotonic: () => clock.now });
}

test("watt-hours are whole, and what a division leaves is carried", () => {
  const counter = open(new Database(":memory:"), 600);
  for (let pulse = 1; pulse <= 6_000; pulse++) {
    counter.add(1);
    assert.equal(counter.registerWh, Math.floor((pulse * 1_000) / 600));
  }
  assert.equal(counter.registerWh, 10_000);
});

test("after a power cut the register is the one of the last writing, never above what was counted", () => {
  const database = new Database(":memory:");
  const clock = { now: 0 };
  const counter = open(database, 1_000, clock);
  counter.add(5);
  assert.equal(open(database, 1_000).pulses, 0, "not written yet");
  clock.now = 10_000;
  counter.add(1);
  assert.equal(open(database, 1_000).pulses, 6);
  counter.add(3);
  counter.save();
  assert.equal(open(database, 1_000).registerWh, 9);
});

test("another pulse constant goes on from the register as it stood", () => {
  const database = new Database(":memory:");
  const counter = open(database, 1_000);
  counter.add(2_500);
  counter.save();
  const other = open(database, 500);
  assert.equal(other.registerWh, 2_500);
  other.add(1);
  assert.equal(other.registerWh, 2_502);
  other.save();
  assert.equal(open(database, 500).registerWh, 2_502);
});
