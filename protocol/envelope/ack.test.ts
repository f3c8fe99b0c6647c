import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { z } from "zod";
import { ProtocolError } from "../errors.ts";
import type { AckCode, AckEntry, DigestAck } from "../messages/ack-codes.ts";
import { createAckOpener, createAckSealer } from "./ack.ts";
import { directionKey, sealInto } from "./aead.ts";

const bytes = z.string().transform((hex) => new Uint8Array(Buffer.from(hex, "hex")));
const code = z.int().transform((value) => value as AckCode);
const { acks } = z
  .object({
    acks: z.array(
      z.object({
        ...{ meter: z.string(), aggregator: z.int(), rootKey: bytes, boot: z.int(), counter: z.int(), time: z.int() },
        ...{ highestBoot: z.int(), highestCounter: z.int(), challenge: bytes, grantedBoot: z.int(), message: bytes },
        digests: z.array(
          z.object({
            ...{ series: z.string(), firstSlot: z.int() },
            code: z.int().transform((value) => value as DigestAck["code"]),
          }),
        ),
        entries: z.array(z.object({ kind: z.int(), firstSlot: z.int(), count: z.int(), code })),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL("../vectors/envelope.json", import.meta.url), "utf8")));

const rootKey = new Uint8Array(32).fill(9);
const ack = {
  time: 1_737_504_000,
  highest: { boot: 3, counter: 70_000 },
  entries: [{ kind: 1, firstSlot: 1000, count: 4, code: 0 as AckCode }],
};
const sealed = createAckSealer(rootKey, "m-001", 2).seal({ boot: 4, counter: 0 }, ack);
const opener = createAckOpener(rootKey, "m-001", 2);

function refuses(payload: Uint8Array, codes: string | readonly string[], by = opener): void {
  assert.throws(
    () => by.open(payload),
    (error) => error instanceof ProtocolError && codes.includes(error.code),
  );
}

/** An ack with any plaintext, as a faulty aggregator with the right key would seal it. */
function forge(plaintextHex: string): Uint8Array {
  const plaintext = Buffer.from(plaintextHex, "hex");
  const aad = Buffer.concat([
    Buffer.from("\x83hEncrypt0\x44", "latin1"),
    Buffer.from("a101181852", "hex"),
    Buffer.from("wv/1/a/2/ack/m-001"),
  ]);
  const body = Buffer.alloc(plaintext.length + 16);
  sealInto(body, 0, directionKey(rootKey, "wv/1/ack"), new Uint8Array(12), aad, plaintext);
  const head = body.length < 24 ? [0x40 | body.length] : [0x58, body.length];
  return Buffer.concat([Buffer.from("d08344a1011818a106480000000000000000", "hex"), Buffer.from(head), body]);
}

for (const [i, vector] of acks.entries()) {
  test(`conforms to ack vector ${i}`, () => {
    const { meter, aggregator, boot, counter, time, entries } = vector;
    const value = {
      time,
      highest: { boot: vector.highestBoot, counter: vector.highestCounter },
      entries,
      ...(vector.challenge.length === 0 ? {} : { hello: { challenge: vector.challenge, boot: vector.grantedBoot } }),
      ...(vector.digests.length === 0 ? {} : { digests: vector.digests }),
    };
    const made = createAckSealer(vector.rootKey, meter, aggregator).seal({ boot, counter }, value);
    assert.deepEqual(Uint8Array.from(made), vector.message);
    const opened = createAckOpener(vector.rootKey, meter, aggregator).open(vector.message);
    assert.deepEqual(opened.number, { boot, counter });
    const { hello, ...rest } = opened.ack;
    const plainHello = hello === undefined ? {} : { hello: { ...hello, challenge: Uint8Array.from(hello.challenge) } };
    assert.deepEqual({ ...rest, ...plainHello }, value);
  });
}

test("what is below a second is cut off the time", () => {
  const message = createAckSealer(rootKey, "m-001", 2).seal({ boot: 4, counter: 1 }, { ...ack, time: 12.9 });
  assert.equal(opener.open(message).ack.time, 12);
});

test("refuses an ack with any one bit flipped, cut, or with trailing bytes", () => {
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const altered = Uint8Array.from(sealed);
    altered[bit >> 3]! ^= 1 << (bit & 7);
    refuses(altered, ["malformed", "bad-seal", "wrong-length"]);
  }
  for (let length = 0; length < sealed.length; length++) refuses(sealed.subarray(0, length), "malformed");
  refuses(Buffer.concat([sealed, Buffer.from([0])]), "malformed");
});

test("updates of learning rounds stand behind whatever else an ack says", () => {
  const updates = [
    { round: "00112233445566778899aabbccddeeff", code: 0 },
    { round: "ff".repeat(16), code: 5 },
  ] as const;
  const digests = [{ series: "load", firstSlot: 7, code: 1 }] as const;
  const hello = { challenge: Buffer.alloc(16, 4), boot: 9 };
  const sealer = createAckSealer(rootKey, "m-001", 2);
  for (const [counter, parts] of [
    { updates },
    { updates, digests },
    { updates, hello },
    { updates, digests, hello },
  ].entries()) {
    const opened = opener.open(sealer.seal({ boot: 9, counter }, { ...ack, ...parts })).ack;
    assert.deepEqual(opened, { ...ack, ...parts });
  }
  assert.throws(
    () => sealer.seal({ boot: 9, counter: 9 }, { ...ack, updates: [{ round: "r-1", code: 0 }] }),
    /round: expected 32 hex digits, got r-1/,
  );
});

test("refuses an ack of another aggregator, for another meter, or under another key", () => {
  refuses(sealed, "bad-seal", createAckOpener(rootKey, "m-001", 3));
  refuses(sealed, "bad-seal", createAckOpener(rootKey, "m-002", 2));
  refuses(sealed, "bad-seal", createAckOpener(new Uint8Array(32), "m-001", 2));
});

test("the two directions have different keys", () => {
  assert.notDeepEqual(directionKey(rootKey, "wv/1/ack"), directionKey(rootKey, "wv/1/share"));
});

test("refuses every plaintext that departs from the layout", () => {
  assert.equal(opener.open(forge("a30101028201020380")).ack.time, 1);
  const wrong = {
    "two values": "a20101028201 02",
    "seven values": "a701010282010203800401",
    "a fourth value that is no digest": "a401010282010203800401",
    "no digests": "a40101028201020380 0680",
    "digests before the entries": "a401010282010206818361610200 0380",
    "a digest of four": "a40101028201020380 0681846161020000",
    "a digest with another name": "a40101028201020380 068183614102 00",
    "a name that is not ASCII": "a40101028201020380 06818362c3a40200",
    "a digest with an unknown code": "a40101028201020380 06818361610204",
    "a digest with a long form": "a40101028201020380 068183616118020 0",
    "keys out of order": "a30282010201010380",
    "a long form": "a3180101028201020380",
    "a list of three": "a30101028301020303 80",
    "a text": "a30161610282010203 80",
    "trailing bytes": "a3010102820102038000",
    "no updates": "a40101028201020380 0780",
    "an update of a short round": "a40101028201020380 07818244aabbccdd00",
    "an update with an unknown code": "a40101028201020380 07818250aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa04",
    "an update twice":
      "a50101028201020380 07818250aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa00 07818250aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa00",
    "a granted boot without a challenge": "a40101028201020380 0501",
    "a map of four with five": "a40101028201020380 0450aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 0501",
    "a short challenge": "a50101028201020380044101 0501",
    "an entry of five": "a301010282010203818501020301 00",
    "an unknown code": "a3010102820102038184010203 06",
    "an empty run": "a301010282010203818401020000",
    "slots past the last": "a30101028201020381 84011affffffff0200",
    "an early end": "a3010102820102",
  };
  for (const hex of Object.values(wrong)) refuses(forge(hex.replaceAll(" ", "")), "malformed");
  refuses(forge("a301010282010203818407020100"), "unknown-kind");
});

test("says of digests what became of them", () => {
  assert.deepEqual(opener.open(forge("a4010102820102038006818361610201")).ack.digests, [
    { series: "a", firstSlot: 2, code: 1 },
  ]);
});

test("a sealer never uses a number twice, and names what is out of range", () => {
  const sealer = createAckSealer(rootKey, "m-001", 2);
  sealer.seal({ boot: 4, counter: 0 }, ack);
  assert.throws(() => sealer.seal({ boot: 4, counter: 0 }, ack), /^RangeError: number/);
  const hello = { challenge: new Uint8Array(15), boot: 1 };
  assert.throws(() => sealer.seal({ boot: 4, counter: 1 }, { ...ack, hello }), /^RangeError: challenge/);
  const entries = Array.from(
    { length: 10_000 },
    (): AckEntry => ({
      kind: 1,
      firstSlot: 4_000_000_000,
      count: 1,
      code: 0,
    }),
  );
  assert.throws(() => sealer.seal({ boot: 4, counter: 2 }, { ...ack, entries }), /^RangeError: entries/);
});
