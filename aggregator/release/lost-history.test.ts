/** What an aggregator that goes on from a copy leaves to the others. */
import assert from "node:assert/strict";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { openTestDatabase, temporaryFolder } from "../testing/system.ts";
import { LostHistory } from "./lost-history.ts";
import { History } from "./testing/history.ts";

const THREE = { n: 3, q: 2, slotSeconds: 900 };

function restored(context: TestContext) {
  const db = openTestDatabase(path.join(temporaryFolder(context), "aggregator.db"));
  context.after(() => db.close());
  db.exec("INSERT INTO restored (one, before_slot) VALUES (1, NULL)");
  return db;
}

test("nothing is forgotten where no copy was put back", (context) => {
  const db = openTestDatabase(path.join(temporaryFolder(context), "aggregator.db"));
  context.after(() => db.close());
  assert.equal(new LostHistory({ ...THREE, db, now: () => undefined }).before, 0);
});

test("all may be forgotten until the time is known; from then on what is before it, also after further starts", (context) => {
  const db = restored(context);
  let time: number | undefined;
  const lost = new LostHistory({ ...THREE, db, now: () => time });
  assert.equal(lost.before, Number.POSITIVE_INFINITY);
  time = 900 * 100 + 5;
  assert.equal(lost.before, 101);
  time += 9_000;
  assert.equal(lost.before, 101);
  assert.equal(new LostHistory({ ...THREE, db, now: () => time }).before, 101);
  assert.equal(new LostHistory({ ...THREE, db, now: () => undefined }).before, 101);
});

test("where two quorums share two aggregators, one may forget: nothing is left to the others", (context) => {
  const db = restored(context);
  assert.equal(new LostHistory({ ...THREE, db, n: 5, q: 4, now: () => 90_000 }).before, 0);
  assert.equal(new LostHistory({ ...THREE, db, n: 5, q: 3, now: () => 90_000 }).before, 101);
});

test("loads and bills with slots that may be forgotten are refused, later ones are not", (context) => {
  const history = new History(temporaryFolder(context), { meters: 4, minSlots: 3, lost: { before: 12 } });
  assert.equal(history.ask(history.load([11, 13]))?.code, "history-lost");
  assert.equal(history.ask(history.bill([[0, 12]]))?.code, "history-lost");
  assert.equal(history.ask(history.load([12, 14])), undefined);
  assert.equal(history.ask(history.bill([[12, 24]])), undefined);
  // Late cells come from an earlier period.
  const late = history.bill([
    [24, 36],
    [0, 12],
  ]);
  assert.equal(history.ask(late)?.code, "history-lost");
});
