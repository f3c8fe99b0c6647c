import assert from "node:assert/strict";
import { test } from "node:test";
import { roundAbout, roundWord } from "./round-state.ts";

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

test("a round of learning is dated by when it was asked, and its id is short", () => {
  const vector = {
    purpose: "vector",
    feeder: "0123456789abcdef0123456789abcdef",
    from: 0,
    to: 0,
    openedAt: 1_736_895_600,
  };
  assert.deepEqual(roundAbout(vector), { of: "01234567", from: 1_736_895_600, to: undefined, asked: true });
  const load = { purpose: "load", feeder: "f-1", from: 900, to: 1_800, openedAt: 5_000 };
  assert.deepEqual(roundAbout(load), { of: "f-1", from: 900, to: 1_800, asked: false });
});
