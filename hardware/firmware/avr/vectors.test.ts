// needs: make cc simavr avr-gcc
/** The core on the chip itself, simulated: the vectors of RFC 8439 and of protocol/, byte for byte. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { z } from "zod";
import { directionKey } from "../../../protocol/envelope/aead.ts";
import { createAckOpener, createShareSealer } from "../../../protocol/envelope/index.ts";
import { KINDS } from "../../../protocol/units.ts";
import { encodeRawFrame, FrameDecoder } from "../../link/frame-decoder.ts";
import { make } from "../build/toolchain.ts";
import { Simulator } from "../simavr/simulator.ts";

const VECTORS = new URL("../../../protocol/vectors/", import.meta.url);
const STEPS = { block: 0x11, seal: 0x12, open: 0x13, split: 0x14, take: 0x15, share: 0x16, openAck: 0x17 } as const;
const LONGEST_MS = 1_000;
/** A frame carries at most 197 bytes, and its type is one of 200. */
const MOST_TEXT = 120;
const MAX_T = 3;
const MAX_N = 5;

const bytes = z.string().transform((text) => Buffer.from(text, "hex"));
const sealed = z.object({ meter: z.string(), aggregator: z.int(), key: bytes, plaintext: bytes, message: bytes });
const number = z.object({ boot: z.int(), counter: z.int() });
const entry = z.object({ kind: z.int(), firstSlot: z.int(), count: z.int(), code: z.int() });
const envelope = z
  .object({
    shares: z.array(z.object({ ...sealed.shape, ...number.shape, kind: z.int(), firstSlot: z.int() })),
    acks: z.array(
      z.object({
        ...{ ...sealed.shape, ...number.shape, rootKey: bytes, challenge: bytes, entries: z.array(entry) },
        ...{ time: z.int(), highestBoot: z.int(), highestCounter: z.int(), grantedBoot: z.int() },
      }),
    ),
  })
  .parse(read("envelope"));
const shamir = z
  .object({
    splits: z.array(
      z.object({
        ...{ key: bytes, kind: z.int(), slot: z.int(), reading: z.string().transform(BigInt) },
        ...{ t: z.int(), n: z.int(), tag: z.string(), entries: z.array(z.string()) },
      }),
    ),
  })
  .parse(read("shamir"));

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}.json`, VECTORS), "utf8"));
}

const u8 = (value: number): Buffer => Buffer.of(value);
const u32 = (value: number): Buffer => Buffer.from(value.toString(16).padStart(8, "0"), "hex");
const u64 = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(16, "0"), "hex");

interface ShareValues {
  readonly aggregator: number;
  readonly kind: number;
  readonly firstSlot: number;
  readonly boot: number;
  readonly counter: number;
  readonly entry: Uint8Array;
}

let folder: string;
let chip: Simulator;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "wattveil-vectors-"));
  await make(folder, "runner", "vectors.hex");
  chip = new Simulator(join(folder, "runner"), join(folder, "vectors.hex"));
  await chip.runMs(1);
});
after(async () => {
  await chip.stop();
  await rm(folder, { recursive: true });
});

async function step(name: keyof typeof STEPS, ...fields: readonly Uint8Array[]): Promise<Buffer> {
  await chip.send(encodeRawFrame({ type: STEPS[name], payload: Buffer.concat(fields) }));
  const { sent } = await chip.runToFrame(LONGEST_MS);
  const [answer] = new FrameDecoder().push(sent);
  assert.equal(answer?.type, STEPS[name], "the chip answers");
  return Buffer.from(answer.payload);
}

test("RFC 8439, 2.3.2: the ChaCha20 block function", async () => {
  const key = Buffer.from(Array.from({ length: 32 }, (_, at) => at));
  assert.equal(
    (await step("block", key, u32(1), Buffer.from("000000090000004a00000000", "hex"))).toString("hex"),
    "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e" +
      "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e",
  );
});

test("RFC 8439, 2.8.2: the sunscreen is sealed, opened, and refused with one bit wrong", async () => {
  const key = Buffer.from(Array.from({ length: 32 }, (_, at) => 0x80 + at));
  const nonce = Buffer.from("070000004041424344454647", "hex");
  const aad = Buffer.from("50515253c0c1c2c3c4c5c6c7", "hex");
  const text = Buffer.from(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  const message = await step("seal", key, nonce, u8(aad.length), aad, text);
  assert.equal(message.subarray(0, 16).toString("hex"), "d31a8d34648e60db7b86afbc53ef7ec2");
  assert.equal(message.subarray(-16).toString("hex"), "1ae10b594f09e26a7e902ecbd0600691");
  assert.deepEqual(await step("open", key, nonce, u8(aad.length), aad, message), Buffer.concat([u8(1), text]));
  message[40]! ^= 0x10;
  assert.deepEqual(await step("open", key, nonce, u8(aad.length), aad, message), u8(0));
});

test("polynomials and shares of protocol/vectors/shamir.json", async () => {
  const fitting = shamir.splits.filter(({ t, n }) => t <= MAX_T && n <= MAX_N);
  assert.ok(fitting.length >= 6);
  for (const { key, kind, slot, reading, t, n, tag, entries } of fitting) {
    const made = await step("split", key, u8(kind), u32(slot), u64(reading), u8(t), u8(n));
    assert.equal(made.toString("hex"), tag + entries.join(""), `slot ${slot}, t ${t}, n ${n}`);
  }
});

test("a group of key stream that is p itself is no coefficient", async () => {
  const p = Buffer.from("ffffffffffffffff", "hex");
  assert.equal((await step("take", u8(2), u8(0), p))[0], 0);
  const below = Buffer.from("fffffffffffffffe", "hex");
  assert.equal((await step("take", u8(2), u8(0), below)).toString("hex"), "01" + "feffffffffffff1f");
});

async function shareOnChip(key: Uint8Array, values: ShareValues, meter: string): Promise<Buffer> {
  const { aggregator, kind, firstSlot, boot, counter, entry } = values;
  const head = [u8(aggregator), u8(kind), u32(firstSlot), u32(boot), u32(counter)];
  return step("share", key, ...head, entry, Buffer.from(meter));
}

test("share messages of protocol/vectors/envelope.json", async () => {
  const single = envelope.shares.filter(({ plaintext }) => plaintext.length === 16);
  assert.ok(single.length >= 1);
  for (const { key, plaintext, meter, message, ...values } of single) {
    assert.deepEqual(await shareOnChip(key, { ...values, entry: plaintext }, meter), message);
  }
});

test("share messages of meters with names of every length, to every aggregator, as the TypeScript seals them", async () => {
  const rootKey = Buffer.alloc(32, 0x5a);
  const entry = Buffer.from("0123456789abcdeffedcba9876543210", "hex");
  for (let length = 1; length <= 32; length++) {
    const meter = "m".repeat(length);
    const aggregator = 1 + (length % MAX_N);
    const values = {
      aggregator,
      kind: KINDS.catchup,
      firstSlot: length * 0x07654321,
      boot: length,
      counter: 2 ** 32 - length,
    };
    const sealer = createShareSealer(rootKey, meter, aggregator);
    assert.deepEqual(
      await shareOnChip(directionKey(rootKey, "wv/1/share"), { ...values, entry }, meter),
      sealer.seal(values.kind, values.firstSlot, values, entry),
    );
  }
});

test("acks of protocol/vectors/envelope.json open to what the TypeScript reads in them", async () => {
  const fitting = envelope.acks.filter(({ message }) => message.length <= MOST_TEXT);
  assert.ok(fitting.length >= 1);
  for (const { key, rootKey, aggregator, meter, message } of fitting) {
    const opened = await step("openAck", key, u8(aggregator), u8(meter.length), Buffer.from(meter), message);
    const { number: of, ack } = createAckOpener(rootKey, meter, aggregator).open(message);
    const { hello } = ack;
    const expected = [
      u8(0),
      ...[of.boot, of.counter, ack.time, ack.highest.boot, ack.highest.counter].map(u32),
      ...(hello === undefined ? [u8(0)] : [u8(1), hello.challenge, u32(hello.boot)]),
      ...ack.entries.flatMap(({ kind, firstSlot, count, code }) => [u8(kind), u32(firstSlot), u32(count), u8(code)]),
    ];
    assert.deepEqual(opened, Buffer.concat(expected));
  }
});
