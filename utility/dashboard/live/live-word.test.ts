import assert from "node:assert/strict";
import { test } from "node:test";
import { isOld, liveWord } from "./live-word.ts";

test("nothing is live without a stream, nor without a broker", () => {
  assert.equal(liveWord("live", "ok").word, "Live");
  assert.equal(liveWord("live", undefined).word, "Live");
  assert.deepEqual([liveWord("live", "away").word, liveWord("live", "away").tone], ["No broker", "bad"]);
  assert.equal(liveWord("connecting", "ok").word, "Connecting");
  assert.equal(liveWord("away", undefined).word, "Not live");
});

test("a state is old when it says so, and when nothing newer could come", () => {
  assert.equal(isOld("live", "ok", false), false);
  for (const old of [isOld("live", "ok", true), isOld("connecting", "ok", false), isOld("live", "away", false)]) {
    assert.equal(old, true);
  }
});
