/** The thermal models against what follows from their equations by hand, and against the standard's own rates. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { strengthAfter, LineTemperatures } from "./line.ts";
import {
  ageingRate,
  DISTRIBUTION,
  lossOfLife,
  NORMAL_LIFE_HOURS,
  POWER_ONAN,
  settled,
  TransformerTemperatures,
} from "./transformer.ts";

const near = (actual: number, expected: number, tolerance: number): void =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} within ${tolerance}`);

test("relative ageing is that of IEC 60076-7's table, for both papers", () => {
  const table: [hotSpotC: number, ordinary: number, upgraded: number][] = [
    [80, 0.125, 0.036],
    [86, 0.25, 0.073],
    [92, 0.5, 0.145],
    [98, 1, 0.282],
    [104, 2, 0.536],
    [110, 4, 1],
    [116, 8, 1.83],
    [122, 16, 3.29],
    [128, 32, 5.8],
    [134, 64, 10.1],
    [140, 128, 17.2],
  ];
  for (const [hotSpotC, ordinary, upgraded] of table) {
    near(ageingRate(hotSpotC), ordinary, 1e-9);
    near(ageingRate(hotSpotC, "upgraded"), upgraded, 0.011 * upgraded + 0.0005);
  }
  near(lossOfLife([98, 104, 92], 1_000), 3_500 / NORMAL_LIFE_HOURS, 1e-12);
});

test("steady states are those of the standard: 98 degC at rated load and 20 degC", () => {
  for (const thermal of [DISTRIBUTION, POWER_ONAN]) near(settled(thermal, 1, 20).hotSpotC, 98, 1e-9);
  // No load: 55 * (1/6)^0.8 = 13.1166; half load: 55 * (2.25/6)^0.8 = 25.0948, 23 * 0.5^1.6 = 7.5872.
  near(settled(DISTRIBUTION, 0, 20).oilC, 33.1166, 1e-3);
  near(settled(DISTRIBUTION, 0.5, 0).oilC, 25.0948, 1e-3);
  near(settled(DISTRIBUTION, 0.5, 0).hotSpotC, 32.682, 1e-3);
  assert.throws(() => settled(DISTRIBUTION, -1, 20), /load: expected 0 or more, got -1/);
});

test("a step of load is approached exponentially, whatever the length of the steps", () => {
  const state = new TransformerTemperatures(DISTRIBUTION, 0, 20);
  state.step(1, 20, 3);
  // Three hours are one time constant of the oil and 22 of the winding.
  near(state.oilC, 75 + (33.1166 - 75) * Math.exp(-1), 1e-3);
  near(state.hotSpotC - state.oilC, 23, 1e-6);
  const power = (steps: number): TransformerTemperatures => {
    const one = new TransformerTemperatures(POWER_ONAN, 0.4, 10);
    for (let i = 0; i < steps; i++) one.step(1.3, 10, 2 / steps);
    return one;
  };
  near(power(1).hotSpotC, power(240).hotSpotC, 1e-9);
  near(power(1).oilC, power(240).oilC, 1e-9);
});

test("Euler's steps of the standard lead to the same temperatures", () => {
  const { oilRiseK, hotSpotGradientK, lossRatio, oilExponent, windingExponent, k11, k21, k22 } = POWER_ONAN;
  const { oilMinutes, windingMinutes } = POWER_ONAN;
  const [load, ambient, dt] = [1.2, 15, 0.05];
  let oil = settled(POWER_ONAN, 0.5, ambient).oilC;
  let fast = k21 * hotSpotGradientK * 0.5 ** windingExponent;
  let slow = (k21 - 1) * hotSpotGradientK * 0.5 ** windingExponent;
  for (let minute = 0; minute < 60; minute += dt) {
    oil +=
      (dt / (k11 * oilMinutes)) *
      (((1 + load ** 2 * lossRatio) / (1 + lossRatio)) ** oilExponent * oilRiseK - (oil - ambient));
    fast += (dt / (k22 * windingMinutes)) * (k21 * hotSpotGradientK * load ** windingExponent - fast);
    slow += (dt / (oilMinutes / k22)) * ((k21 - 1) * hotSpotGradientK * load ** windingExponent - slow);
  }
  const state = new TransformerTemperatures(POWER_ONAN, 0.5, ambient);
  state.step(load, ambient, 1);
  near(state.oilC, oil, 0.02);
  near(state.hotSpotC, oil + fast - slow, 0.05);
});

test("a conductor keeps its strength up to 95 degC and loses it by the logarithm of time above", () => {
  assert.equal(strengthAfter(1, 95, 100_000), 1);
  // 125 degC: (0.125 - 0.095) * 0.1 / 0.12 = 0.025.
  near(strengthAfter(1, 125, 999), 1_000 ** -0.025, 1e-9);
  near(strengthAfter(strengthAfter(1, 125, 400), 125, 599), 1_000 ** -0.025, 1e-9);
  const line = new LineTemperatures(20);
  line.step(1, 20, 10);
  near(line.celsius, 60, 1e-6);
  assert.equal(line.strength, 1);
});
