// as it is: compiled with others it would load schemas that they name, and the document would name those, too
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { dashboardTypes, TYPES_FILE } from "./dashboard-types.ts";

test("the dashboard's types are what the HTTP interface answers; else: npm run dashboard -- types", async () => {
  assert.equal(readFileSync(TYPES_FILE, "utf8"), await dashboardTypes());
});
