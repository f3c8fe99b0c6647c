import assert from "node:assert/strict";
import { test } from "node:test";
import { PARAMETER_SETS } from "../ckks/parameters.ts";
import { ckksSelfTest } from "./ckks.ts";

test("a window of the smallest set is opened right by two of three shares, and not by one", async () => {
  const error = await ckksSelfTest(PARAMETER_SETS.light);
  assert.ok(error > 0 && error < 0.01, String(error));
});

test("parameters below 128-bit security are no set to test", async () => {
  const parameters = { name: "small", degree: 2048, primeBits: [54, 54, 55], scaleBits: 40 };
  await assert.rejects(ckksSelfTest(parameters), /128/);
  assert.ok((await ckksSelfTest(parameters, { insecureForTests: true })) < 0.5);
});
