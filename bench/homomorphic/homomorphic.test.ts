import assert from "node:assert/strict";
import { after, test } from "node:test";
import { describeHomomorphic } from "./describe.ts";
import { dayOf, packedDay } from "./meters.ts";
import { operations } from "./operations.ts";
import { packingSweep } from "./packing.ts";
import { makeParty } from "./party.ts";
import { soak } from "./soak.ts";
import { fleetSum, fleetSums, scaling } from "./sums.ts";
import { varianceAccuracy } from "./variance.ts";

const light = await makeParty("light", false);
const standard = await makeParty("standard", true);
after(() => [light, standard].forEach(({ engine }) => engine.close()));

test("sums opened with the configured flooding round to the exact number, and nothing stays behind in SEAL", () => {
  const done: number[] = [];
  const { samples, accuracy } = soak(light, 40, [10, 20], (at) => done.push(at));
  assert.deepEqual(done, [10, 20, 30, 40]);
  assert.equal(new Set(samples.map(({ sealObjects }) => sealObjects)).size, 1);
  assert.deepEqual(
    accuracy.map(({ meters, sums }) => [meters, sums]),
    [
      [10, 4],
      [20, 2],
    ],
  );
  for (const { wrongSlots, sumErrorWh } of accuracy) {
    assert.equal(wrongSlots, 0);
    assert.ok(sumErrorWh > 0 && sumErrorWh < 0.5, `${sumErrorWh} Wh`);
  }
});

test("the variance opened with the configured flooding is right to 1e-4", () => {
  const { relativeError, sigmaBits } = varianceAccuracy(standard, 25, () => {});
  assert.ok(relativeError > 0 && relativeError < 1e-4, String(relativeError));
  assert.equal(sigmaBits.length, 2);
});

test("all figures are there, agree over threads, and read as words", async () => {
  const pool = Array.from({ length: 6 }, (_, meter) => packedDay(light, dayOf(meter)));
  const threads = await scaling(light, pool, 14, 1);
  assert.deepEqual(
    threads.map((one) => one.threads),
    [1, 2],
  );
  assert.equal(fleetSum(light.engine, pool, 3).level, light.engine.dataLevels);
  const sets = [
    await operations({ set: "light", products: false }, 1),
    await operations({ set: "standard", products: true }, 1),
  ];
  assert.ok(Object.values(sets[1]!.times).every(({ ms, firstMs }) => ms > 0 && ms <= firstMs));
  assert.equal(sets[0]!.times["multiply"], undefined);
  const text = describeHomomorphic({
    naiveBytes: 393_329,
    sets,
    packing: packingSweep(light, 1),
    sums: fleetSums(light, pool, [2, 10], 1),
    threads,
    soak: soak(light, 4, [1, 2], () => {}),
    variance: varianceAccuracy(standard, 2, () => {}),
  });
  assert.doesNotMatch(text.replaceAll(/MiB|SEAL/g, ""), /[a-z][A-Z]|[{}"[\]]|undefined|NaN/);
  assert.match(text, /no room/);
});
