import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { distanceBits, floodingTable, margin, sigmaBitsFor } from "./flooding.ts";

const SUMS = { meters: 10_000, largestPerMeterWh: 8192, errorWh: 0.5, tail: 6, t: 3 };

test("sums of 10,000 meters reach the margins that openings with SEAL were measured at", () => {
  const rows = [
    { degree: 4096, primeBits: [36, 36], specialBits: 37, bits: 13.6 },
    { degree: 4096, primeBits: [45, 45], specialBits: 19, bits: 31.6 },
    { degree: 8192, primeBits: [60, 60], specialBits: 60, bits: 60.1 },
  ];
  for (const { bits, ...set } of rows) {
    assert.ok(Math.abs(margin({ ...set, ...SUMS, stride: 1, openings: 1000 }).distanceBits - bits) < 0.1);
  }
});

test("the flooding for a distance gives that distance, and four times the openings cost one bit", () => {
  for (const bits of [20, 40, 64]) {
    const sigmaBits = sigmaBitsFor(2.3e6, bits, 1000, 256);
    assert.ok(Math.abs(distanceBits(2.3e6, sigmaBits, 1000, 256) - bits) < 1e-9);
    assert.ok(Math.abs(distanceBits(2.3e6, sigmaBits, 4000, 256) - (bits - 1)) < 1e-9);
  }
});

test("the light set keeps 2^-30 over 10,000 openings of a day, in 48,960 bytes", () => {
  const light = { degree: 4096, primeBits: [45, 45], specialBits: 19, stride: 16, openings: 10_000, ...SUMS };
  const { distanceBits: bits, bytes } = margin(light);
  assert.ok(bits > 33.5, `${bits}`);
  assert.equal(bytes, 48_960);
});

test("docs/flooding.md holds the table that the analysis gives", () => {
  const text = readFileSync(new URL("../../../docs/flooding.md", import.meta.url), "utf8");
  assert.ok(text.includes(floodingTable()), `expected\n${floodingTable()}`);
});
