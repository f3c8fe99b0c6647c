import assert from "node:assert/strict";
import { test } from "node:test";
import { systemFault, writeWholeFile } from "./system-fault.ts";

test("a disk that is full while a file is written is told with the file", () => {
  const expected = (error: unknown): boolean => {
    assert.equal(systemFault(error), "/dev/full: no space left on the disk (ENOSPC)");
    return true;
  };
  assert.throws(() => writeWholeFile("/dev/full", "x", {}), expected);
});
