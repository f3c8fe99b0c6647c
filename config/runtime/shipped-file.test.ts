import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { configSchema } from "../schema.ts";
import { shippedFile } from "./shipped-file.ts";

const ROOT = join(import.meta.dirname, "../..");

// alone: it changes the working directory
test("the shipped files of the defaults are found from anywhere; what is no shipped file stays as it is", () => {
  const { billing, alerts } = configSchema.parse({});
  const before = process.cwd();
  process.chdir("/");
  try {
    for (const file of [billing.tariff, alerts.rules]) {
      assert.equal(shippedFile(file), join(ROOT, file));
      assert.ok(readFileSync(shippedFile(file)).length > 0);
    }
    for (const file of ["config/tariffs/none.yaml", "config/schema.ts", "/none", "own.yaml"]) {
      assert.equal(shippedFile(file), file);
    }
    // Where the file is there, it is taken as it is given.
    process.chdir(ROOT);
    assert.equal(shippedFile(billing.tariff), billing.tariff);
  } finally {
    process.chdir(before);
  }
});
