import assert from "node:assert/strict";
import { test } from "node:test";
import { TariffError } from "./faults.ts";
import { parseTariffYaml } from "./load.ts";

test("text that would fill the memory or the stack, or means nothing, is a fault of the file", () => {
  const ten = (of: string): string => Array.from({ length: 10 }, () => `*${of}`).join(", ");
  const bomb = `a: &a [${"x, ".repeat(9)}x]\nb: &b [${ten("a")}]\nc: &c [${ten("b")}]\nd: &d [${ten("c")}]\ne: [${ten("d")}]\n`;
  for (const text of ["a: *nobody\n", bomb, "[".repeat(20_000), "a: [", "a: 1\na: 2\n"]) {
    assert.throws(
      () => parseTariffYaml(text, "own.yaml"),
      (error) => error instanceof TariffError && error.code === "syntax" && error.message.startsWith("own.yaml"),
      text.slice(0, 20),
    );
  }
});
