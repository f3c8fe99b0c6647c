import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openDatabase, StorageError } from "../../config/runtime/database.ts";
import { Outbox } from "./outbox.ts";

test("a disk that is full stops the meter with a message that says so, and nobody is told that anything is durable", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-outbox-full-"));
  const file = join(folder, "outbox.db");
  const database = openDatabase(file, { synchronous: "FULL" });
  t.after(() => {
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const outbox = new Outbox(database);
  const pages = database.pragma("page_count", { simple: true }) as number;
  database.pragma(`max_page_count = ${pages}`);
  let isTold = false;
  outbox.defer(
    () => database.exec("CREATE TABLE more (x); INSERT INTO more VALUES (zeroblob(100000))"),
    () => {
      isTold = true;
    },
  );
  assert.throws(
    () => outbox.flush(),
    (error) =>
      error instanceof StorageError && error.message === `no room left for ${file}; free disk space and start again`,
  );
  assert.equal(isTold, false);
});
