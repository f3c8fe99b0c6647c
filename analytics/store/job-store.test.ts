/** Jobs and results over both databases (tests/storage runs it on a server). */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { migrateStore, openStore } from "../../config/runtime/store.ts";
import { testPlace } from "../../config/runtime/testing/store-place.ts";
import { JobStore } from "./job-store.ts";
import { ResultStore } from "./result-store.ts";
import { MIGRATIONS } from "./schema.ts";

const ORDER = {
  ...{ request: "r", circuit: "sum", parameters: {}, label: "f-1", feeders: ["f-1"], series: ["load"] },
  ...{ firstSlot: 960, slots: 96 },
};
const OPENING = { c0: [Uint8Array.of(9)], ready: [Uint8Array.of(1, 2)], outputs: ["o-1"] };

test("a job by its key once, its active set for ever, and what was opened of it the first time", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wattveil-jobs-"));
  const db = openStore(testPlace(path.join(folder, "analytics.db")), { synchronous: "FULL" });
  t.after(() => {
    db.close();
    rmSync(folder, { recursive: true });
  });
  migrateStore(db, MIGRATIONS);
  const jobs = new JobStore(db);
  const first = jobs.add({ ...ORDER, key: "k" }, "queued", 5.5)!;
  assert.equal(jobs.add({ ...ORDER, key: "k" }, "queued", 6), undefined);
  assert.equal(jobs.add(ORDER, "requested", 7), first + 1);
  const result = { transcript: Uint8Array.of(3), outputs: [Uint8Array.of(4)], milliseconds: 1.5, leftOut: [] };
  jobs.computed(first, { job: "abcd", ...result }, 8);
  jobs.fixActive(first, [1, 2], OPENING, 9);
  jobs.fixActive(first, [2, 3], OPENING, 10);
  assert.deepEqual(
    [jobs.activeOf("abcd"), jobs.activeOfOutputs(["o-0", "o-1"])],
    [
      [1, 2],
      [1, 2],
    ],
  );
  assert.deepEqual(
    jobs.wordsOf(first).map((word) => [...word]),
    [[1, 2]],
  );
  assert.deepEqual(jobs.resolve("abc"), undefined);
  assert.equal(jobs.resolve("abcd")?.number, first);
  assert.deepEqual(jobs.countStates(), { opening: 1, requested: 1 });
  assert.equal(jobs.requestCancel(first + 1), true);
  assert.deepEqual(
    jobs.cancelled().map(({ number }) => number),
    [first + 1],
  );

  const results = new ResultStore(db);
  const opened = {
    ...{ job: "abcd", number: first, circuit: "sum", label: "f-1", series: ["load"], firstSlot: 960, slots: 96 },
    ...{ inputs: 3, leftOut: [], status: "opened" as const, values: { sum: [1.5] }, units: { sum: "Wh" } },
    ...{ errorBounds: { sum: 0.25 }, openedBy: [1, 2], openedAt: 11 },
  };
  assert.deepEqual([results.add(opened), results.add({ ...opened, values: { sum: [2] } })], [true, false]);
  assert.deepEqual(results.list({ limit: 5 }), [opened]);
  assert.deepEqual(results.list({ limit: 5, circuit: "mean" }), []);
  assert.deepEqual(results.list({ limit: 5, label: "f-1", circuit: "sum" }), [opened]);
});
