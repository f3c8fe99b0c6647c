import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeCbor } from "../cbor.ts";
import { CkksError } from "./errors.ts";
import { halfDigest, packHalf } from "./half.ts";
import { decodeTranscript, describeOutput, encodeTranscript, jobIdOf, outputSeed, randomisationSeed } from "./job.ts";
import type { Transcript } from "./job.ts";
import { Ring } from "./ring/index.ts";
import { coefficientsAt } from "./threshold/stride.ts";

const digest = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const transcript: Transcript = {
  epoch: 1,
  parametersId: new Uint8Array(8).fill(7),
  circuit: "weighted-sum",
  parameters: { weights: [0.25, 1, -3], b: "x", a: true },
  series: ["load"],
  firstSlot: 96,
  slots: 96,
  feeders: ["f-1", "f-2"],
  inputs: ["m-1", "m-2", "m-3"].map((meter, index) => ({ meter, series: "load", digest: digest(index) })),
  outputs: [{ digest: digest(9), c1Digest: digest(8), c0Digest: digest(7), level: 2, scale: 2 ** 120 }],
};

function refuses(change: Partial<Transcript>): void {
  assert.throws(() => encodeTranscript({ ...transcript, ...change }), RangeError);
}

test("a transcript comes back, whatever the order of its parameters was", () => {
  const bytes = encodeTranscript(transcript);
  assert.deepEqual(decodeTranscript(bytes), transcript);
  const other = encodeTranscript({ ...transcript, parameters: { a: true, b: "x", weights: [0.25, 1, -3] } });
  assert.equal(Buffer.compare(bytes, other), 0);
  assert.match(jobIdOf(bytes), /^[0-9a-f]{32}$/);
});

test("the job's name changes with everything in the transcript", () => {
  const names = new Set([
    jobIdOf(encodeTranscript(transcript)),
    jobIdOf(encodeTranscript({ ...transcript, epoch: 2 })),
    jobIdOf(encodeTranscript({ ...transcript, parameters: { weights: [0.25, 1, -2] } })),
    jobIdOf(encodeTranscript({ ...transcript, inputs: transcript.inputs.slice(1) })),
  ]);
  assert.equal(names.size, 4);
});

test("refuses inputs out of order, given twice, or of a wrong series, and unsorted feeders", () => {
  refuses({ inputs: transcript.inputs.toReversed() });
  refuses({ inputs: [...transcript.inputs, transcript.inputs[2]!] });
  refuses({ inputs: [{ ...transcript.inputs[0]!, series: "other" }] });
  refuses({ inputs: [] });
  refuses({ feeders: ["f-2", "f-1"] });
  refuses({ feeders: ["f-1", "f-1"] });
  refuses({ series: ["load", "load"] });
  refuses({ series: ["load", "solar"] });
  refuses({ outputs: [] });
  refuses({ firstSlot: 0xffff_ffff, slots: 2 });
  refuses({ outputs: [{ ...transcript.outputs[0]!, digest: new Uint8Array(31) }] });
});

test("refuses bytes that are not in their canonical form", () => {
  const bytes = encodeTranscript(transcript);
  const malformed = (value: Uint8Array): void =>
    assert.throws(
      () => decodeTranscript(value),
      (error) => error instanceof CkksError && error.code === "malformed",
    );
  malformed(bytes.subarray(1));
  malformed(Uint8Array.of(...bytes, 0));
  malformed(encodeCbor([2]));
  malformed(Uint8Array.of(bytes[0]!, 0x18, 1, ...bytes.subarray(2)));
});

test("an output is described by the digests of its residues", () => {
  const ring = Ring.create(8, [97n]);
  const c0 = BigUint64Array.of(1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n);
  const raw = { polys: [c0, c0.map((value) => value + 1n)], level: 1, scale: 4, ntt: true };
  const described = describeOutput(ring, raw, 2);
  assert.deepEqual(described, describeOutput(ring, raw, 2));
  assert.notDeepEqual(described.digest, described.c1Digest);
  assert.deepEqual(described.c0Digest, halfDigest(packHalf(ring, coefficientsAt(ring, c0, 2), 1)));
  const whole = describeOutput(ring, raw, 1);
  assert.deepEqual(whole.digest, described.digest);
  assert.notDeepEqual(whole.c0Digest, described.c0Digest, "another stride opens other coefficients");
  const third = { ...raw, polys: [...raw.polys, c0] };
  assert.throws(() => describeOutput(ring, third, 2), /relinearise/);
});

test("the seed of the randomisation depends on the transcript and the active set, not on its order", () => {
  const bytes = encodeTranscript(transcript);
  assert.deepEqual(randomisationSeed(bytes, [3, 1]), randomisationSeed(bytes, [1, 3]));
  assert.notDeepEqual(randomisationSeed(bytes, [1, 3]), randomisationSeed(bytes, [1, 2]));
});

test("every output has a seed of its own", () => {
  const seed = randomisationSeed(encodeTranscript(transcript), [1, 2]);
  const seeds = [0, 1, 2, 255].map((index) => Buffer.from(outputSeed(seed, index)).toString("hex"));
  assert.equal(new Set(seeds).size, 4);
  assert.equal(seeds[0], Buffer.from(seed).toString("hex"));
  assert.ok(seeds.every((one) => one.length === 64));
  for (const index of [-1, 0.5, 256]) assert.throws(() => outputSeed(seed, index), /^RangeError: index: /);
});

test("refuses parameters that are nested without end", () => {
  assert.throws(() => decodeTranscript(encodeNested(1_800)), { name: "CkksError" });
});

/** A transcript's CBOR whose parameters are maps within maps; an encoder would run out of stack. */
function encodeNested(depth: number): Uint8Array {
  const open = Buffer.from("a16161", "hex");
  return Buffer.concat([
    Buffer.from("8b", "hex"),
    Buffer.from([1]),
    Buffer.from([1]),
    Buffer.concat([Buffer.from([0x48]), Buffer.alloc(8)]),
    Buffer.from("6373756d", "hex"),
    ...Array.from({ length: depth }, () => open),
    Buffer.from([0xa0]),
    ...Array.from({ length: 6 }, () => Buffer.from([0x80])),
  ]);
}
