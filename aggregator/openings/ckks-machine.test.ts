/** Openings with real keys: threads, files of keys, circuits, partials, and the utility's combination at the end. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, test } from "node:test";
import { bindCircuit } from "../../protocol/ckks/circuits/registry.ts";
import { CkksMachine } from "./ckks-machine.ts";
import { JobError } from "./job-error.ts";
import type { MachineJob } from "./machine.ts";
import { type Said, WINDOW } from "./testing/job-bed.ts";
import { combined, DealtKeys, evaluate, keyedBed, LEVEL, NAMES, readings } from "./testing/keyed-bed.ts";

let keys: DealtKeys;
before(async () => {
  keys = await DealtKeys.make();
});

test("any two of three open a sum and a variance that analytics computed, and repeat themselves", async (context) => {
  const { bed, aggregators } = keyedBed(context, keys);
  const columns = Array.from({ length: WINDOW }, (_, slot) => NAMES.map((name) => readings(name)[slot]!));
  const sums = columns.map((column) => column.reduce((sum, value) => sum + value, 0));
  for (const [circuit, series, active] of [
    ["sum", "load", [1, 3]],
    ["variance", "whole", [1, 2]],
  ] as const) {
    const { transcript, outputs } = evaluate(keys, bed, circuit, series);
    const chosen = active.map((index) => aggregators[index - 1]!);
    const jobs = [];
    for (const one of chosen) jobs.push(await bed.run(one, transcript, (meter, name) => bed.ciphertext(meter, name)));
    assert.deepEqual(
      jobs.map(({ answer }) => answer?.type),
      ["ready", "ready"],
    );
    const partials: (Said | undefined)[] = [];
    for (const [i, one] of chosen.entries()) partials.push(await bed.open(one, jobs[i]!.job, [...active]));
    assert.deepEqual(await bed.open(chosen[0]!, jobs[0]!.job, [...active]), partials[0]);
    const opened = combined(keys, transcript, outputs, partials);
    const bound = bindCircuit(circuit, {}, WINDOW);
    const shape = { slots: WINDOW, meters: NAMES.length, maxValue: 1000 };
    const values = bound.circuit.open(bound.parameters, shape, opened)[circuit] as number[];
    const expected =
      circuit === "sum"
        ? sums
        : columns.map((column, slot) => {
            const mean = sums[slot]! / NAMES.length;
            return column.reduce((all, value) => all + (value - mean) ** 2, 0) / NAMES.length;
          });
    for (const [slot, value] of expected.entries()) {
      assert.ok(
        Math.abs(values[slot]! - value) < 1e-3 * Math.max(1, value),
        `${circuit}: ${values[slot]} for ${value}`,
      );
    }
  }
});

test("a ciphertext that recomputation does not reach is refused byte for byte", async (context) => {
  const { bed, aggregators } = keyedBed(context, keys);
  const { transcript } = evaluate(keys, bed, "sum", "load");
  const [output] = transcript.outputs;
  for (const which of ["digest", "c1Digest", "c0Digest"] as const) {
    const flipped = Uint8Array.from(output![which], (byte, i) => (i === 5 ? byte ^ 1 : byte));
    const other = { ...transcript, outputs: [{ ...output!, [which]: flipped }] };
    const { answer } = await bed.run(aggregators[0]!, other, (meter, name) => bed.ciphertext(meter, name));
    assert.equal(answer?.type === "refuse" ? answer.code : answer?.type, "other-output", JSON.stringify(answer));
  }
});

test("parameters that do not suit set or meters are refused before any input is asked for", async () => {
  const { engine, publicKey } = keys;
  const machine = new CkksMachine({
    keyOf: () => Promise.resolve({ engine, publicKey, share: new Uint8Array() }),
    ...{ statisticalBits: 10, openings: 1, random: (count) => randomBytes(count) },
  });
  const job: MachineJob = {
    ...{ epoch: 1, set: "small", circuit: "compare", parameters: { levels: [100], bound: 500 }, series: ["load"] },
    ...{ firstSlot: 0, slots: WINDOW, meters: 5, maxValue: 1_000, levels: [LEVEL], sumsOnly: [false], outputs: [] },
  };
  const malformed = (error: unknown): boolean => error instanceof JobError && error.code === "malformed-job";
  await assert.rejects(machine.start(job), malformed, "the bound is below what meters may encrypt");
  await assert.rejects(machine.start({ ...job, maxValue: 400 }), malformed, "too few primes");
  const flooded = { ...job, circuit: "sum", parameters: {} };
  await machine.start(flooded);
  await machine.close();
});

test("a meter's malformed ciphertext is refused by its index, although the meter vouched for it", async (context) => {
  const { bed, aggregators } = keyedBed(context, keys);
  const right = bed.ciphertext("m-2");
  const later = keys.encrypt("m-2", { series: "load", firstSlot: bed.from, epoch: 2 }, readings("m-2"));
  const { transcript } = evaluate(keys, bed, "sum", "load");
  for (const [bytes, index] of [
    [right.slice(0, -3), 1],
    [bed.ciphertext("m-2", "whole"), 1], // another series, and whole
    [later, 1],
  ] as const) {
    bed.ciphertexts.set("m-2 load", bytes);
    const two = bed.start(2);
    two.db
      .prepare("UPDATE he_digests SET digest = ? WHERE digest = ?")
      .run(bed.digest("m-2"), transcript.inputs[1]!.digest);
    const inputs = transcript.inputs.map((input, i) => (i === 1 ? { ...input, digest: bed.digest("m-2") } : input));
    const { answer } = await bed.run(two, { ...transcript, inputs }, (meter, name) => bed.ciphertext(meter, name));
    assert.deepEqual(answer?.type === "refuse" && [answer.code, answer.where], ["malformed-input", [index]]);
    two.db
      .prepare("UPDATE he_digests SET digest = ? WHERE digest = ?")
      .run(transcript.inputs[1]!.digest, bed.digest("m-2"));
    await two.aggregator.close();
    two.stop();
  }
  assert.equal(aggregators.length, 3);
});

test("shares are taken in while a job is recomputed", async (context) => {
  const { bed, aggregators } = keyedBed(context, keys);
  const one = aggregators[0]!;
  const { transcript } = evaluate(keys, bed, "sum", "load");
  let turns = 0;
  const counting = setInterval(() => turns++, 1);
  await bed.run(one, transcript, (meter, name) => bed.ciphertext(meter, name));
  clearInterval(counting);
  // Starting the thread and its engine alone takes hundreds of milliseconds, in which the main thread is free.
  assert.ok(turns > 20, `only ${turns} turns of the event loop`);
});
