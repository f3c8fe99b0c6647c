import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { ProtocolError } from "./errors.ts";

const isMalformed = (error: unknown): boolean => error instanceof ProtocolError && error.code === "malformed";

test("gives back what it was given", () => {
  const value = { text: "a", bytes: Uint8Array.of(1, 2), list: [0, 4_294_967_295, null, true], nested: { n: 1 } };
  const again = decodeCbor(encodeCbor(value)) as typeof value;
  assert.deepEqual({ ...again, bytes: Uint8Array.from(again.bytes) }, value);
});

test("refuses tags that the protocol does not use, without working them out", () => {
  // A big number of 200,000 bytes would take the library tens of seconds.
  const bignum = Buffer.concat([Buffer.from("c25a00030d40", "hex"), Buffer.alloc(200_000, 0xff)]);
  const items = [
    "c074323032352d30312d30315430303a30303a30305a",
    "c11a5f5e0f00",
    "d8408142ffff",
    "d9010281f6",
    "d81c80",
  ];
  for (const item of [bignum, ...items.map((hex) => Buffer.from(hex, "hex"))]) {
    assert.throws(() => decodeCbor(item), isMalformed, item.subarray(0, 8).toString("hex"));
  }
});

test("refuses what is cut short or has more behind it", () => {
  const whole = encodeCbor({ a: [1, 2, 3] });
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => decodeCbor(whole.subarray(0, length)), isMalformed);
  }
  assert.throws(() => decodeCbor(Buffer.concat([whole, Buffer.of(0)])), isMalformed);
});
