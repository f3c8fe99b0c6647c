/** Long work on a database, in transactions none of which is long. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openStore } from "../config/runtime/store.ts";
import { testPlace } from "../config/runtime/testing/store-place.ts";
import { inPieces } from "./in-pieces.ts";
import { temporaryFolder } from "./testing/system.ts";

test("a transaction ends when its time is over, however long one item takes, and nothing is done twice", (context) => {
  const db = openStore(testPlace(`${temporaryFolder(context)}/pieces.db`), { synchronous: "FULL" });
  context.after(() => db.close());
  db.exec("CREATE TABLE done (item INTEGER)");
  const insert = db.prepare<[number]>("INSERT INTO done VALUES (?)");
  let time = 0;
  let began: number[] = [];
  const transaction = db.transaction.bind(db);
  db.transaction = ((work: () => void) => {
    const noted = transaction(() => {
      began.push(time);
      work();
    });
    return noted;
  }) as typeof db.transaction;
  const items = Array.from({ length: 20 }, (_, i) => i);
  const slow = (milliseconds: number) => (item: number) => {
    time += milliseconds;
    insert.run(item);
  };
  inPieces(db, items, slow(100), () => time);
  assert.ok(began.every((at, i) => i === 0 || at - began[i - 1]! <= 300));
  began = [];
  inPieces(db, items, slow(1_000), () => time);
  assert.equal(began.length, 20);
  began = [];
  inPieces(db, items, slow(0), () => time);
  assert.equal(began.length, 1);
  inPieces(db, [], slow(0), () => time);
  const counts = db.prepare<[], number>("SELECT count(*) FROM done GROUP BY item").pluck().all();
  assert.deepEqual(
    counts,
    items.map(() => 3),
  );
});
