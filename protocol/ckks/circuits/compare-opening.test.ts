/**
 * Counts from meters to opened numbers, with key shares and flooding as aggregators choose it. Always at a small degree;
 * with WV_SLOW=1 also on `strong` itself, where it takes one to two minutes, 1.5 GB of memory, and prints its times.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { describeOutput } from "../job.ts";
import { packCiphertext, periodOf, repeatWindow, strideOf, unpackCiphertext } from "../packed.ts";
import { PARAMETER_SETS } from "../parameters.ts";
import type { CkksParameters } from "../parameters.ts";
import { CkksEngine } from "../seal/engine.ts";
import { sigmaBitsFor } from "../threshold/flooding.ts";
import { combine, toSlots } from "../threshold/combine.ts";
import { deal } from "../threshold/deal.ts";
import { partial } from "../threshold/partial.ts";
import { coefficientsAt } from "../threshold/stride.ts";
import { testKeys } from "../seal/testing/keys.ts";
import { compare, separationsOf } from "./compare.ts";
import { planJob } from "./planner.ts";
import { freshSigma } from "./noise.ts";
import { SMALL_STRONG } from "./testing/compare-set.ts";

const LEVELS = [500, 1000, 2500];
const BOUND = 4000;
const STATISTICAL_BITS = 30;
const OPENINGS = 10_000;

async function countAndOpen(t: TestContext, set: CkksParameters, meters: number, slots: number): Promise<void> {
  let since = performance.now();
  const lap = (what: string): void => {
    t.diagnostic(`${set.name}, ${meters} meters, ${slots} slots: ${what} ${Math.round(performance.now() - since)} ms`);
    since = performance.now();
  };
  const keys = await testKeys(set, []);
  lap("keys");
  const engine = await CkksEngine.create(set, { insecureForTests: true });
  engine.loadKeys(keys);
  lap("context");
  const parameters = compare.parameters.parse({ levels: LEVELS, bound: BOUND });
  const gaps = separationsOf(parameters, set).map((gap) => gap * 1.001);
  const apart = (value: number): number => {
    const at = LEVELS.findIndex((level, index) => Math.abs(value - level) < gaps[index]!);
    return at < 0 ? value : LEVELS[at]! + (value < LEVELS[at]! ? -gaps[at]! : gaps[at]!);
  };
  const fleet = Array.from({ length: meters }, (_, meter) =>
    Array.from({ length: slots }, (__, slot) => apart((meter * 977 + slot * 331 + meter * slot * 17) % (BOUND + 1))),
  );
  const evaluation = compare.start(engine, parameters, slots);
  let encrypting = 0;
  for (const values of fleet) {
    const begun = performance.now();
    const raw = engine.scope(() =>
      engine.rawCiphertext(engine.encrypt(engine.encode(repeatWindow(values, engine.slots)))),
    );
    const bytes = packCiphertext(engine, { series: "peak", firstSlot: 0, slots }, raw, 1);
    encrypting += performance.now() - begun;
    evaluation.fold([unpackCiphertext(engine, bytes, engine.dataLevels)]);
  }
  t.diagnostic(`${set.name}: of these, the meters ${Math.round(encrypting)} ms`);
  lap("encrypting, unpacking, folding");
  const outputs = evaluation.finish();
  evaluation.delete();
  lap("the last evaluation and outputs");

  const { ring, degree, dataLevels } = engine;
  const secret = keys.secretKey.slice(0, dataLevels * degree);
  const shares = deal({ ring, secret, n: 3, t: 2, random: (count) => randomBytes(count) });
  secret.fill(0n);
  const shape = { slots, meters, maxValue: BOUND };
  const noises = compare.noise(set, dataLevels, parameters, shape);
  const stride = strideOf(slots, degree);
  const active = [1, 3];
  since = performance.now();
  const opened = outputs.map((raw, at) => {
    assert.equal(raw.level, noises[at]!.level);
    assert.ok(describeOutput(engine.ring, raw, stride).level < dataLevels);
    const variance = noises[at]!.sigma ** 2 + freshSigma(set, raw.level) ** 2;
    const sigmaBits = sigmaBitsFor(variance, STATISTICAL_BITS, OPENINGS, 2 * periodOf(slots));
    const [c0, c1] = raw.polys;
    const partials = active.map((index) => {
      const share = shares[index - 1]!;
      const random = (count: number): Uint8Array => randomBytes(count);
      return partial({ ring, c1: c1!, share, active, stride, flooding: { sigmaBits }, random });
    });
    return toSlots(ring, combine({ ring, c0: coefficientsAt(ring, c0!, stride), partials, stride }), raw.scale, stride);
  });
  lap(`opening ${outputs.length} outputs by two`);
  for (const [at, level] of LEVELS.entries()) {
    for (let slot = 0; slot < slots; slot++) {
      const truth = fleet.filter((values) => values[slot]! > level).length;
      const value = opened[at]!.real[slot]!;
      assert.ok(Math.abs(value - truth) < 0.5, `level ${level}, slot ${slot}: ${value}, ${truth}`);
    }
  }
  const values = compare.open(
    parameters,
    shape,
    opened.map(({ real }) => real),
  );
  assert.equal((values["above-500"] as number[]).length, slots);
  engine.close();
}

test("counts are exact after an opening with thirty bits of flooding", async (t) => {
  await countAndOpen(t, SMALL_STRONG, 24, 12);
});

test("a plan for the same job promises exact counts and that flooding", () => {
  const plan = planJob({
    circuit: "compare",
    parameters: { levels: LEVELS, bound: BOUND },
    set: PARAMETER_SETS.strong,
    wholeInputs: true,
    keys: { relin: true, galoisSteps: [] },
    series: 1,
    shape: { slots: 96, meters: 15, maxValue: BOUND },
    minMeters: 5,
    threshold: 2,
    statisticalBits: STATISTICAL_BITS,
    openings: OPENINGS,
  });
  assert.equal(plan.reason, "");
  assert.deepEqual(Object.values(plan.errors), [0, 0, 0, 0, 0, 0, 0]);
});

test("counts of a day are exact on strong itself", { skip: process.env["WV_SLOW"] !== "1" }, async (t) => {
  await countAndOpen(t, PARAMETER_SETS.strong, 15, 96);
});
