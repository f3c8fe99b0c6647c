import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { ProtocolError } from "../errors.ts";
import { KINDS } from "../units.ts";
import { envelopeVectorText } from "../vectors/generate-envelope.ts";
import { directionKey, openBytes, sealInto } from "./aead.ts";
import { bitEntryBytes } from "../range/bit-entries.ts";
import { createShareOpener, createShareSealer, MAX_ENTRIES } from "./share.ts";

const bytes = z.string().transform((hex) => new Uint8Array(Buffer.from(hex, "hex")));
const kind = z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]);
const text = readFileSync(new URL("../vectors/envelope.json", import.meta.url), "utf8");
const { shares } = z
  .object({
    shares: z.array(
      z.object({
        ...{ meter: z.string(), aggregator: z.int(), rootKey: bytes, kind, firstSlot: z.int() },
        ...{ boot: z.int(), counter: z.int(), plaintext: bytes, message: bytes },
      }),
    ),
  })
  .parse(JSON.parse(text));

const rootKey = new Uint8Array(32).fill(7);
const number = { boot: 1, counter: 5 };
const entries = Uint8Array.from(randomBytes(32));
const sealed = createShareSealer(rootKey, "m-001", 2).seal(KINDS.import, 1000, number, entries);
const opener = createShareOpener(rootKey, "m-001", 2);

function refuses(payload: Uint8Array, codes: string | readonly string[], by = opener): void {
  assert.throws(
    () => by.open(payload),
    (error) => error instanceof ProtocolError && codes.includes(error.code),
  );
}

/** A message that an authentic but faulty meter would send: right key, any header and plaintext. */
function forge(slotHeader: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const key = directionKey(rootKey, "wv/1/share");
  const protectedBytes = Buffer.concat(
    [Buffer.from("a20118186173", "hex"), [0x40 | slotHeader.length], slotHeader].map((part) => Buffer.from(part)),
  );
  const topic = Buffer.from("wv/1/m/m-001/share/2");
  const aad = Buffer.concat([
    Buffer.from("\x83hEncrypt0", "latin1"),
    Buffer.from([0x40 | protectedBytes.length]),
    protectedBytes,
    Buffer.from([0x54]),
    topic,
  ]);
  const body = Buffer.alloc(plaintext.length + 16);
  sealInto(body, 0, key, new Uint8Array(12), aad, plaintext);
  const head =
    body.length < 24
      ? [0x40 | body.length]
      : body.length < 256
        ? [0x58, body.length]
        : [0x59, body.length >> 8, body.length & 255];
  return Buffer.concat([
    Buffer.from([0xd0, 0x83, 0x40 | protectedBytes.length]),
    protectedBytes,
    Buffer.from("a106480000000000000000", "hex"),
    Buffer.from(head),
    body,
  ]);
}

test("envelope.json is what the generator makes", () => {
  assert.equal(text, envelopeVectorText(), "write it with: npx tsx protocol/vectors/testing/generate-envelope-main.ts");
});

for (const [i, vector] of shares.entries()) {
  const { meter, aggregator, firstSlot, boot, counter, plaintext, message } = vector;
  test(`conforms to share vector ${i}`, () => {
    const made = createShareSealer(vector.rootKey, meter, aggregator).seal(
      vector.kind,
      firstSlot,
      { boot, counter },
      plaintext,
    );
    assert.deepEqual(Uint8Array.from(made), message);
    const opened = createShareOpener(vector.rootKey, meter, aggregator).open(message);
    assert.deepEqual(
      { ...opened, entries: Uint8Array.from(opened.entries) },
      { kind: vector.kind, firstSlot, number: { boot, counter }, bits: 0, entries: plaintext },
    );
  });
}

test("ChaCha20-Poly1305 conforms to RFC 8439, section 2.8.2", () => {
  const hex = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value.replaceAll(" ", ""), "hex"));
  const key = hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  const nonce = hex("070000004041424344454647");
  const aad = hex("50515253c0c1c2c3c4c5c6c7");
  const plaintext = Buffer.from(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  const target = new Uint8Array(plaintext.length + 16);
  sealInto(target, 0, key, nonce, aad, plaintext);
  assert.equal(Buffer.from(target.subarray(0, 16)).toString("hex"), "d31a8d34648e60db7b86afbc53ef7ec2");
  assert.equal(Buffer.from(target.subarray(-16)).toString("hex"), "1ae10b594f09e26a7e902ecbd0600691");
  assert.deepEqual(Buffer.from(openBytes(key, nonce, aad, target)), plaintext);
});

test("opening gives back what was sealed, for any number of entries", () => {
  let boot = 0;
  const sealer = createShareSealer(rootKey, "m-001", 2);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.nat(0xffff_0000),
      fc.constantFrom(1, 2, 3, 4),
      (count, slot, kind) => {
        const content = Uint8Array.from(randomBytes(count * 16));
        const message = sealer.seal(kind, slot, { boot: ++boot, counter: 3 }, content);
        const opened = opener.open(message);
        assert.deepEqual(
          { ...opened, entries: Uint8Array.from(opened.entries) },
          { kind, firstSlot: slot, number: { boot, counter: 3 }, bits: 0, entries: content },
        );
      },
    ),
    { numRuns: 50 },
  );
});

test("one slot takes 60 bytes, and a month fits the topic", () => {
  const sealer = createShareSealer(rootKey, "m-001", 2);
  assert.equal(sealer.seal(1, 0, { boot: 0, counter: 0 }, new Uint8Array(16)).length, 60);
  assert.ok(sealer.seal(1, 0, { boot: 0, counter: 1 }, new Uint8Array(16 * MAX_ENTRIES)).length < 64 * 1024);
});

test("refuses a message with any one bit flipped", () => {
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const altered = Uint8Array.from(sealed);
    altered[bit >> 3]! ^= 1 << (bit & 7);
    refuses(altered, ["malformed", "bad-seal", "wrong-length"]);
  }
});

test("refuses a message cut at any length, and one with trailing bytes", () => {
  for (let length = 0; length < sealed.length; length++) refuses(sealed.subarray(0, length), ["malformed"]);
  refuses(Buffer.concat([sealed, Buffer.from([0])]), ["malformed"]);
});

test("refuses a message of another meter, for another aggregator, or under another key", () => {
  refuses(sealed, "bad-seal", createShareOpener(rootKey, "m-002", 2));
  refuses(sealed, "bad-seal", createShareOpener(rootKey, "m-001", 1));
  refuses(sealed, "bad-seal", createShareOpener(new Uint8Array(32), "m-001", 2));
});

test("refuses a message sealed for another protocol version", () => {
  const key = directionKey(rootKey, "wv/1/share");
  const altered = Uint8Array.from(sealed);
  const protectedBytes = altered.subarray(3, 15);
  const topic = Buffer.from("wv/2/m/m-001/share/2");
  const aad = Buffer.concat([
    Buffer.from("\x83hEncrypt0", "latin1"),
    Buffer.from([0x40 | protectedBytes.length]),
    protectedBytes,
    Buffer.from([0x54]),
    topic,
  ]);
  sealInto(altered, 28, key, Buffer.from("000000000000000100000005", "hex"), aad, entries);
  refuses(altered, "bad-seal");
});

test("refuses a plaintext that is not 1 to 2,976 entries of 16 bytes", () => {
  const position = Buffer.from("01000003e8", "hex");
  for (const length of [0, 1, 15, 17, 16 * (MAX_ENTRIES + 1)]) {
    refuses(forge(position, new Uint8Array(length)), "wrong-length");
  }
});

test("refuses a kind that does not exist, and slots past the last", () => {
  refuses(forge(Buffer.from("00000003e8", "hex"), new Uint8Array(16)), "unknown-kind");
  refuses(forge(Buffer.from("07000003e8", "hex"), new Uint8Array(16)), "unknown-kind");
  refuses(forge(Buffer.from("01ffffffff", "hex"), new Uint8Array(32)), "malformed");
});

test("refuses a ciphertext whose length is not in shortest form", () => {
  const longer = Buffer.concat([sealed.subarray(0, 26), Buffer.from([0x59, 0x00]), sealed.subarray(27)]);
  refuses(longer, "malformed");
});

test("a sealer never uses a message number twice", () => {
  const sealer = createShareSealer(rootKey, "m-001", 2);
  sealer.seal(1, 0, { boot: 2, counter: 7 }, entries);
  for (const again of [
    { boot: 2, counter: 7 },
    { boot: 2, counter: 6 },
    { boot: 1, counter: 8 },
  ]) {
    assert.throws(() => sealer.seal(1, 0, again, entries), /number: expected one above \(2, 7\)/);
  }
  sealer.seal(1, 0, { boot: 3, counter: 0 }, entries);
});

test("a sealer names the argument that is out of range", () => {
  const sealer = createShareSealer(rootKey, "m-001", 2);
  assert.throws(() => sealer.seal(7 as 4, 0, number, entries), /^RangeError: kind: expected 1 to 6, got 7/);
  assert.throws(() => sealer.seal(1, 0xffff_ffff, number, entries), /^RangeError: slot/);
  assert.throws(() => sealer.seal(1, 0, number, new Uint8Array(15)), /^RangeError: entries/);
  assert.throws(() => sealer.seal(1, 0, { boot: -1, counter: 0 }, entries), /^RangeError: boot/);
  assert.throws(() => createShareSealer(new Uint8Array(31), "m-001", 2), /^RangeError: rootKey/);
});

test("shares of bits open with their width, which is bound like kind and slot", () => {
  const sealer = createShareSealer(rootKey, "m-001", 2);
  for (const [i, bits] of [1, 20, 52].entries()) {
    const content = Uint8Array.from(randomBytes(2 * bitEntryBytes(bits)));
    const message = sealer.seal(1, 1000, { boot: 1, counter: i }, content, bits);
    const opened = opener.open(message);
    assert.deepEqual(
      { ...opened, entries: Uint8Array.from(opened.entries) },
      { kind: 1, firstSlot: 1000, number: { boot: 1, counter: i }, bits, entries: content },
    );
    for (let bit = 0; bit < 8 * 30; bit++) {
      const altered = Uint8Array.from(message);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      refuses(altered, ["malformed", "bad-seal", "wrong-length"]);
    }
  }
  assert.equal(sealer.seal(1, 0, { boot: 2, counter: 0 }, new Uint8Array(168), 20).length, 213);
  assert.throws(
    () => sealer.seal(1, 0, { boot: 2, counter: 1 }, new Uint8Array(16), 20),
    /^RangeError: entries: .* 168/,
  );
  assert.throws(() => sealer.seal(1, 0, { boot: 2, counter: 1 }, new Uint8Array(16), 53), /^RangeError: bits/);
});

test("a whole reading and a reading of one bit, both of 16 bytes, are never taken for each other", () => {
  const sealer = createShareSealer(rootKey, "m-001", 2);
  const content = new Uint8Array(16);
  const whole = sealer.seal(1, 1000, { boot: 1, counter: 0 }, content);
  const bit = sealer.seal(1, 1000, { boot: 1, counter: 1 }, content, 1);
  assert.deepEqual([opener.open(whole).bits, opener.open(bit).bits], [0, 1]);
  const header = (from: Uint8Array): Buffer => Buffer.from(from.subarray(0, from[2] === 0x4d ? 16 : 15));
  const body = (from: Uint8Array): Uint8Array => from.subarray(from[2] === 0x4d ? 16 : 15);
  refuses(Buffer.concat([header(whole), body(bit)]), "bad-seal");
  refuses(Buffer.concat([header(bit), body(whole)]), "bad-seal");
});

test("refuses widths that are none, authentic though they are", () => {
  for (const bits of [0, 53, 255]) {
    const head = Buffer.from([1, 0, 0, 0, 9, bits]);
    refuses(forge(head, new Uint8Array(16)), "wrong-bits");
  }
  refuses(forge(Buffer.from([1, 0, 0, 0, 9, 20]), new Uint8Array(16)), "wrong-length");
});
