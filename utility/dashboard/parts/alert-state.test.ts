import assert from "node:assert/strict";
import { test } from "node:test";
import { isOpen, isOver, isPending } from "./alert-state.ts";

test("each state stands under one heading, and what is pending is not over", () => {
  const headings = (["pending", "firing", "acknowledged", "silenced", "resolved"] as const).map((state) =>
    [isOpen, isPending, isOver].map((is) => is({ state })),
  );
  assert.deepEqual(headings, [
    [false, true, false],
    [true, false, false],
    [true, false, false],
    [true, false, false],
    [false, false, true],
  ]);
});
