import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type DeviceOptions, SimulatedDevice } from "./simulated-device.ts";

const START = Date.UTC(2025, 0, 1) / 1000;
const YEAR = 365 * 86_400;
const device = (options: Partial<DeviceOptions> = {}): SimulatedDevice =>
  new SimulatedDevice({ seed: 1, meter: "m-1", ...options });

test("clocks drift within the tolerance of their crystal, as many fast as slow", () => {
  const drifts = Array.from({ length: 2000 }, (_, i) => device({ meter: `m-${i}` }).driftPpm);
  assert.ok(drifts.every((ppm) => Math.abs(ppm) <= 30));
  const fast = drifts.filter((ppm) => ppm > 0).length;
  assert.ok(fast > 900 && fast < 1100, `${fast} of 2000 fast`);
});

test("a clock is right when it is set and wrong in proportion afterwards", () => {
  const { driftPpm } = device();
  assert.equal(device().clockAt(START, START), START);
  assert.ok(Math.abs(device().clockAt(START + 1e6, START) - (START + 1e6 + driftPpm)) < 1e-6);
  const seconds = device().secondsUntilWrongBy(2);
  assert.ok(Math.abs(Math.abs(device().clockAt(START + seconds, START) - START - seconds) - 2) < 1e-6);
  assert.throws(() => device().clockAt(START - 1, START), /trueTime/);
});

test("reboots and brown-outs come at their rates and last their times", () => {
  const counts = { reboot: 0, "brown-out": 0 };
  let downSeconds = 0;
  for (let i = 0; i < 300; i += 1) {
    const options = { meter: `m-${i}`, rebootsPerYear: 12, brownOutsPerYear: 6, brownOutSeconds: 60 };
    for (const event of device(options).events(START, START + YEAR)) {
      counts[event.kind] += 1;
      if (event.kind === "brown-out") downSeconds += event.downSeconds;
      else assert.equal(event.downSeconds, 0.065);
    }
  }
  assert.ok(Math.abs(counts.reboot / 3600 - 1) < 0.06, `${counts.reboot} reboots`);
  assert.ok(Math.abs(counts["brown-out"] / 1800 - 1) < 0.08, `${counts["brown-out"]} brown-outs`);
  assert.ok(Math.abs(downSeconds / counts["brown-out"] / 60 - 1) < 0.1);
});

test("events can be asked for any stretch of time and are the same", () => {
  const options = { rebootsPerYear: 2000, brownOutsPerYear: 2000, brownOutSeconds: 3000 };
  const all = [...device(options).events(START, START + 20 * 86_400)];
  assert.ok(all.length > 100);
  fc.assert(
    fc.property(fc.nat(20 * 86_400), fc.nat(20 * 86_400), (a, b) => {
      const [from, to] = [START + Math.min(a, b), START + Math.max(a, b)];
      assert.deepEqual(
        [...device(options).events(from, to)],
        all.filter((event) => event.at >= from && event.at < to),
      );
    }),
  );
});

test("events never overlap", () => {
  const options = { rebootsPerYear: 5000, brownOutsPerYear: 5000, brownOutSeconds: 5000 };
  let upAt = 0;
  for (const event of device(options).events(START, START + 60 * 86_400)) {
    assert.ok(event.at >= upAt);
    upAt = event.at + event.downSeconds;
  }
});

test("a device that never fails has no events, and a rate below zero is refused", () => {
  assert.deepEqual([...device({ rebootsPerYear: 0, brownOutsPerYear: 0 }).events(START, START + YEAR)], []);
  assert.throws(() => device({ rebootsPerYear: -1 }), /rebootsPerYear: expected 0 to 100000, got -1/);
});

test("the report follows from the device, the radio and the use", () => {
  const { report } = device({ radio: "nbiot", use: { aggregators: 5, slotsPerMessage: 96 } });
  assert.equal(report.isModelled, true);
  assert.ok(report.batteryYears > 1 && report.cpuMsPerReading > 0);
  assert.throws(() => device({ device: "abacus" }), /device: expected one of/);
});
