/** The reference page is what the schema says. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { referencePage } from "./reference.ts";
import { FIELDS } from "./schema.ts";

const PAGE = path.join(import.meta.dirname, "..", "docs", "configuration.md");

test("docs/configuration.md is up to date (else: npm run config -- --reference)", () => {
  assert.equal(readFileSync(PAGE, "utf8"), referencePage());
});

test("the reference names every field and its variable", () => {
  const page = referencePage();
  for (const { name, environment } of FIELDS.values()) {
    assert.ok(page.includes(`| \`${name}\` |`), name);
    assert.ok(page.includes(`\`${environment}\` |`), environment);
  }
});
