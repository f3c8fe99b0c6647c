import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seriesShape } from "../../../config/ckks-series.ts";
import { configSchema } from "../../../config/schema.ts";
import { hasMember } from "../../../protocol/bitmap.ts";
import { numbersOf, presenceOf, TooLargeError } from "./contents.ts";

const { homomorphic } = configSchema.parse({
  homomorphic: {
    series: {
      energy: { kind: "import", set: "light", content: "energy" },
      moments: { kind: "import", set: "standard", content: "moments" },
      squares: { kind: "import", set: "standard", content: "squares" },
      narrow: { kind: "import", set: "light", content: "energy", maxReadingWh: 400 },
      peak: { kind: "import", set: "light", content: "peak" },
      buckets: { kind: "import", set: "light", content: "buckets", levels: [100, 500] },
    },
  },
});
const numbers = (name: string, readings: (number | undefined)[], most = 25_000) => [
  ...numbersOf(seriesShape(homomorphic, name), readings, most),
];

test("energy and its squares stand in the slots that have a value, the peak in the first slot alone", () => {
  const readings = [3, undefined, 0, 7];
  assert.deepEqual(numbers("energy", readings), [3, 0, 0, 7]);
  assert.deepEqual(numbers("squares", readings), [9, 0, 0, 49]);
  assert.deepEqual(numbers("moments", readings), [3, 9, 0, 0, 0, 0, 7, 49]);
  assert.deepEqual(numbers("peak", readings), [7, 0, 0, 0]);
  assert.deepEqual(numbers("peak", [undefined, 3, 7]), [0, 0, 0], "without a reading there, there is none");
  const present = (name: string) => {
    const bits = presenceOf(seriesShape(homomorphic, name), readings);
    return [0, 1, 2, 3].map((slot) => hasMember(bits, slot));
  };
  assert.deepEqual(present("energy"), [true, false, true, true]);
  assert.deepEqual(present("peak"), [true, false, false, false]);
});

test("a reading has a one in exactly its bucket, and none where there is no reading", () => {
  // Four slots, each with its three buckets.
  assert.deepEqual(numbers("buckets", [99, 100, undefined, 500]), [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
  const readings = fc.array(fc.option(fc.integer({ min: 0, max: 25_000 }), { nil: undefined }), { minLength: 1 });
  fc.assert(
    fc.property(readings, (window) => {
      const ones = numbers("buckets", window);
      for (const [slot, reading] of window.entries()) {
        const found = [0, 1, 2].map((bucket) => ones[3 * slot + bucket]!);
        assert.equal(found[0]! + found[1]! + found[2]!, reading === undefined ? 0 : 1);
        if (reading !== undefined) assert.equal(found[reading < 100 ? 0 : reading < 500 ? 1 : 2], 1);
      }
    }),
  );
});

test("a reading above the bound stops its window, and the error does not tell it", () => {
  assert.deepEqual(numbers("energy", [500], 500), [500]);
  assert.deepEqual(numbers("narrow", [400]), [400]);
  assert.throws(() => numbers("narrow", [3, 401]), /slot 1 has more than 400 Wh/);
  assert.throws(() => numbers("energy", [25_001], 1e6), /more than 25000 Wh/);
  assert.throws(
    () => numbers("energy", [3, 501], 500),
    (error) => error instanceof TooLargeError && error.slot === 1 && !error.message.includes("501"),
  );
});
