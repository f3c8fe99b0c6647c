import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openDatabase, StorageError } from "../config/runtime/database.ts";
import { isPresent, noteClock, notePresence } from "./presence.ts";

test("who runs is noted, and a disk that has no room for it is told as such", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-presence-"));
  const file = join(folder, "analytics.db");
  const database = openDatabase(file, { synchronous: "FULL" });
  t.after(() => {
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  database.exec("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)");
  notePresence(database, process.pid);
  assert.equal(isPresent(database), true);
  database.pragma(`max_page_count = ${String(database.pragma("page_count", { simple: true }))}`);
  assert.throws(
    () => noteClock(database, { slotSeconds: 900, timezone: "x".repeat(10_000) }),
    (error) =>
      error instanceof StorageError && error.message === `no room left for ${file}; free disk space and start again`,
  );
});
