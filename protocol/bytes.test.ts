/** Byte strings of messages: views are taken as they are, and a wrong length is named. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { byteString, bytesOfLength } from "./bytes.ts";

test("a view into a larger message passes as it is, without a copy", () => {
  const view = Buffer.from("a larger message").subarray(2, 8);
  assert.equal(byteString.parse(view), view);
});

test("text, lists and words of more than a byte are no byte strings", () => {
  for (const value of ["bytes", [1, 2], new Uint16Array(2), undefined]) {
    assert.equal(byteString.safeParse(value).success, false);
  }
});

test("a wrong length is refused and named", () => {
  const parsed = bytesOfLength(32, "a root key").safeParse(new Uint8Array(31));
  assert.equal(parsed.error?.issues[0]?.message, "a root key has 32 bytes");
});
