import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { authorshipBytes } from "../../protocol/ckks/authorship/authorship.ts";
import { bindCircuit } from "../../protocol/ckks/circuits/index.ts";
import { decodeTranscript, jobIdOf } from "../../protocol/ckks/job.ts";
import { packNumbers } from "../../protocol/messages/ckks.ts";
import { IngestError } from "../ingest/codes.ts";
import { KeyedEngine, WINDOW } from "../testing/keyed-engine.ts";
import { createBook } from "./book.ts";
import { ComputeError, type Computed, type ComputeRequest, type JobInput } from "./evaluator.ts";

const watch = { signal: new AbortController().signal, progress: () => {} };
const METERS = ["m-001", "m-002", "m-003"];
const order = { epoch: 1, parameters: {}, label: "f-1", feeders: ["f-1"], window: WINDOW };

const reading = (meter: number, slot: number): number => ((meter + 1) * 971 + slot * 337) % 2_000;
const day = (meter: number): number[] => Array.from({ length: WINDOW.slots }, (_, slot) => reading(meter, slot));

function refused(code: string, firstSlot: number | undefined) {
  return (error: unknown) => error instanceof IngestError && error.code === code && error.firstSlot === firstSlot;
}

test("worker threads check, add up and recompute ciphertexts, byte for byte", async (t) => {
  const keyed = await KeyedEngine.open(t);
  const { evaluator, db } = keyed;
  const inputs = [];
  for (const [i, meter] of METERS.entries()) {
    inputs.push(await keyed.take(meter, "load", day(i)));
  }
  const good = keyed.encrypt("load", day(1));
  await assert.rejects(evaluator.check("m-001", "whole", good), refused("wrong-parameters", WINDOW.firstSlot));
  await assert.rejects(evaluator.check("m-001", "load", good.subarray(0, 1_000)), refused("malformed", undefined));
  await assert.rejects(evaluator.check("m-001", "other", good), refused("wrong-parameters", WINDOW.firstSlot));
  await assert.rejects(evaluator.check("m-002", "load", good), refused("not-its-own", WINDOW.firstSlot));

  const request: ComputeRequest = { ...order, circuit: "sum", series: ["load"], inputs };
  const computed = await evaluator.compute(request, watch);
  assert.equal(computed.job, jobIdOf(computed.transcript));
  assert.equal(decodeTranscript(computed.transcript).inputs.length, 3);
  const again = await evaluator.recompute(computed.transcript, watch);
  assert.deepEqual(again.outputs, computed.outputs);
  assert.deepEqual(again.transcript, computed.transcript);
  assert.deepEqual(createBook(keyed.config).inputMeters(computed.transcript), METERS);
  assert.ok(evaluator.threadBytes > 0);

  const halves = await evaluator.openingHalves(computed.transcript, computed.outputs);
  assert.deepEqual(await evaluator.openingHalves(computed.transcript, computed.outputs), halves);
  await evaluator.renew();
  assert.equal(evaluator.threadBytes, 0);
  assert.deepEqual((await evaluator.recompute(computed.transcript, watch)).outputs, computed.outputs);

  db.prepare("UPDATE ciphertexts SET bytes = ? WHERE meter = 'm-002'").run(Buffer.from(good.slice().fill(0, -50)));
  await assert.rejects(
    evaluator.recompute(computed.transcript, watch),
    (error) => error instanceof ComputeError && error.code === "damaged-input",
  );
});

test("products and rotations in the threads give what plain arithmetic gives", async (t) => {
  const keyed = await KeyedEngine.open(t);
  const book = createBook(keyed.config, keyed);
  const inputs: JobInput[] = [];
  for (const [i, meter] of METERS.entries()) {
    for (const [series, values] of [
      ["solar", day(i + 5)],
      ["whole", day(i)],
    ] as const) {
      inputs.push(await keyed.take(meter, series, values));
    }
  }
  const of = (...series: string[]) => inputs.filter((input) => series.includes(input.series));
  const slots = Array.from({ length: WINDOW.slots }, (_, slot) => slot);
  const mean = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0) / values.length;
  const column = (slot: number, from = 0): number[] => METERS.map((_, i) => reading(i + from, slot));
  const covariance = (a: readonly number[], b: readonly number[]): number =>
    mean(a.map((value, i) => value * b[i]!)) - mean(a) * mean(b);
  const sums = slots.map((slot) => 3 * mean(column(slot)));

  const check = async (circuit: string, series: string[], parameters: object, expected: Record<string, number[]>) => {
    const request = { ...order, circuit, parameters: { ...parameters }, series, inputs: of(...series) };
    const computed: Computed = await keyed.evaluator.compute(request, watch);
    const job = { circuit, parameters: request.parameters, series, slots: WINDOW.slots, total: request.inputs.length };
    const outputs = keyed.slotsOf(computed).map((values) => packNumbers(values));
    const meters = slots.map(() => 3);
    const { values, units, errorBounds } = book.read({ ...job, transcript: computed.transcript }, outputs, meters);
    for (const [name, numbers] of Object.entries(expected)) {
      for (const [i, value] of numbers.entries()) {
        const error = Math.abs(values[name]![i]! - value);
        assert.ok(error <= errorBounds[name]!, `${circuit} ${name}[${i}]: off by ${error}, bound ${errorBounds[name]}`);
      }
    }
    return units;
  };
  const total = sums.reduce((all, one) => all + one, 0);
  await check("total", ["whole"], {}, { total: [total] });
  const weights = slots.map((slot) => 0.1 + (slot % 3) / 4);
  const weighted = sums.reduce((all, one, slot) => all + one * weights[slot]!, 0);
  await check("weighted-sum", ["whole"], { weights }, { weightedSum: [weighted] });
  const units = await check(
    "variance",
    ["whole"],
    {},
    {
      variance: slots.map((slot) => covariance(column(slot), column(slot))),
      mean: slots.map((slot) => mean(column(slot))),
    },
  );
  assert.deepEqual(units, { variance: "Wh2", standardDeviation: "Wh", mean: "Wh" });
  await check(
    "covariance",
    ["solar", "whole"],
    {},
    {
      covariance: slots.map((slot) => covariance(column(slot, 5), column(slot))),
    },
  );
});

test("one-hot buckets give the histogram and extremes of every slot at depth zero", async (t) => {
  const keyed = await KeyedEngine.open(t);
  const hot = (i: number): number[] => day(i).flatMap((value) => (value < 500 ? [1, 0] : [0, 1]));
  const inputs = [];
  for (const [i, meter] of METERS.entries()) inputs.push(await keyed.take(meter, "hot", hot(i)));
  const parameters = { edges: [0, 500] };
  const request = { ...order, circuit: "buckets", parameters, series: ["hot"], inputs };
  const computed = await keyed.evaluator.compute(request, watch);
  const { circuit, parameters: bound } = bindCircuit("buckets", parameters, 2 * WINDOW.slots);
  const shape = { slots: 2 * WINDOW.slots, meters: 3, maxValue: 1 };
  const opened = circuit.open(bound, shape, keyed.slotsOf(computed)) as Record<string, number[]>;
  for (let slot = 0; slot < WINDOW.slots; slot++) {
    const high = METERS.filter((_, i) => reading(i, slot) >= 500).length;
    assert.deepEqual([opened["bucket-0"]![slot], opened["bucket-500"]![slot]], [3 - high, high]);
    assert.equal(opened["max"]![slot], high > 0 ? 500 : 0);
  }
});

test("a redealing counts for running threads; ciphertexts of both epochs are told apart, and computed with their own keys", async (t) => {
  const keyed = await KeyedEngine.open(t, { epochs: 2 });
  const { evaluator, manifest } = keyed;
  const [old] = manifest.epochs;
  keyed.manifest = { epochs: [old!], current: old! };
  const first = await keyed.take("m-001", "load", day(0));
  const early = keyed.encrypt("load", day(1), { epoch: 2, meter: "m-002" });
  await assert.rejects(evaluator.check("m-002", "load", early), refused("unknown-epoch", WINDOW.firstSlot));
  const underWay = evaluator.compute({ ...order, circuit: "sum", series: ["load"], inputs: [first] }, watch);
  keyed.manifest = manifest;
  const second = await keyed.take("m-002", "load", day(1), 2);
  assert.equal(decodeTranscript((await underWay).transcript).epoch, 1, "what was under way is finished");
  assert.deepEqual(
    keyed.store.inputs("load", WINDOW.firstSlot).map(({ meter, epoch }) => [meter, epoch]),
    [
      ["m-001", 1],
      ["m-002", 2],
    ],
  );
  for (const [epoch, input, i] of [
    [1, first, 0],
    [2, second, 1],
  ] as const) {
    const request = { ...order, epoch, circuit: "sum", series: ["load"], inputs: [input] };
    const computed = await evaluator.compute(request, watch);
    assert.equal(decodeTranscript(computed.transcript).epoch, epoch);
    for (const [slot, value] of day(i).entries()) {
      assert.ok(Math.abs(keyed.slotsOf(computed)[0]![slot]! - value) < 0.01);
    }
  }
  const mixed = { ...order, circuit: "sum", series: ["load"], inputs: [first, second] };
  await assert.rejects(evaluator.compute(mixed, watch), /m-002 load: it is of epoch 2, not 1/);
  const later = keyed.encrypt("load", day(0), { epoch: 2 });
  // The epoch is the byte before the proof and its head.
  later[later.length - authorshipBytes(2048) - 4] = 3;
  await assert.rejects(evaluator.check("m-001", "load", later), refused("unknown-epoch", WINDOW.firstSlot));
  // The manifest may be here before the folder that it speaks of: what needs it waits, the rest goes on.
  rmSync(path.join(keyed.folder, "ckks", "2"), { recursive: true });
  await evaluator.renew();
  const third = keyed.encrypt("load", day(2), { epoch: 2, meter: "m-003" });
  await assert.rejects(evaluator.check("m-003", "load", third), refused("busy", WINDOW.firstSlot));
  await keyed.take("m-003", "load", day(2));
});

test("hundreds of ciphertexts go in and sums come out with flat memory", async (t) => {
  const keyed = await KeyedEngine.open(t);
  const { evaluator } = keyed;
  const names = Array.from({ length: 100 }, (_, i) => `m-${String(i).padStart(4, "0")}`);
  const inputs = [];
  for (const name of names) inputs.push(await keyed.take(name, "whole", day(0)));
  const request = { ...order, circuit: "variance", series: ["whole"], inputs };
  const seen: number[] = [];
  for (let round = 0; round < 12; round++) {
    await evaluator.compute(request, watch);
    seen.push(evaluator.threadBytes);
  }
  // A thread that kept its inputs would grow by 100 ciphertexts of 100 KB each time; what is not collected yet is less.
  assert.ok(seen.at(-1)! - seen[1]! < 60e6, `thread bytes after each round: ${seen.join(", ")}`);
});
