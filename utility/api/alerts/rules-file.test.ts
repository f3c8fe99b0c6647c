import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRules, readRules } from "./rules-file.ts";

test("things within each other are refused by their line, by indentation as by brackets", () => {
  const nested = Array.from({ length: 4_000 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n");
  for (const text of [`rules:\n${"- ".repeat(8_000)}a`, nested, "? ".repeat(5_000)]) {
    assert.throws(() => parseRules(text, "own.yaml"), /own\.yaml:\d+: more than 200 characters of indentation$/);
  }
});

test("rules without an end are refused by their size, not by the memory", () => {
  assert.throws(() => readRules("/dev/zero"), /\/dev\/zero cannot be read \(larger than 67108864 bytes\)/);
});
