import assert from "node:assert/strict";
import { test } from "node:test";
import { dataBits, dataLevels, PARAMETER_SETS } from "../parameters.ts";
import { timeSteps } from "./evaluate.ts";
import { planJob } from "./planner.ts";
import type { PlanRequest, RefusalCode } from "./planner.ts";

const SLOTS = 96;
const { light, standard, strong } = PARAMETER_SETS;

const BASE = {
  parameters: {},
  series: 1,
  shape: { slots: SLOTS, meters: 100, maxValue: 8000 },
  minMeters: 5,
  threshold: 2,
  statisticalBits: 30,
  openings: 10_000,
};
const ON_LIGHT = { ...BASE, set: light, wholeInputs: false, keys: { relin: false, galoisSteps: [] } };
const ON_STANDARD = { ...BASE, set: standard, wholeInputs: true, keys: { relin: true, galoisSteps: timeSteps(SLOTS) } };
const ON_STRONG = { ...BASE, set: strong, wholeInputs: true, keys: { relin: true, galoisSteps: [] } };
const COUNTS = { ...ON_STRONG, circuit: "compare", parameters: { levels: [500, 1000, 2000], bound: 8000 } };

function refused(request: PlanRequest, code: RefusalCode, reason: RegExp, wouldDo?: string): void {
  const plan = planJob(request);
  assert.equal(plan.fits, false, `${code}: fits`);
  assert.equal(plan.code, code, plan.reason);
  assert.match(plan.reason, reason);
  assert.equal(plan.wouldDo, wouldDo, plan.reason);
}

function fits(request: PlanRequest): ReturnType<typeof planJob> {
  const plan = planJob(request);
  assert.equal(plan.fits, true, plan.reason);
  assert.equal(plan.reason, "");
  assert.ok(plan.floodingBits! >= request.statisticalBits);
  return plan;
}

test("sums and means of 10,000 meters on light are right to one watt-hour, in seconds", () => {
  const shape = { ...BASE.shape, meters: 10_000 };
  for (const circuit of ["sum", "mean"]) {
    const { errors, cost, depth } = fits({ ...ON_LIGHT, circuit, shape });
    assert.ok(errors[circuit]! < 1);
    assert.equal(depth, 0);
    assert.ok(cost!.seconds > 0.1 && cost!.seconds < 10, `${cost!.seconds}`);
    assert.equal(cost!.inputBytes, (10_000 * ((4096 + 256) * dataBits(light))) / 8);
  }
});

test("linear, squared and rotated circuits fit standard", () => {
  for (const circuit of ["sum", "total", "trend", "variance", "mean-over-time"]) {
    fits({ ...ON_STANDARD, circuit });
  }
  fits({ ...ON_STANDARD, circuit: "covariance", series: 2 });
  // The largest readings of the largest fleet still fit, as a sum of squares and as a covariance.
  const fleet = { ...ON_STANDARD, shape: { ...BASE.shape, meters: 10_000, maxValue: 25_000 } };
  const { errors } = fits({ ...fleet, circuit: "variance" });
  assert.ok(errors["variance"]! < 3, `${errors["variance"]}`);
  fits({ ...fleet, circuit: "covariance", series: 2 });
  const { floodingBits } = fits({ ...fleet, circuit: "sum" });
  assert.ok(floodingBits! >= 30);
  // The square of a group's total grows with the square of its meters.
  fits({ ...ON_STANDARD, circuit: "variance-over-time", shape: { ...BASE.shape, meters: 12 } });
  refused({ ...ON_STANDARD, circuit: "variance-over-time" }, "no-room", /groups of up to \d\d meters would do/);
});

test("counts of a day on strong are exact for up to a thousand meters, with thirty bits of flooding", () => {
  for (const meters of [15, 100, 1000]) {
    const { errors, cost, depth, floodingBits } = fits({ ...COUNTS, shape: { ...BASE.shape, meters } });
    assert.equal(errors["above-500"], 0);
    assert.equal(depth, 9);
    assert.ok(floodingBits! > 30 && floodingBits! < 50);
    assert.ok(cost!.seconds / meters < 1, `${cost!.seconds}`);
    assert.ok(cost!.memoryBytes > 2 ** 28);
    assert.equal(cost!.partialBytes, (3 * 256 * 120) / 8);
  }
  const larger = fits({ ...ON_STRONG, circuit: "max-of-two", series: 2, parameters: { bound: 800_000 } });
  assert.ok(larger.errors["max"]! < 800_000 / 200);
});

test("refuses circuits that are not, and parameters that are not theirs", () => {
  refused({ ...ON_STANDARD, circuit: "product" }, "unknown-circuit", /expected one of affine/);
  refused({ ...ON_STANDARD, circuit: "weighted-sum", parameters: { weights: [1] } }, "wrong-parameters", /weights/);
  refused({ ...COUNTS, parameters: { levels: [9], bound: 5 } }, "wrong-parameters", /below the bound/);
  refused({ ...ON_STANDARD, circuit: "covariance" }, "wrong-series", /takes 2 series, got 1/);
});

test("refuses groups that are too small for what is opened", () => {
  refused({ ...ON_LIGHT, circuit: "sum", shape: { ...BASE.shape, meters: 4 } }, "too-few-meters", /at least 5/);
  refused({ ...COUNTS, shape: { ...BASE.shape, meters: 14 } }, "too-many-numbers", /opens 3 numbers.* allow 2/);
  const buckets = { ...ON_LIGHT, circuit: "buckets", parameters: { edges: [0, 500, 1000] }, perSlot: 3 };
  refused({ ...buckets, shape: { slots: 288, meters: 14, maxValue: 1 } }, "too-many-numbers", /opens 3 numbers/);
  fits({ ...buckets, shape: { slots: 288, meters: 15, maxValue: 1 } });
});

test("refuses more ciphertexts and more memory than are allowed", () => {
  refused({ ...ON_LIGHT, circuit: "sum", maxInputs: 99 }, "too-many-inputs", /100 ciphertexts; one job takes 99/);
  refused({ ...COUNTS, maxMemoryBytes: 2 ** 28 }, "too-much-memory", /takes \d+ MiB, 256 are allowed/);
});

test("refuses what light cannot do, and names standard", () => {
  refused(
    { ...ON_LIGHT, circuit: "variance" },
    "cut-inputs",
    /cut to what sums need; a series of standard/,
    "standard",
  );
  refused({ ...ON_LIGHT, circuit: "total" }, "no-keys", /rotations by 1.*a series of standard would do/, "standard");
  const whole = { ...ON_LIGHT, wholeInputs: true, circuit: "variance" };
  refused(whole, "no-keys", /keys for products, which light has not/, "standard");
});

test("refuses comparisons on standard, and names strong", () => {
  const parameters = COUNTS.parameters;
  refused({ ...ON_STANDARD, circuit: "compare", parameters }, "too-deep", /a series of strong would do/, "strong");
});

test("refuses a bound below what meters may encrypt", () => {
  const beyond = { ...COUNTS, shape: { ...BASE.shape, maxValue: 9000 } };
  refused(beyond, "out-of-range", /may encrypt up to 9000; a bound of 8000 is less/);
});

test("refuses windows that fit no ciphertext and sums that pass the modulus", () => {
  refused(
    { ...ON_LIGHT, circuit: "sum", shape: { ...BASE.shape, slots: 4000 } },
    "no-room",
    /standard would do/,
    "standard",
  );
  const huge = { ...BASE.shape, maxValue: 1e6 };
  refused(
    { ...ON_STANDARD, circuit: "variance", shape: huge },
    "no-room",
    /variance over 100 meters lacks \d+ bits below/,
  );
});

test("refuses counts that would not be exact, and says how many meters would do", () => {
  const plan = planJob({ ...COUNTS, shape: { ...BASE.shape, meters: 20_000 } });
  assert.equal(plan.code, "imprecise");
  const [, meters] = /groups of up to (\d+) meters would do/.exec(plan.reason)!;
  fits({ ...COUNTS, shape: { ...BASE.shape, meters: Number(meters) } });
  assert.equal(planJob({ ...COUNTS, shape: { ...BASE.shape, meters: Number(meters) + 1 } }).fits, false);
});

test("refuses more flooding than results have room for", () => {
  const many = { ...BASE.shape, meters: 10_000 };
  const request = { ...ON_LIGHT, circuit: "sum", shape: many, statisticalBits: 45 };
  refused(request, "flooding", /room for 3\d\.\d bits of flooding, 45 are asked for: results would be wrong/, "strong");
  refused({ ...COUNTS, statisticalBits: 60 }, "flooding", /compare over 100 meters on strong has room for 3\d/);
  // With an error limit of the request's own.
  fits({ ...request, errorLimit: 2 ** 40, statisticalBits: 35 });
});

test("degree 16384 has no comparison with enough flooding", () => {
  const set = { name: "middle", degree: 16_384, primeBits: [60, 60, 53, 45, 45, 45, 45, 60], scaleBits: 60 };
  assert.equal(dataLevels(set), 7);
  const plan = planJob({ ...COUNTS, set, level: 7 });
  assert.equal(plan.code, "flooding", plan.reason);
  assert.ok(plan.floodingBits! < 16, `${plan.floodingBits}`);
  assert.equal(plan.wouldDo, "strong");
});
