import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { differenceSample, type RegisterState } from "../agent/register.ts";
import type { Telegram } from "../readers/reader.ts";
import { BoundarySampler } from "./boundary-sampler.ts";
import { MeterFeed, type MeterFeedOptions } from "./meter-feed.ts";
import type { TimedRegisters } from "./register-filter.ts";

const RULES = { slotSeconds: 900, toleranceSeconds: 45, maxIntervalWh: 100_000 };
const DIFFERENCING = {
  ...{ slotSeconds: 900, boundaryToleranceSeconds: 45, maxIntervalWh: 100_000 },
  registerModulus: 1_000_000_000,
};
const START = 1_800_000_000;

function rig(options: Partial<MeterFeedOptions> = {}) {
  const samples: TimedRegisters[] = [];
  const shown: [number, number | undefined][] = [];
  const refused: string[] = [];
  let now = START;
  const feed = new MeterFeed({
    ...RULES,
    clockSeconds: 300,
    now: () => now,
    sample: (one) => samples.push(one),
    shown: ({ importWh }, powerW) => shown.push([importWh, powerW]),
    log: { refused: (code) => refused.push(code), count: () => undefined },
    ...options,
  });
  const telegram = (importWh: number | undefined, more: Partial<Telegram> = {}): Telegram => ({
    ...{ type: "telegram", protocol: "p1", check: "valid", model: "", values: [], subMeters: [], skipped: [] },
    ...{ locked: false, registers: importWh === undefined ? {} : { importWh } },
    ...more,
  });
  return {
    ...{ feed, samples, shown, refused, telegram },
    at: (time: number, importWh: number | undefined, more: Partial<Telegram> = {}) => {
      now = START + time;
      feed.take(telegram(importWh, more));
    },
  };
}

test("of a telegram every second the one at the boundary is the sample", () => {
  const { at, samples } = rig();
  for (let second = 1; second <= 1_900; second++) at(second, 1_000_000 + second);
  assert.deepEqual(
    samples.map(({ time, importWh }) => [time - START, importWh]),
    [
      // The first look is near enough to the boundary before it.
      [1, 1_000_001],
      [900, 1_000_900],
      [1_800, 1_001_800],
    ],
  );
});

test("with telegrams rarely the nearest is the sample, and what is too far stands for none", () => {
  const samples: number[] = [];
  const sampler = new BoundarySampler(RULES, ({ time }) => samples.push(time));
  for (const time of [830, 860, 897, 907, 1_790, 1_840, 2_600, 2_690, 2_760, 3_599])
    sampler.take({ time, importWh: 1 });
  assert.deepEqual(samples, [897, 1_790, 2_690]);
});

test("the nearest look before a boundary counts when the line goes down", () => {
  const samples: number[] = [];
  const sampler = new BoundarySampler(RULES, ({ time }) => samples.push(time));
  for (const time of [880, 897]) sampler.take({ time, importWh: 1 });
  assert.deepEqual(samples, []);
  sampler.flush();
  assert.deepEqual(samples, [897]);
  sampler.take({ time: 903, importWh: 1 });
  assert.deepEqual(samples, [897], "a boundary has one sample");
});

test("a register that one telegram shows too high or too low is not believed", () => {
  for (const wrong of [9_001_000, 1_000]) {
    const { at, samples, shown, refused } = rig();
    for (let second = 890; second <= 920; second++) at(second, second === 900 ? wrong : 1_001_000);
    assert.equal(samples.length, 1);
    assert.equal(samples[0]?.importWh, 1_001_000);
    assert.ok(shown.every(([importWh]) => importWh === 1_001_000));
    assert.ok(refused.length > 0);
  }
});

test("an exchanged meter is believed, once its register has stayed for longer than a boundary's looks", () => {
  const { at, samples, refused } = rig();
  at(898, 5_000_000);
  at(899, 5_000_000);
  for (let second = 1_700; second <= 1_810; second += 10) at(second, 12);
  assert.deepEqual(
    samples.map(({ importWh }) => importWh),
    [5_000_000, 12],
  );
  assert.deepEqual(new Set(refused), new Set(["register-backwards"]));
});

test("telegrams of a while ago that come again, also several that agree, are neither a reset nor energy twice", () => {
  for (const [again, seconds] of [
    [600, 5],
    [60, 40],
    [890, 80],
  ] as const) {
    const { at, samples, refused } = rig();
    const register = (second: number): number => 1_000_000 + second;
    for (let second = 1; second <= 3_700; second++) {
      const isReplayed = Math.abs(second - 1_800) <= seconds / 2;
      at(second, register(isReplayed ? second - again : second));
    }
    assert.ok(refused.includes("register-backwards"));
    let state: RegisterState = {};
    const readings = samples.flatMap((sample) => {
      const result = differenceSample(state, sample, DIFFERENCING);
      ({ state } = result);
      assert.deepEqual(result.events, []);
      return result.readings;
    });
    const energy = readings.reduce((sum, { energyWh }) => sum + energyWh, 0);
    assert.equal(energy, samples.at(-1)!.importWh - samples[0]!.importWh);
    assert.equal(readings.length, 4);
    for (const { energyWh } of readings) assert.ok(energyWh > 850 && energyWh < 950, `${energyWh} Wh in a slot`);
  }
});

test("a meter whose clock is far off is not read, a computer's clock that goes back begins anew", () => {
  const { at, samples, refused } = rig();
  at(899, 1_000, { time: START + 899 + 301 });
  at(900, 1_000, { time: START + 900 + 301 });
  assert.deepEqual(refused, ["clock", "clock"]);
  at(1_799, 1_000, { time: START + 1_799 });
  at(1_700, 1_000);
  assert.equal(refused.at(-1), "clock-back");
  at(1_801, 1_000);
  at(1_802, 1_000);
  assert.equal(samples.length, 1);
});

test("a telegram without a register of import is counted", () => {
  const { at, refused } = rig();
  at(1, undefined);
  assert.deepEqual(refused, ["no-register"]);
});

test("whatever single telegrams say wrongly, the readings add up to the register and none is a spike", () => {
  const telegram = fc.record({ step: fc.integer({ min: 0, max: 40 }), wrong: fc.option(fc.nat(2 ** 40), { freq: 8 }) });
  fc.assert(
    fc.property(fc.array(telegram, { minLength: 100, maxLength: 600 }), (telegrams) => {
      const { at, samples } = rig();
      let register = 70_000_000;
      let lastWrong = -2;
      for (const [i, { step, wrong }] of telegrams.entries()) {
        register += step;
        // Two in a row that agree would be another meter.
        const believed = wrong === null || i - lastWrong < 3 ? register : wrong;
        if (believed !== register) lastWrong = i;
        at(i * 10, believed);
      }
      let state: RegisterState = {};
      let energy = 0;
      for (const sample of samples) {
        const result = differenceSample(state, sample, DIFFERENCING);
        ({ state } = result);
        for (const { energyWh } of result.readings) {
          assert.ok(energyWh <= 90 * 40 * 3);
          energy += energyWh;
        }
      }
      const [first, last] = [samples[0], samples.at(-1)];
      if (first !== undefined && last !== undefined) {
        // A wrong look within the step that a register may take moves energy to the next slot, and makes none.
        assert.equal(energy, last.importWh - first.importWh);
        assert.ok(last.importWh - register <= 1_000);
      }
    }),
  );
});
