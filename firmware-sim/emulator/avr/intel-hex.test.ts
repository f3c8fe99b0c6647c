import assert from "node:assert/strict";
import { test } from "node:test";
import { HexError, parseIntelHex } from "./intel-hex.ts";

const END = ":00000001FF";

test("data records become words of flash, low byte first; what is not written is erased", () => {
  const flash = parseIntelHex(`:0400000034120C9416\n${END}\n`);
  assert.deepEqual([...flash.slice(0, 3)], [0x1234, 0x940c, 0xffff]);
  assert.equal(flash.length, 16_384);
});

test("segments and the ends of lines of other systems are understood", () => {
  const flash = parseIntelHex(`:020000020010EC\r\n:02000000AABB99\r\n${END}\r\n`);
  assert.equal(flash[0x80], 0xbbaa);
});

test("a damaged file is refused by line", () => {
  const refused = (text: string, message: RegExp): void => {
    assert.throws(
      () => parseIntelHex(text),
      (error) => error instanceof HexError && message.test(error.message),
    );
  };
  refused(`:0400000034120C9417\n${END}`, /line 1: wrong checksum/);
  refused(`:0500000034120C9416\n${END}`, /line 1: its length/);
  refused(`hello\n${END}`, /line 1: not a record/);
  refused(":0400000034120C9416\n", /cut off/);
  refused(`${END}\n:0400000034120C9416\n`, /line 2: something follows/);
  refused(`:020000040001F9\n:0400000034120C9416\n${END}`, /bytes from 65536 on do not fit/);
  refused(`:00000009F7\n${END}`, /unknown record type 9/);
});
