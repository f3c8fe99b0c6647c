/** Releases as rounds: contents that everybody takes, noise for the epsilon asked, scales that keep sums exact. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { release } from "../../config/schema-releases.ts";
import { costOf, epsilonOf, noiseMultiplier, precisionOf, roundContent } from "../../protocol/learning/index.ts";
import { contentOf, forecastOf } from "./plan.ts";

const SLOT_SECONDS = 900;
const AT = { firstSlot: 1_900_000, step: 4, closesAt: 1_800_000_000 };
const parsed = {
  histogram: release.parse({
    ...{ name: "day-energy", type: "histogram", epsilon: 1, minMeters: 50, edgesWh: [4_000, 8_000, 16_000] },
  }),
  load: release.parse({ name: "street", type: "load", epsilon: 2, minMeters: 100, clipWh: 5_000 }),
};
assert.ok(parsed.histogram.type === "histogram" && parsed.load.type === "load");
const { histogram, load } = { histogram: parsed.histogram, load: parsed.load };

for (const asked of [histogram, load, { ...load, mechanism: "discrete-gaussian" as const, maxMeters: 1_000_000 }]) {
  test(`a ${asked.type} with ${asked.mechanism} noise costs what was asked, and is a round that everybody takes`, () => {
    const content = contentOf(asked, SLOT_SECONDS, AT);
    assert.deepEqual(roundContent.parse(content), content);
    const epsilon = epsilonOf(costOf(content).rdp!, asked.delta);
    assert.ok(epsilon <= asked.epsilon && epsilon > 0.999 * asked.epsilon, String(epsilon));
    assert.ok(Number.isInteger(Math.log2(content.vector.scale)), "sums divided by the scale are exact");
    assert.equal(content.noise.colluders, asked.minMeters / 10);
  });
}

test("a histogram of days has one count for each day, no home is clipped, and noise is told in counts", () => {
  const content = contentOf({ ...histogram, days: 7 }, SLOT_SECONDS, AT);
  assert.ok(content.task.type === "histogram");
  assert.deepEqual([content.task.slots.to - content.task.slots.from, content.task.daySlots], [672, 96]);
  assert.deepEqual([content.vector.length, content.vector.clip], [4, 7]);
  const { noiseSd, leastNoiseSd, unit } = precisionOf({ ...content, task: content.task }, 80);
  assert.equal(unit, "days");
  assert.ok(Math.abs(leastNoiseSd / (noiseMultiplier(content) * 7) - 1) < 0.01);
  // 45 honest homes make the noise that is counted, 80 the one that is there.
  assert.ok(Math.abs(noiseSd / leastNoiseSd - Math.sqrt(80 / 45)) < 1e-9);
  assert.equal(contentOf({ ...histogram, of: "slot-energy" }, SLOT_SECONDS, AT).vector.clip, 96);
  assert.equal(contentOf({ ...histogram, clip: 30 }, SLOT_SECONDS, AT).vector.clip, 30);
});

test("what a series costs is told beforehand, and grows slower than its number", () => {
  const { epsilon, together, noiseSd, values } = forecastOf(load, SLOT_SECONDS);
  assert.equal(values, 96);
  assert.ok(noiseSd > load.clipWh, "the noise is longer than a home's vector");
  const [ten] = together;
  assert.equal(ten!.releases, 10);
  assert.ok(ten!.epsilon > 3 * epsilon && ten!.epsilon < 6 * epsilon, String(ten!.epsilon));
});
