import assert from "node:assert/strict";
import { test } from "node:test";
import { roundWord } from "./round-state.ts";

test("a round that ended without a set has nothing final, and says so", () => {
  const none = roundWord({ status: "final", sets: 0, reason: "" });
  assert.deepEqual([none.word, none.tone], ["empty", "plain"]);
  assert.deepEqual(roundWord({ status: "final", sets: 1, reason: "" }), {
    ...{ tone: "good", word: "final", why: undefined },
  });
  assert.equal(roundWord({ status: "open", sets: 0, reason: "" }).tone, "info");
  assert.deepEqual(roundWord({ status: "quorum-lost", sets: 2, reason: "a-2 is away" }), {
    ...{ tone: "bad", word: "quorum-lost", why: "a-2 is away" },
  });
});
