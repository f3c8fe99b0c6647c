import assert from "node:assert/strict";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { coveredSlots } from "../release/catchup.ts";
import { entriesOf, openTestDatabase, temporaryFolder } from "../testing/system.ts";
import { ShareGaps } from "./share-gaps.ts";
import { ShareStore } from "./share-store.ts";

function setUp(context: TestContext) {
  const db = openTestDatabase(path.join(temporaryFolder(context), "a.db"));
  context.after(() => db.close());
  db.prepare("INSERT INTO meters (id) VALUES ('m-1')").run();
  const store = new ShareStore(db, { journalRows: 100, cacheBlocks: 100, dirtyBlocks: 100 });
  const put = (kind: number, ...slots: readonly number[]) => {
    for (const slot of slots) store.put(1, kind, slot, entriesOf([[1, 1]]), 0, () => {});
  };
  return { put, gaps: new ShareGaps(store, 200) };
}

test("a catch-up stands for the missing slots up to it, and for none where its slot is stored", (context) => {
  const { put, gaps } = setUp(context);
  put(1, 1000, 1005);
  assert.equal(gaps.missingUpTo(1, 1, 1004), 4);
  assert.equal(gaps.missingUpTo(1, 1, 1005), 0);
  assert.equal(coveredSlots(gaps, 1, 3, [1004, 1005]), 4);
});

test("a gap that follows a gap counts only its own slots", (context) => {
  const { put, gaps } = setUp(context);
  put(1, 1000);
  put(3, 1004, 1006);
  assert.equal(gaps.missingUpTo(1, 1, 1006), 2);
  assert.equal(coveredSlots(gaps, 1, 3, [1004, 1006]), 6);
});

test("the time before a meter's first reading is no gap; one longer than the window is", (context) => {
  const { put, gaps } = setUp(context);
  assert.equal(gaps.missingUpTo(1, 1, 1000), 0);
  put(1, 300);
  assert.equal(gaps.missingUpTo(1, 1, 1000), 200);
});
