import assert from "node:assert/strict";
import { test } from "node:test";
import { Opening } from "./opening.ts";

const NOBODY = new Set<number>();

function opening(): Opening {
  const quorum = { aggregators: 3, threshold: 2, quorum: 2 };
  const backoff = { retrySeconds: 2, mostSeconds: 60 };
  return new Opening({ number: 1, job: "j-1", active: undefined }, { ...quorum, backoff, now: 0 });
}

test("a silent aggregator is taken only where nobody else is or may still be ready", () => {
  const silent = new Set([1]);
  const one = opening();
  one.ready(1, Uint8Array.of(1), 0);
  one.ready(2, Uint8Array.of(2), 0);
  assert.deepEqual(one.choose(NOBODY, NOBODY, true), [1, 2]);
  assert.equal(one.choose(NOBODY, silent, true), undefined, "a-3 may still be ready");
  assert.deepEqual(one.choose(NOBODY, silent, false), [1, 2], "it had its time");
  assert.deepEqual(one.choose(new Set([3]), silent, true), [1, 2], "it is gone");
  one.ready(3, Uint8Array.of(3), 0);
  assert.deepEqual(one.choose(NOBODY, silent, true), [2, 3]);
  const other = opening();
  for (const index of [1, 2]) other.ready(index, Uint8Array.of(index), 0);
  other.refused(3, { type: "refuse", job: "j-1", code: "wrong-digest", detail: "", where: [] }, 0);
  assert.deepEqual(other.choose(NOBODY, silent, true), [1, 2], "it has refused for good");
});
