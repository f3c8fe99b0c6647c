/** Bits are refused where they could prove nothing, or hold less than a slot may. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "./faults.ts";
import { loadConfig } from "./load.ts";

function faults(set: Readonly<Record<string, unknown>>): string[] {
  try {
    loadConfig({ env: {}, flags: Object.entries(set).map(([path, value]) => ({ name: "--set", path, value })) });
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.faults.map(({ path, message }) => `${path}: ${message}`);
  }
}

test("bits are off by default, and on for the kinds that are named", () => {
  assert.deepEqual(loadConfig({ env: {} }).sharing.bits, {});
  const flags = [{ name: "--set", path: "sharing.bits", value: { import: 20 } }];
  assert.deepEqual(loadConfig({ env: {}, flags }).sharing.bits, { import: 20 });
  assert.deepEqual(loadConfig({ env: { WV_SHARING_BITS: '{"import": 20}' } }).sharing.bits, { import: 20 });
});

test("refuses kinds and widths that are none", () => {
  assert.match(faults({ "sharing.bits": { import: 53 } })[0]!, /^sharing\.bits: import: .*52/);
  assert.match(faults({ "sharing.bits": { imports: 5 } })[0]!, /^sharing\.bits: .*imports/);
});

test("refuses what the rest of the configuration does not go with, each with its reason", () => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ "system.aggregators": 4, "system.threshold": 3 }, /a proof about bits needs 5 aggregators .* there are 4/],
    [{ "meter.maxIntervalWh": 2 ** 20 }, /20 bits of import hold at most 1048575 Wh, and a slot may hold 1048576 Wh/],
    [{ "meter.maxSlotsPerMessage": 400 }, /400 slots of 20 bits take 67264 B, and a share message at most 65536 B/],
    [{ "gateway.ports": [{ port: "/dev/ttyUSB0", kind: "wattveil", meter: "m-1" }] }, /the device of m-1 shares whole/],
    [{ "simulation.enabled": true, "simulation.emulated": 1 }, /the firmware shares whole readings/],
  ];
  for (const [set, expected] of cases) {
    const [first, ...more] = faults({ "sharing.bits": { import: 20 }, ...set });
    assert.match(first ?? "no fault", expected);
    assert.deepEqual(more, []);
    assert.deepEqual(faults(set), [], "without bits it is fine");
  }
});
