import assert from "node:assert/strict";
import { test } from "node:test";
import { runSelfTests, SELF_TESTS } from "./self-test.ts";

test("every self-test passes on a machine that computes correctly", async () => {
  const results = await runSelfTests();
  assert.deepEqual(
    results.filter(({ passed }) => !passed),
    [],
  );
  assert.equal(results.length, SELF_TESTS.length);
});

test("a self-test that finds something is reported with it, and the others still run", async () => {
  const results = await runSelfTests([
    {
      name: "arithmetic",
      run: () => {
        throw new Error("1 + 1: expected 2, got 3");
      },
    },
    { name: "later", run: () => Promise.reject(new Error("not opened")) },
    { name: "fine", run: () => undefined },
  ]);
  assert.deepEqual(results, [
    { name: "arithmetic", passed: false, detail: "1 + 1: expected 2, got 3" },
    { name: "later", passed: false, detail: "not opened" },
    { name: "fine", passed: true, detail: "" },
  ]);
});
