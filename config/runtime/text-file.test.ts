import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../load.ts";
import { readText } from "./text-file.ts";

test("a file without an end is refused by its size, not by the memory", () => {
  assert.throws(() => readText("/dev/zero", 10_000), { message: "/dev/zero is larger than 10000 bytes" });
  assert.ok(readText(import.meta.filename).includes("a file without an end"));
});

test("a configuration without an end is refused as one that cannot be read", () => {
  assert.throws(
    () => loadConfig({ file: "/dev/zero", env: {} }),
    /\/dev\/zero.*cannot be read \(larger than 1048576 bytes\)/s,
  );
});
