import assert from "node:assert/strict";
import { test } from "node:test";
import { loadTrained } from "./maintenance/model/trained.ts";
import { readText } from "./text-file.ts";

test("a file without an end is refused by its size, not by the memory", () => {
  assert.throws(() => readText("/dev/zero", 10_000), { message: "/dev/zero is larger than 10000 bytes" });
  assert.throws(() => loadTrained("/dev/zero"), { message: "/dev/zero cannot be read (larger than 67108864 bytes)" });
  assert.ok(readText(import.meta.filename).includes("a file without an end"));
});
