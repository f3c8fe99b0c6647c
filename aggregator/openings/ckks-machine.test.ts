/** Openings with real keys: threads, files of keys, circuits, partials, and the utility's combination at the end. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { before, test, type TestContext } from "node:test";
import { bindCircuit } from "../../protocol/ckks/circuits/registry.ts";
import {
  describeOutput,
  encodeTranscript,
  outputSeed,
  randomisationSeed,
  type Transcript,
} from "../../protocol/ckks/job.ts";
import { packCiphertext, repeatWindow, strideOf, unpackCiphertext } from "../../protocol/ckks/packed.ts";
import { parametersId } from "../../protocol/ckks/parameters.ts";
import { bitsOfPrime, packedBytes, Ring, unpackResidues } from "../../protocol/ckks/ring/index.ts";
import { CkksEngine } from "../../protocol/ckks/seal/engine.ts";
import type { RawCiphertext } from "../../protocol/ckks/seal/layout.ts";
import { SMALL as FULL_SCALE, testKeys } from "../../protocol/ckks/seal/testing/keys.ts";
import { combine, toSlots } from "../../protocol/ckks/threshold/combine.ts";
import { deal } from "../../protocol/ckks/threshold/deal.ts";
import { coefficientsAt, encodeShare, type PublicKeyPolys } from "../../protocol/ckks/threshold/index.ts";
import { randomiseC0, zeroEncryption } from "../../protocol/ckks/threshold/index.ts";
import type { CkksEpoch } from "../../protocol/keys/index.ts";
import { temporaryFolder } from "../testing/system.ts";
import { CkksMachine } from "./ckks-machine.ts";
import { JobError } from "./job-error.ts";
import type { SeriesRule } from "./job-rules.ts";
import type { MachineJob } from "./machine.ts";
import { MachineKeys } from "./machine-keys.ts";
import { JobBed, type Said, WINDOW } from "./testing/job-bed.ts";
import { WorkerMachine } from "./worker-machine.ts";

/** At this scale there is room to flood a product, too. */
const SMALL = { ...FULL_SCALE, scaleBits: 40 };
const LEVEL = 3;
const STRIDE = strideOf(WINDOW, SMALL.degree);
const NAMES = ["m-1", "m-2", "m-3", "m-4"];
let keys: Awaited<ReturnType<typeof testKeys>>;
let engine: CkksEngine;
let shares: Uint8Array[];
/** A load of m-2 under keys that were dealt later. */
let otherEpoch: Uint8Array;
before(async () => {
  keys = await testKeys(SMALL, []);
  engine = await CkksEngine.create(SMALL, { insecureForTests: true });
  engine.loadKeys({ publicKey: keys.publicKey, relinKeys: keys.relinKeys! });
  const ring = Ring.create(SMALL.degree, engine.primes.slice(0, LEVEL));
  const secret = keys.secretKey.subarray(0, LEVEL * SMALL.degree);
  const dealt = deal({ ring, secret, n: 3, t: 2, random: (count) => randomBytes(count) });
  shares = dealt.map((share) => encodeShare(ring, share));
});

const readings = (meter: string): number[] =>
  Array.from({ length: WINDOW }, (_, slot) => 100 * Number(meter.at(-1)) + 7 * slot);

/** Aggregators over one dealing; the first computes in a thread. */
function setUp(context: TestContext, wrong: Partial<Record<string, (values: number[]) => number[]>> = {}) {
  const folder = temporaryFolder(context);
  const bed = new JobBed(folder);
  const epoch = writeMaterial(folder);
  const rule: SeriesRule = {
    ...{ kind: 1, set: "small", isEnergy: true, firstSlotOnly: false, width: 1, maxValue: 1000, sumsOnly: true },
    level: () => LEVEL,
  };
  bed.series = new Map([
    ["load", rule],
    ["whole", { ...rule, sumsOnly: false }],
  ]);
  bed.epoch = epoch;
  bed.meters("f-1", ...NAMES);
  const shareOf = (index: number) => () => Promise.resolve(shares[index - 1]!.slice());
  bed.machineOf = (index) => {
    const bounds = { statisticalBits: 12, openings: 100 };
    if (index === 1) return new WorkerMachine({ data: folder, epochs: [epoch], ...bounds, shareOf: shareOf(1) });
    const machineKeys = new MachineKeys(folder, [epoch], shareOf(index));
    return new CkksMachine({ ...bounds, keyOf: (number, set) => machineKeys.obtain(number, set), random: randomBytes });
  };
  for (const name of NAMES) {
    for (const [series, stride] of [
      ["load", STRIDE],
      ["whole", 1],
    ] as const) {
      const values = (wrong[name] ?? ((right) => right))(readings(name));
      const raw = engine.scope(() =>
        engine.rawCiphertext(engine.encrypt(engine.encode(repeatWindow(values, engine.slots), { level: LEVEL }))),
      );
      const window = { series, firstSlot: bed.from, slots: WINDOW };
      bed.ciphertexts.set(`${name} ${series}`, packCiphertext(engine, window, raw, stride));
      if (name === "m-2" && stride === 1)
        otherEpoch = packCiphertext(engine, { ...window, series: "load", epoch: 2 }, raw, STRIDE);
    }
  }
  const aggregators = [1, 2, 3].map((index) => bed.start(index));
  for (const one of aggregators) {
    for (const series of ["load", "whole"]) bed.vouch(one, NAMES, { series });
    bed.endorse(one, "f-1", NAMES);
    context.after(async () => {
      await one.aggregator.close();
      one.stop();
    });
  }
  return { bed, aggregators, folder };
}

function writeMaterial(folder: string): CkksEpoch {
  const place = path.join(folder, "ckks", "1", "small");
  mkdirSync(place, { recursive: true });
  writeFileSync(path.join(place, "public.key"), keys.publicKey);
  writeFileSync(path.join(place, "relin.key"), keys.relinKeys!);
  const digest = (bytes: Uint8Array): Uint8Array => Uint8Array.from(createHash("sha256").update(bytes).digest());
  const digests = { publicKey: digest(keys.publicKey), relinKeys: digest(keys.relinKeys!) };
  return {
    ...{ epoch: 1, dealing: new Uint8Array(16), created: 0, n: 3, t: 2, insecureForTests: true },
    sets: new Map([["small", { parameters: SMALL, galoisSteps: [], digests }]]),
  };
}

/** What analytics does: evaluates, and writes the transcript. */
function evaluate(bed: JobBed, circuit: string, series: string): { transcript: Transcript; outputs: RawCiphertext[] } {
  const bound = bindCircuit(circuit, {}, WINDOW);
  const evaluation = bound.circuit.start(engine, bound.parameters, WINDOW);
  for (const name of NAMES) evaluation.fold([unpackCiphertext(engine, bed.ciphertext(name, series), LEVEL)]);
  const outputs = evaluation.finish();
  evaluation.delete();
  const fields = {
    circuit,
    series: [series],
    parametersId: parametersId(SMALL),
    outputs: outputs.map((raw) => describeOutput(engine.ring, raw, STRIDE)),
  };
  return { transcript: bed.transcript(NAMES, fields), outputs };
}

/** What the utility does with analytics' first half and the partials. */
function combined(transcript: Transcript, outputs: readonly RawCiphertext[], partials: readonly (Said | undefined)[]) {
  const { ring } = engine;
  const active = partials.map((said) => (said?.type === "partial" ? said.index : assert.fail(JSON.stringify(said))));
  const seed = randomisationSeed(encodeTranscript(transcript), active);
  return outputs.map(({ polys, level, scale }, index) => {
    const zero = zeroEncryption({ ring, publicKey: publicKey(), level, seed: outputSeed(seed, index) });
    const c0 = randomiseC0(ring, coefficientsAt(ring, polys[0]!, STRIDE), zero, STRIDE);
    const parts = partials.map((said) => (said?.type === "partial" ? unpack(said.outputs[index]!, level) : c0));
    return toSlots(ring, combine({ ring, c0, partials: parts, stride: STRIDE }), scale, STRIDE).real;
  });
}

let expanded: PublicKeyPolys;
const publicKey = (): PublicKeyPolys => expanded;

function unpack(bytes: Uint8Array, level: number): BigUint64Array {
  const width = SMALL.degree / STRIDE;
  const poly = new BigUint64Array(level * width);
  let at = 0;
  for (let index = 0; index < level; index++) {
    const prime = engine.primes[index]!;
    const size = packedBytes(width, bitsOfPrime(prime));
    poly.set(unpackResidues(bytes.subarray(at, at + size), width, bitsOfPrime(prime), prime), index * width);
    at += size;
  }
  assert.equal(at, bytes.length);
  return poly;
}

test("any two of three open a sum and a variance that analytics computed, and repeat themselves", async (context) => {
  const { bed, aggregators, folder } = setUp(context);
  expanded = (await new MachineKeys(folder, [bed.epoch], () => Promise.resolve(new Uint8Array(0))).obtain(1, "small"))
    .publicKey;
  const columns = Array.from({ length: WINDOW }, (_, slot) => NAMES.map((name) => readings(name)[slot]!));
  const sums = columns.map((column) => column.reduce((sum, value) => sum + value, 0));
  for (const [circuit, series, active] of [
    ["sum", "load", [1, 3]],
    ["variance", "whole", [1, 2]],
  ] as const) {
    const { transcript, outputs } = evaluate(bed, circuit, series);
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
    const opened = combined(transcript, outputs, partials);
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
  const { bed, aggregators } = setUp(context);
  const { transcript } = evaluate(bed, "sum", "load");
  const [output] = transcript.outputs;
  for (const which of ["digest", "c1Digest", "c0Digest"] as const) {
    const flipped = Uint8Array.from(output![which], (byte, i) => (i === 5 ? byte ^ 1 : byte));
    const other = { ...transcript, outputs: [{ ...output!, [which]: flipped }] };
    const { answer } = await bed.run(aggregators[0]!, other, (meter, name) => bed.ciphertext(meter, name));
    assert.equal(answer?.type === "refuse" ? answer.code : answer?.type, "other-output", JSON.stringify(answer));
  }
});

test("parameters that do not suit set or meters are refused before any input is asked for", async () => {
  const machine = new CkksMachine({
    keyOf: () => Promise.resolve({ engine, publicKey: publicKey(), share: new Uint8Array() }),
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
  const { bed, aggregators } = setUp(context);
  const right = bed.ciphertext("m-2");
  const { transcript } = evaluate(bed, "sum", "load");
  for (const [bytes, index] of [
    [right.slice(0, -3), 1],
    [bed.ciphertext("m-2", "whole"), 1], // another series, and whole
    [otherEpoch, 1],
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
  const { bed, aggregators } = setUp(context);
  const one = aggregators[0]!;
  const { transcript } = evaluate(bed, "sum", "load");
  let turns = 0;
  const counting = setInterval(() => turns++, 1);
  await bed.run(one, transcript, (meter, name) => bed.ciphertext(meter, name));
  clearInterval(counting);
  // Starting the thread and its engine alone takes hundreds of milliseconds, in which the main thread is free.
  assert.ok(turns > 20, `only ${turns} turns of the event loop`);
});
