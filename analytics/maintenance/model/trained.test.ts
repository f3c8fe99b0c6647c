import assert from "node:assert/strict";
import { test } from "node:test";
import { loadTrained } from "./trained.ts";

test("a model without an end is refused by its size, not by the memory", () => {
  assert.throws(() => loadTrained("/dev/zero"), { message: "/dev/zero cannot be read (larger than 67108864 bytes)" });
});
