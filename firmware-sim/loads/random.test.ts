import assert from "node:assert/strict";
import { test } from "node:test";
import { mix32, nameOf, PURPOSES, RandomStream } from "./random.ts";

const SEED = nameOf("seed");

function draws(subject: string, index: number, count = 8): number[] {
  const stream = new RandomStream().enter(SEED, nameOf(subject), index, PURPOSES.home);
  return Array.from({ length: count }, () => stream.next());
}

test("a substream gives the same draws whenever it is entered", () => {
  const stream = new RandomStream().enter(SEED, nameOf("m-1"), 7, PURPOSES.home);
  for (let i = 0; i < 1000; i += 1) stream.next();
  stream.enter(SEED, nameOf("m-1"), 7, PURPOSES.home);
  assert.deepEqual(
    Array.from({ length: 8 }, () => stream.next()),
    draws("m-1", 7),
  );
});

test("neighbouring days, meters and purposes have unrelated substreams", () => {
  const seen = new Set<string>();
  for (let meter = 0; meter < 100; meter += 1) {
    for (let day = 20_000; day < 20_100; day += 1) seen.add(draws(`m-${meter}`, day, 2).join());
  }
  assert.equal(seen.size, 10_000);
  const first = new RandomStream().enter(SEED, nameOf("m"), 1, PURPOSES.cloud).uniform();
  assert.notEqual(first, new RandomStream().enter(SEED, nameOf("m"), 1, PURPOSES.temperature).uniform());
});

test("the first draw of consecutive substreams is uniform", () => {
  const buckets = new Array<number>(16).fill(0);
  for (let day = 0; day < 16_000; day += 1) {
    const bucket = Math.floor(new RandomStream().enter(SEED, nameOf("m-1"), day, PURPOSES.localDay).uniform() * 16);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  const chiSquare = buckets.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  // 15 degrees of freedom: 37.7 is exceeded once in a thousand; the seed is fixed.
  assert.ok(chiSquare < 37.7, `chi-square ${chiSquare}`);
});

test("normal, log-normal, exponential and Poisson draws have their means and spreads", () => {
  const stream = new RandomStream().enter(SEED, nameOf("moments"), 0, PURPOSES.home);
  const mean = (draw: () => number): number => {
    let sum = 0;
    for (let i = 0; i < 100_000; i += 1) sum += draw();
    return sum / 100_000;
  };
  assert.ok(Math.abs(mean(() => stream.normal())) < 0.015);
  assert.ok(Math.abs(mean(() => stream.normal() ** 2) - 1) < 0.03);
  assert.ok(Math.abs(mean(() => stream.logNormal(3, 0.5)) - 3) < 0.03);
  assert.ok(Math.abs(mean(() => stream.exponential(5)) - 5) < 0.08);
  assert.ok(Math.abs(mean(() => stream.poisson(0.7)) - 0.7) < 0.015);
});

test("mixing maps different words to different words", () => {
  assert.equal(new Set(Array.from({ length: 10_000 }, (_, i) => mix32(i))).size, 10_000);
  assert.notDeepEqual(nameOf("m-01"), nameOf("m-10"));
});
