import assert from "node:assert/strict";
import { test } from "node:test";
import { counted, parseThefts, TheftError } from "./thefts.ts";

const METERS = ["m-001", "m-002"];
const ENERGY = { importWh: 100, exportWh: 40 };

test("thefts are read from words, with defaults", () => {
  assert.deepEqual(parseThefts("bypass:m-002:0.25@1.5,reset:m-001", METERS, 3), [
    { kind: "bypass", meter: "m-002", share: 0.25, fromDay: 1.5, days: 0 },
    { kind: "reset", meter: "m-001", share: 0, fromDay: 0, days: 0 },
  ]);
  assert.deepEqual(parseThefts("", METERS, 3), []);
});

test("words that are no theft are refused with what was expected", () => {
  for (const [text, why] of [
    ["burn:m-001", /expected kind:meter/],
    ["bypass:m-009", /no meter m-009/],
    ["bypass:m-001:2", /share from 0 to 1, got 2/],
    ["bypass", /expected kind:meter/],
    ["stop:m-001@3", /begins after the run's 3 days/],
  ] as const) {
    assert.throws(
      () => parseThefts(text, METERS, 3),
      (error) => error instanceof TheftError && why.test(error.message),
    );
  }
});

test("a meter counts less from the day on, a growing theft less and less, a reset loses a slot a day", () => {
  const bypass = { kind: "bypass", share: 0.25, fromDay: 2, days: 0 } as const;
  assert.deepEqual(counted(ENERGY, bypass, 1.99, 96), ENERGY);
  assert.deepEqual(counted(ENERGY, bypass, 2, 96), { importWh: 75, exportWh: 40 });
  const scale = { kind: "scale", share: 0.5, fromDay: 2, days: 10 } as const;
  assert.equal(counted(ENERGY, scale, 7, 96)?.importWh, 75);
  assert.equal(counted(ENERGY, scale, 30, 96)?.importWh, 50);
  assert.deepEqual(counted(ENERGY, { kind: "stop", share: 1, fromDay: 0, days: 0 }, 1, 96), {
    importWh: 0,
    exportWh: 0,
  });
  const reset = { kind: "reset", share: 0, fromDay: 0, days: 0 } as const;
  const lost = Array.from({ length: 192 }, (_, slot) => counted(ENERGY, reset, slot / 96, 96)).filter(
    (one) => one === undefined,
  );
  assert.equal(lost.length, 2);
});
