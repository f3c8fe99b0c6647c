/** The schemas of a job's messages: what passes, and that each bound refuses what lies just beyond it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import {
  JOB_REFUSAL_CODES,
  jobAnswer,
  jobOutcome,
  jobRequest,
  outputMessage,
  packNumbers,
  partialMessage,
  unpackNumbers,
} from "./ckks.ts";

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(1);
const job = "j-1";

const RIGHT = [
  [jobRequest, { type: "job", transcript: bytes(100) }],
  [jobRequest, { type: "inputs", items: [["m-001", "load", bytes(9)]] }],
  [jobRequest, { type: "open", job, active: [1, 3], ready: [bytes(9), bytes(9)] }],
  [jobAnswer, { type: "need", job, inputs: [["m-001", "load"]] }],
  [jobAnswer, { type: "ready", job, endorsement: bytes(9) }],
  [jobAnswer, { type: "refuse", job, code: "not-released", detail: "slot 5 of f-1", where: [0, 7] }],
  [
    partialMessage,
    { type: "partial", job, index: 2, transcript: bytes(32), active: [1, 2], meters: [5, 0], outputs: [bytes(9)] },
  ],
  [outputMessage, { type: "output", transcript: bytes(9), active: [2], c0: [bytes(9), bytes(1)] }],
  [
    jobOutcome,
    { type: "result", job, active: [1, 2], meters: [5, 4], outputs: [packNumbers([1.5, -2])], residue: 0.25 },
  ],
  [jobOutcome, { type: "waiting", job, missing: [2] }],
  [jobOutcome, { type: "failed", job, code: "beyond-noise", detail: "a zero slot holds 7" }],
] as const;

test("every message survives the wire", () => {
  for (const [schema, message] of RIGHT) {
    const parsed = schema.parse(decodeCbor(encodeCbor(message)));
    assert.deepEqual(Buffer.from(encodeCbor(parsed)), Buffer.from(encodeCbor(message)), message.type);
  }
});

test("no message has a field too many or too few", () => {
  for (const [schema, message] of RIGHT) {
    assert.equal(schema.safeParse({ ...message, extra: 1 }).success, false, message.type);
    for (const field of Object.keys(message)) {
      const { [field]: _left, ...rest } = message as Record<string, unknown>;
      assert.equal(schema.safeParse(rest).success, false, `${message.type} without ${field}`);
    }
  }
});

const WRONG: Readonly<Record<string, readonly [(typeof RIGHT)[number][0], unknown]>> = {
  "no transcript": [jobRequest, { type: "job", transcript: bytes(0) }],
  "a transcript beyond 16 MiB": [jobRequest, { type: "job", transcript: new Uint8Array(2 ** 24 + 1) }],
  "no items": [jobRequest, { type: "inputs", items: [] }],
  "too many items": [jobRequest, { type: "inputs", items: Array(4097).fill(["m-001", "load", bytes(1)]) }],
  "an empty ciphertext": [jobRequest, { type: "inputs", items: [["m-001", "load", bytes(0)]] }],
  "a ciphertext beyond 8 MiB": [
    jobRequest,
    { type: "inputs", items: [["m-001", "load", new Uint8Array(2 ** 23 + 1)]] },
  ],
  "a server among the meters": [jobRequest, { type: "inputs", items: [["utility", "load", bytes(1)]] }],
  "a series that cannot be": [jobRequest, { type: "inputs", items: [["m-001", "Load", bytes(1)]] }],
  "nobody active": [jobRequest, { type: "open", job, active: [], ready: [bytes(9)] }],
  "an aggregator twice": [jobRequest, { type: "open", job, active: [1, 1], ready: [bytes(9)] }],
  "an active set that falls": [jobRequest, { type: "open", job, active: [2, 1], ready: [bytes(9)] }],
  "an eighth aggregator": [jobRequest, { type: "open", job, active: [8], ready: [bytes(9)] }],
  "a job's id with a slash": [jobRequest, { type: "open", job: "a/b", active: [1], ready: [bytes(9)] }],
  "nobody ready": [jobRequest, { type: "open", job, active: [1], ready: [] }],
  "a signature that is none": [jobRequest, { type: "open", job, active: [1], ready: [bytes(4097)] }],
  "an answer among requests": [jobRequest, { type: "ready", job }],
  "an unknown refusal": [jobAnswer, { type: "refuse", job, code: "tired", detail: "", where: [] }],
  "a detail too long": [jobAnswer, { type: "refuse", job, code: "too-busy", detail: "x".repeat(1001), where: [] }],
  "a negative index": [jobAnswer, { type: "refuse", job, code: "too-busy", detail: "", where: [-1] }],
  "half a number": [jobOutcome, { type: "result", job, active: [1], meters: [1], outputs: [bytes(12)], residue: 0 }],
  "no output": [jobOutcome, { type: "result", job, active: [1], meters: [1], outputs: [], residue: 0 }],
  "a residue that is no number": [
    jobOutcome,
    { type: "result", job, active: [1], meters: [1], outputs: [bytes(8)], residue: NaN },
  ],
  "too many outputs": [
    partialMessage,
    {
      type: "partial",
      job,
      index: 1,
      transcript: bytes(32),
      active: [1],
      meters: [1],
      outputs: Array(65).fill(bytes(1)),
    },
  ],
};

for (const [what, [schema, message]] of Object.entries(WRONG)) {
  test(`refuses ${what}`, () => assert.equal(schema.safeParse(message).success, false));
}

test("numbers arrive as they left, bit for bit", () => {
  fc.assert(
    fc.property(fc.array(fc.double(), { minLength: 1, maxLength: 200 }), (values) => {
      const unpacked = unpackNumbers(packNumbers(values));
      assert.deepEqual([...unpacked].map(String), values.map(String));
      assert.ok(values.every((value, i) => Object.is(value, unpacked[i])));
    }),
  );
  assert.deepEqual(Buffer.from(packNumbers([1])).toString("hex"), "3ff0000000000000");
});

test("docs/protocol.md says what each refusal means", () => {
  const text = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8");
  for (const code of JOB_REFUSAL_CODES) assert.match(text, new RegExp(`^\\|[^|]*\`${code}\`[^|]*\\|`, "m"), code);
});
