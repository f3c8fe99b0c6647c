import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { budgetOf, radioOf } from "./budget.ts";
import { DEFAULT_USE, type DeviceUse, modelDevice } from "./device-model.ts";

const model = (use: Partial<DeviceUse> = {}, radio = "wired"): ReturnType<typeof modelDevice> =>
  modelDevice(budgetOf("atmega328p"), radioOf(radio), { ...DEFAULT_USE, ...use });

test("three sealed shares take the measured 233,667 cycles, 14.6 ms at 16 MHz", () => {
  const report = model();
  assert.ok(Math.abs(report.cyclesPerReading - 233_667) < 10);
  assert.ok(Math.abs(report.cpuMsPerReading - 14.604) < 0.01);
  assert.equal(report.isModelled, true);
});

test("the energy of computing is current times voltage times time", () => {
  // 10.4 mA at 5 V for 14.604 ms.
  assert.ok(Math.abs(model().cpuMjPerReading - 0.7594) < 0.001);
});

test("the firmware fits into flash and RAM with room to spare", () => {
  const { flashFreeBytes, ramFreeBytes, fits } = model();
  assert.equal(flashFreeBytes, 32_768 - 14_878);
  assert.equal(ramFreeBytes, 2048 - 599 - 390);
  assert.equal(fits, true);
});

test("a slot shorter than the work on its reading does not fit", () => {
  const slow = { ...budgetOf("atmega328p"), cpuHz: 100_000 };
  assert.equal(modelDevice(slow, radioOf("wired"), { ...DEFAULT_USE, slotSeconds: 1 }).fits, false);
});

test("a batch that does not fit into RAM does not fit, and its length costs cycles", () => {
  assert.equal(model({ slotsPerMessage: 67 }).fits, true);
  assert.equal(model({ slotsPerMessage: 68 }).fits, false);
  assert.equal(model({ slotsPerMessage: 4 }).cyclesPerReading, 3 * (21_741 + 56_148 / 4));
  assert.equal(model({ slotsPerMessage: 8 }).cyclesPerReading, 3 * (21_741 + (56_148 + 35_390) / 8));
});

test("other ciphers cost more cycles", () => {
  assert.equal(model({ cipher: "ascon-aead128" }).cyclesPerReading, 3 * (21_741 + 151_000));
  assert.equal(model({ cipher: "aes-128-gcm" }).cyclesPerReading, 3 * (21_741 + 184_000));
});

test("a radio outweighs computing, and batching slots saves most of it", () => {
  const single = model({}, "nbiot");
  assert.ok(single.radioMjPerReading > 100 * single.cpuMjPerReading);
  const batched = model({ slotsPerMessage: 96 }, "nbiot");
  assert.ok(batched.batteryYears > 10 * single.batteryYears);
  assert.ok(batched.eepromYears > 90 * single.eepromYears);
});

test("a battery without load lasts by its self-discharge alone, and energy is conserved without it", () => {
  const use = { batteryMah: 1000, batteryV: 3.6, selfDischargePerYear: 0 };
  const report = model(use);
  const usedJ = report.meanPowerUw * 1e-6 * report.batteryYears * 365.25 * 86_400;
  assert.ok(Math.abs(usedJ - 1000 * 3.6 * 3.6) < 1e-6);
  assert.ok(model({ ...use, selfDischargePerYear: 0.05 }).batteryYears < report.batteryYears);
});

test("more aggregators and shorter slots never make a battery last longer", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 7 }), fc.constantFrom(60, 300, 900, 3600), (aggregators, slotSeconds) => {
      const here = model({ aggregators, slotSeconds });
      assert.ok(model({ aggregators: aggregators + 1, slotSeconds }).batteryYears < here.batteryYears);
      assert.ok(model({ aggregators, slotSeconds: slotSeconds * 2 }).batteryYears > here.batteryYears);
    }),
  );
});

test("unknown names and impossible uses are refused by name", () => {
  assert.throws(() => budgetOf("z80"), /device: expected one of atmega328p, got z80/);
  assert.throws(() => budgetOf("constructor"), /device: /);
  assert.throws(() => radioOf("smoke"), /radio: expected one of wired, nbiot, got smoke/);
  assert.throws(() => model({ aggregators: 0 }), /aggregators: expected an integer of at least 1, got 0/);
  assert.throws(() => model({ batteryMah: 0 }), /batteryMah: expected more than 0, got 0/);
  assert.throws(() => model({ selfDischargePerYear: -1 }), /selfDischargePerYear/);
});
