/** What the sections on ciphertexts refuse, each with the fault that the user reads. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lackingFloodingBits, numbersOf, windowSlots } from "./checks-ckks.ts";
import { ConfigError } from "./faults.ts";
import { loadConfig } from "./load.ts";

function faultsOf(...values: readonly (readonly [string, unknown])[]): readonly string[] {
  try {
    const all = [["homomorphic.enabled", true] as const, ...values];
    loadConfig({ env: {}, flags: all.map(([path, value]) => ({ name: "--set", path, value })) });
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.faults.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

const WEAK = { degree: 4096, primeBits: [60, 40, 40], scaleBits: 40 };

test("the demo encrypts, everything else only when asked", () => {
  assert.equal(loadConfig({ env: {} }).homomorphic.enabled, false);
  assert.equal(loadConfig({ env: {}, profile: "demo" }).homomorphic.enabled, true);
});

test("what only ciphertexts need is not asked of a system without them", () => {
  const minute = ["system.slotSeconds", 60] as const;
  assert.deepEqual(faultsOf(minute, ["homomorphic.enabled", false]), []);
  assert.match(
    faultsOf(minute)[0]!,
    /30 bits over 10000 openings lack 2\.3 bits for the series load-products: homomorphic\.statisticalBits of 27, fewer openings/,
  );
  assert.deepEqual(faultsOf(minute, ["homomorphic.statisticalBits", 27]), []);
});

test("refuses parameters below 128-bit security, unless they are for tests", () => {
  for (const set of ["light", "standard", "strong"]) {
    const faults = faultsOf([`homomorphic.${set}`, { ...WEAK, degree: 4096 }]);
    assert.ok(
      faults.some((fault) => fault.startsWith(`homomorphic.${set}: parameter set ${set}: 140 bits`)),
      set,
    );
  }
  const wide = { degree: 4096, primeBits: [60, 60, 40], scaleBits: 60 };
  assert.deepEqual(faultsOf(["homomorphic.light", wide], ["homomorphic.insecureForTests", true]), []);
  assert.match(
    faultsOf(["system.production", true], ["homomorphic.insecureForTests", true])[0]!,
    /^system.production: a production system never accepts parameters below/,
  );
});

test("refuses numbers that make no parameters, naming the part", () => {
  assert.match(faultsOf(["homomorphic.light", { ...WEAK, degree: 4000 }])[0]!, /^homomorphic.light: degree: invalid/);
  assert.match(faultsOf(["homomorphic.light", { ...WEAK, primeBits: [45] }])[0]!, /primeBits: too small/);
  assert.match(
    faultsOf(["homomorphic.light", { ...WEAK, scaleBits: 200 }])[0]!,
    /scaleBits: expected an integer from 1/,
  );
  assert.match(faultsOf(["homomorphic.light", { degree: 4096 }])[0]!, /primeBits: invalid input/);
  assert.match(faultsOf(["homomorphic.light", { ...WEAK, prime: 1 }])[0]!, /expected `degree`, `primeBits`/);
});

test("refuses a series without its set, or with levels that do not belong to it", () => {
  const peak = { kind: "import", set: "strong", content: "peak" };
  assert.match(faultsOf(["homomorphic.series", { load: peak }], ["analytics.jobs", []])[0]!, /needs the set strong/);
  const load = { kind: "import", set: "light", content: "energy" };
  const jobs = ["analytics.jobs", []] as const;
  assert.match(faultsOf(["homomorphic.series", { load: { ...load, levels: [5] } }], jobs)[0]!, /levels belong to/);
  const buckets = { ...load, content: "buckets" };
  assert.match(faultsOf(["homomorphic.series", { load: buckets }], jobs)[0]!, /levels belong to buckets/);
  assert.match(faultsOf(["homomorphic.series", { load: { ...buckets, levels: [5, 5] } }], jobs)[0]!, /must rise/);
  assert.deepEqual(faultsOf(["homomorphic.series", { load: { ...buckets, levels: [5, 9] } }], jobs), []);
  assert.match(faultsOf(["homomorphic.series", { Load: load }], jobs)[0]!, /Load: expected a series is/);
});

test("refuses primes that leave no room for the proof of who made a ciphertext", () => {
  const tight = { degree: 4096, primeBits: [36, 36, 37], scaleBits: 40 };
  assert.match(
    faultsOf(["homomorphic.light", tight]).join("\n"),
    /\d bits of primes lack for the series load under light: larger data primes, or a smaller special one/,
  );
});

test("refuses a window that does not fit its ciphertext", () => {
  const faults = faultsOf(["homomorphic.windowDays", 30]);
  assert.match(faults.join("\n"), /30 days \(up to 2884 slots\) of the series load are 2884 numbers; .* holds 2048/);
  const load = {
    kind: "import",
    set: "light",
    content: "buckets",
    levels: Array.from({ length: 20 }, (_, i) => i + 1),
  };
  assert.match(faultsOf(["homomorphic.series", { load }], ["analytics.jobs", []])[0]!, /2100 numbers/);
});

test("counts the day that has 25 hours", () => {
  const config = loadConfig({ env: {} });
  assert.equal(windowSlots(config), 100);
  assert.equal(windowSlots({ ...config, system: { ...config.system, slotSeconds: 86_400 } }), 2);
  assert.equal(numbersOf({ kind: "import", set: "light", content: "buckets", levels: [1, 2] }, 100), 300);
});

test("refuses a sum that the modulus has no room for", () => {
  assert.match(
    faultsOf(["homomorphic.maxMeters", 1_000_000])[0]!,
    /a sum of 1000000 meters of the series load takes 96/,
  );
  const squares = { kind: "import", set: "light", content: "squares" };
  const faults = faultsOf(["homomorphic.series", { load: squares }], ["analytics.jobs", []]);
  assert.match(faults[0]!, /^homomorphic.series: a sum of 10000 meters/);
});

test("refuses flooding that would drown the sums, and accepts what the analysis gives", () => {
  const config = loadConfig({ env: {} });
  const load = { kind: "import", set: "light", content: "energy" } as const;
  assert.equal(lackingFloodingBits(config, load), 0);
  // 31.9 bits: the analysis for 90 bits of modulus, 10,000 meters and 10,000 openings of 256 coefficients.
  assert.deepEqual(faultsOf(["homomorphic.statisticalBits", 31]), []);
  assert.match(faultsOf(["homomorphic.statisticalBits", 40])[0]!, /40 bits over 10000 openings lack \d+\.\d bits/);
  assert.match(faultsOf(["homomorphic.openings", 100_000_000]).join(), /lack/);
});

test("refuses jobs on a series that nobody encrypts, and groups with a feeder twice", () => {
  const job = { circuit: "sum", group: "fleet", series: "other" };
  assert.match(faultsOf(["analytics.jobs", [job]])[0]!, /^analytics.jobs: .* series other: no such series/);
  assert.match(faultsOf(["analytics.jobs", [{ circuit: "sum", group: ["f-1", "f-1"] }]])[0]!, /lists a feeder twice/);
  assert.match(
    faultsOf(["analytics.jobs", [{ circuit: "Sum", group: "fleet" }]])[0]!,
    /^analytics.jobs: 0.circuit: exp/,
  );
});

test("refuses windows that aggregators or the meter's history do not reach back to", () => {
  const short = [
    ["aggregator.windowSlots", 96],
    ["meter.outboxSlots", 96],
  ] as const;
  assert.match(faultsOf(...short, ["homomorphic.enabled", true])[0]!, /up to 104 slots, aggregators accept 96/);
  assert.deepEqual(faultsOf(...short, ["homomorphic.enabled", false]), []);
  assert.match(faultsOf(["meter.historyDays", 31], ["homomorphic.windowDays", 31]).join(), /31 days of history do not/);
});

test("takes lists and maps from the environment as JSON", () => {
  const env = { WV_HOMOMORPHIC_SETS: '["light","standard","strong"]', WV_ANALYTICS_JOBS: "[]" };
  const config = loadConfig({ env });
  assert.deepEqual(config.homomorphic.sets, ["light", "standard", "strong"]);
  assert.deepEqual(config.analytics.jobs, []);
});
