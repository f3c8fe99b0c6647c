import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { z } from "zod";
import { fullBitmap } from "../bitmap.ts";
import { encodeCbor } from "../cbor.ts";
import { ProtocolError } from "../errors.ts";
import { directionKey, sealInto } from "./aead.ts";
import { encStructure } from "./cose.ts";
import { createDigestOpener, createDigestSealer } from "./digest.ts";

const bytes = z.string().transform((hex) => new Uint8Array(Buffer.from(hex, "hex")));
const { digests } = z
  .object({
    digests: z.array(
      z.object({
        ...{ meter: z.string(), aggregator: z.int(), rootKey: bytes, series: z.string(), firstSlot: z.int() },
        ...{ slots: z.int(), presence: bytes, digest: bytes, message: bytes },
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL("../vectors/envelope.json", import.meta.url), "utf8")));

const rootKey = new Uint8Array(32).fill(9);
const value = {
  series: "load",
  firstSlot: 1000,
  slots: 96,
  presence: fullBitmap(96),
  digest: new Uint8Array(32).fill(1),
};
const sealer = createDigestSealer(rootKey, "m-001", 2);
const opener = createDigestOpener(rootKey, "m-001", 2);
const sealed = sealer.seal(value);

function refuses(payload: Uint8Array, codes: string | readonly string[], by = opener): void {
  assert.throws(
    () => by.open(payload),
    (error) => error instanceof ProtocolError && codes.includes(error.code),
  );
}

/** A digest of any content, as a faulty meter with the right key would seal it. */
function forge(plaintext: Uint8Array, iv = syntheticIv(plaintext)): Uint8Array {
  const aad = encStructure(Buffer.from("a1011818", "hex"), Buffer.from("wv/1/m/m-001/digest/2"));
  const body = Buffer.alloc(plaintext.length + 16);
  sealInto(body, 0, directionKey(rootKey, "wv/1/digest"), iv, aad, plaintext);
  const head = body.length < 24 ? [0x40 | body.length] : [0x58, body.length];
  return Buffer.concat([Buffer.from("d08344a1011818a1054c", "hex"), iv, Buffer.from(head), body]);
}

function syntheticIv(plaintext: Uint8Array): Uint8Array {
  return createHmac("sha256", directionKey(rootKey, "wv/1/digest-iv")).update(plaintext).digest().subarray(0, 12);
}

for (const [i, vector] of digests.entries()) {
  test(`conforms to digest vector ${i}`, () => {
    const { meter, aggregator, series, firstSlot, slots, presence, digest } = vector;
    const content = { series, firstSlot, slots, presence, digest };
    assert.deepEqual(createDigestSealer(vector.rootKey, meter, aggregator).seal(content), vector.message);
    const opened = createDigestOpener(vector.rootKey, meter, aggregator).open(vector.message);
    assert.deepEqual(
      { ...opened, presence: Uint8Array.from(opened.presence), digest: Uint8Array.from(opened.digest) },
      content,
    );
  });
}

test("the same digest is the same bytes, and another one has another nonce", () => {
  assert.deepEqual(createDigestSealer(rootKey, "m-001", 2).seal(value), sealed);
  const nonces = new Set(
    [
      value,
      { ...value, firstSlot: 1001 },
      { ...value, series: "other" },
      { ...value, digest: new Uint8Array(32).fill(2) },
      { ...value, presence: new Uint8Array(12) },
    ].map((one) => Buffer.from(sealer.seal(one).subarray(10, 22)).toString("hex")),
  );
  assert.equal(nonces.size, 5);
});

test("refuses a digest with any one bit flipped, cut, or with trailing bytes", () => {
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const altered = Uint8Array.from(sealed);
    altered[bit >> 3]! ^= 1 << (bit & 7);
    refuses(altered, ["malformed", "bad-seal", "wrong-length"]);
  }
  for (let length = 0; length < sealed.length; length++) refuses(sealed.subarray(0, length), "malformed");
  refuses(Buffer.concat([sealed, Buffer.from([0])]), "malformed");
});

test("refuses a digest for another aggregator, of another meter, or under another key", () => {
  refuses(sealed, "bad-seal", createDigestOpener(rootKey, "m-001", 3));
  refuses(sealed, "bad-seal", createDigestOpener(rootKey, "m-002", 2));
  refuses(sealed, "bad-seal", createDigestOpener(new Uint8Array(32), "m-001", 2));
});

test("refuses a nonce that is not the one of the content, though the seal holds", () => {
  const plaintext = encodeCbor(Object.values(value));
  assert.equal(opener.open(forge(plaintext)).series, "load");
  refuses(forge(plaintext, new Uint8Array(12).fill(3)), "bad-seal");
});

test("refuses every content that departs from the layout", () => {
  const { series, firstSlot, slots, presence, digest } = value;
  for (const wrong of [
    [series, firstSlot, slots, presence],
    [series, firstSlot, slots, presence, digest, 0],
    ["Load", firstSlot, slots, presence, digest],
    ["", firstSlot, slots, presence, digest],
    [series, -1, slots, presence, digest],
    [series, 1.5, slots, presence, digest],
    [series, 2 ** 32 - 1, slots, presence, digest],
    [series, firstSlot, 0, new Uint8Array(0), digest],
    [series, firstSlot, 20_000, new Uint8Array(2_500), digest],
    [series, firstSlot, 95, presence, digest],
    [series, firstSlot, 104, presence, digest],
    [series, firstSlot, slots, "presence", digest],
    [series, firstSlot, slots, presence, digest.subarray(1)],
    { series, firstSlot, slots, presence, digest },
    null,
  ]) {
    refuses(forge(encodeCbor(wrong)), ["malformed", "wrong-length"]);
  }
  refuses(forge(new Uint8Array(0)), "malformed");
});

test("names what a meter must not seal", () => {
  assert.throws(() => sealer.seal({ ...value, series: "A" }), /^RangeError: digest: /);
  assert.throws(() => sealer.seal({ ...value, presence: fullBitmap(97) }), /^RangeError: digest: /);
  assert.throws(() => sealer.seal({ ...value, digest: new Uint8Array(31) }), /32 bytes/);
});

test("has keys of its own, for the content and for the nonce", () => {
  const purposes = ["wv/1/share", "wv/1/ack", "wv/1/digest", "wv/1/digest-iv"] as const;
  const keys = purposes.map((purpose) => Buffer.from(directionKey(rootKey, purpose)).toString("hex"));
  assert.equal(new Set(keys).size, 4);
});
