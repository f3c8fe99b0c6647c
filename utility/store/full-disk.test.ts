import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { StorageError } from "../../config/runtime/database.ts";
import { openUtilityDatabase } from "./open.ts";

test("a disk that is full in the middle of a transaction is told as such, and nothing of it is kept", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-utility-full-"));
  const file = join(folder, "utility.db");
  const db = await openUtilityDatabase(file);
  t.after(async () => {
    await db.destroy();
    rmSync(folder, { recursive: true, force: true });
  });
  const insert = (rows: number): Promise<void> =>
    db.transaction().execute(async (transaction) => {
      for (let row = 0; row < rows; row++) {
        const values = { key: `${rows}-${row}`, value: "x".repeat(4_000) };
        await transaction.insertInto("meta").values(values).execute();
      }
    });
  const kept = async (): Promise<number> =>
    (await db.selectFrom("meta").where("key", "like", "%-%").select("key").execute()).length;
  const pages = await sql<{ page_count: number }>`PRAGMA page_count`.execute(db);
  await sql`PRAGMA max_page_count = ${sql.lit((pages.rows[0]?.page_count ?? 0) + 10)}`.execute(db);
  await assert.rejects(insert(200), (error) => {
    assert.ok(error instanceof StorageError, String(error));
    assert.deepEqual(
      [error.code, error.message],
      ["full", `no room left for ${file}; free disk space and start again`],
    );
    return true;
  });
  assert.equal(await kept(), 0);
  await sql`PRAGMA max_page_count = 100000`.execute(db);
  await insert(3);
  assert.equal(await kept(), 3);
});
