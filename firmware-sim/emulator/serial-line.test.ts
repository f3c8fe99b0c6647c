import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sampleFrame } from "./serial-line.ts";

const byte = fc.integer({ min: 0, max: 255 });

test("a receiver up to 4 % fast or slow reads what was sent", () => {
  fc.assert(
    fc.property(byte, fc.double({ min: 0.96, max: 1.04, noNaN: true }), (sent, ratio) => {
      assert.deepEqual(sampleFrame(sent, ratio), { byte: sent, framingError: false });
    }),
  );
});

test("from about 5 % on the last bits are taken for their neighbours", () => {
  assert.notEqual(sampleFrame(0x80, 0.93)?.byte, 0x80);
  assert.equal(sampleFrame(0x7f, 0.93)?.framingError, true);
  assert.notEqual(sampleFrame(0x55, 1.08)?.byte, 0x55);
});

test("at half the rate a byte looks like another, at a third like none", () => {
  assert.notEqual(sampleFrame(0x31, 2)?.byte, 0x31);
  assert.equal(sampleFrame(0xff, 3), undefined);
});
