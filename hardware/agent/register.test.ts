import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { KINDS } from "../../protocol/units.ts";
import { differenceSample, type IntervalReading, type RegisterEvent, type RegisterSample } from "./register.ts";

const RULES = { slotSeconds: 900, boundaryToleranceSeconds: 45, maxIntervalWh: 10_000, registerModulus: 1_000_000 };

function difference(samples: readonly RegisterSample[]): { readings: IntervalReading[]; events: RegisterEvent[] } {
  let state = {};
  const readings: IntervalReading[] = [];
  const events: RegisterEvent[] = [];
  for (const sample of samples) {
    const result = differenceSample(state, sample, RULES);
    state = result.state;
    readings.push(...result.readings);
    events.push(...result.events);
  }
  return { readings, events };
}

const at = (slot: number, importWh: number, exportWh?: number): RegisterSample =>
  exportWh === undefined ? { time: slot * 900, importWh } : { time: slot * 900, importWh, exportWh };

test("differences a register at slot boundaries, import and export apart", () => {
  const { readings, events } = difference([at(10, 500, 7), at(11, 750, 7), at(12, 760, 30)]);
  assert.deepEqual(readings, [
    { kind: KINDS.import, slot: 10, energyWh: 250 },
    { kind: KINDS.export, slot: 10, energyWh: 0 },
    { kind: KINDS.import, slot: 11, energyWh: 10 },
    { kind: KINDS.export, slot: 11, energyWh: 23 },
  ]);
  assert.deepEqual(events, []);
});

test("ignores samples between boundaries and repeats of a boundary", () => {
  const samples = [
    at(10, 500),
    { time: 9_200, importWh: 600 },
    { time: 9_860, importWh: 700 },
    { time: 9_902, importWh: 701 },
  ];
  assert.deepEqual(difference(samples).readings, [{ kind: KINDS.import, slot: 10, energyWh: 200 }]);
});

test("a missed boundary is a gap with one catchup, never a spike", () => {
  const { readings, events } = difference([at(10, 500), at(14, 2_500), at(15, 2_600)]);
  assert.deepEqual(readings, [
    { kind: KINDS.catchup, slot: 13, energyWh: 2_000 },
    { kind: KINDS.import, slot: 14, energyWh: 100 },
  ]);
  assert.deepEqual(events, [{ code: "gap", direction: "import", from: 10, to: 14 }]);
});

test("a register that wraps is a rollover", () => {
  const { readings, events } = difference([at(10, 999_900), at(11, 50)]);
  assert.deepEqual(readings, [{ kind: KINDS.import, slot: 10, energyWh: 150 }]);
  assert.equal(events[0]?.code, "rollover");
});

test("a register that went back otherwise is a reset: a gap without energy", () => {
  const { readings, events } = difference([at(10, 500_000), at(11, 20), at(12, 120)]);
  assert.deepEqual(readings, [{ kind: KINDS.import, slot: 11, energyWh: 100 }]);
  assert.deepEqual(events, [{ code: "reset", direction: "import", from: 10, to: 11 }]);
});

test("a jump that no slot can hold is not believed", () => {
  const { readings, events } = difference([at(10, 0), at(11, 10_001), at(12, 10_101)]);
  assert.deepEqual(readings, [{ kind: KINDS.import, slot: 11, energyWh: 100 }]);
  assert.equal(events[0]?.code, "implausible");
});

test("refuses a register that is negative, fractional or beyond the modulus, without printing it", () => {
  for (const importWh of [-1, 0.5, 1_000_000, Number.NaN]) {
    assert.throws(
      () => differenceSample({}, at(10, importWh), RULES),
      /importWh: expected an integer from 0 to 999999/,
    );
  }
});

test("readings and catchups add up to the register's difference, whatever samples are missed", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ energyWh: fc.nat(9_000), seen: fc.boolean() }), { minLength: 1, maxLength: 60 }),
      (slots) => {
        let register = 0;
        const samples = [at(100, 0)];
        for (const [index, { energyWh, seen }] of slots.entries()) {
          register += energyWh;
          if (seen || index === slots.length - 1) samples.push(at(101 + index, register));
        }
        const { readings } = difference(samples);
        assert.equal(
          readings.reduce((sum, { energyWh }) => sum + energyWh, 0),
          register,
        );
        const cells = readings.map(({ kind, slot }) => `${kind}/${slot}`);
        assert.equal(new Set(cells).size, cells.length);
      },
    ),
  );
});
