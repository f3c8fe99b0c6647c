import assert from "node:assert/strict";
import { test } from "node:test";
import { isOver, isPending } from "./alert-state.ts";

test("what is pending is not over, and what is open is neither", () => {
  const headings = (["pending", "firing", "acknowledged", "silenced", "resolved"] as const).map((state) =>
    [isPending, isOver].map((is) => is({ state })),
  );
  assert.deepEqual(headings, [
    [true, false],
    [false, false],
    [false, false],
    [false, false],
    [false, true],
  ]);
});
